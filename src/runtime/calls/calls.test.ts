import { expect, test } from "bun:test";
import { createSimClock } from "../../../test/support/sim-clock.ts";
import { until } from "../../../test/support/until.ts";
import { systemClock } from "../../shared/clock.ts";
import {
  BODY_BYTES_PER_S,
  createLinkFlow,
  LINK_BYTES_PER_S,
  type LinkFlow,
  UNSHARED_BYTES,
} from "../flow.ts";
import {
  FRAME,
  FrameLink,
  type LinkSocket,
  PAYLOAD_MAX,
  textIn,
  WINDOW_BYTES,
} from "../link/frame-link.ts";
import { type AnswerCall, CallReceiver, type GivenAnswer } from "./call-receiver.ts";
import { CallNotSent, CallRefused, CallSender, ProcessGone } from "./call-sender.ts";

const unmoved = { monotonic: () => 0, after: systemClock.after };

/** Both ends, with bytes that go across at once. */
function pair(onCall: AnswerCall, flow = createLinkFlow(unmoved)) {
  const toChild: LinkSocket = {
    write: (bytes) => {
      child.receive(bytes.slice());
      return bytes.length;
    },
    end: () => undefined,
  };
  const toServer: LinkSocket = {
    write: (bytes) => {
      server.receive(bytes.slice());
      return bytes.length;
    },
    end: () => undefined,
  };
  const server: FrameLink = new FrameLink(toChild, {
    frame: (...frame) => sender.take(...frame),
    head: (_, ...answer) => sender.takeAnswer(...answer),
  });
  const child: FrameLink = new FrameLink(
    toServer,
    {
      frame: (...frame) => receiver.take(...frame),
      head: (_, number, head, body) => receiver.takeCall(number, head as object, body),
    },
    Number.POSITIVE_INFINITY,
  );
  const sender = new CallSender(server, flow);
  const receiver = new CallReceiver(child, systemClock);
  receiver.onCall = onCall;
  return { sender, receiver, server, child, flow };
}

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text));
const ok = (body: GivenAnswer["body"]): GivenAnswer => ({
  status: 200,
  headers: { "x-a": "b" },
  body,
});

test("a call and its answer, small bodies whole in their frames", async () => {
  const { sender, receiver } = pair(({ head, body }) =>
    ok(`${(head as { say: string }).say} ${textIn(body as Uint8Array)}`),
  );
  const answer = await sender.send({ say: "hello" }, bytesOf("wörld")).answer;
  expect({ ...answer, body: textIn(answer.body as Uint8Array) }).toMatchObject({
    status: 200,
    headers: { "x-a": "b" },
    body: "hello wörld",
  });
  expect(receiver.pending).toBe(0);
});

test("bodies of any length arrive whole, at the pace of their readers", async () => {
  const large = new Uint8Array(3 * WINDOW_BYTES).map((_, at) => at % 251);
  const { sender } = pair(async ({ body }) =>
    ok(await new Response(body as ReadableStream<Uint8Array>).bytes()),
  );
  const { body, headers } = await sender.send({}, large).answer;
  expect(headers["content-length"]).toBe(String(large.length));
  expect(await new Response(body).bytes()).toEqual(large);
});

test("an answer that nobody reads is held at a window", async () => {
  let given = 0;
  const piece = new Uint8Array(16 * 1024);
  const endless = () =>
    new ReadableStream<Uint8Array>({
      pull(to) {
        given += piece.length;
        to.enqueue(piece);
      },
    });
  const { sender, receiver } = pair(() => ok(endless()));
  const sent = sender.send({}, null);
  const { body } = await sent.answer;
  for (let turn = 0; turn < 50; turn += 1) await Bun.sleep(0);
  expect(given).toBeGreaterThan(WINDOW_BYTES / 2);
  expect(given).toBeLessThan(2 * WINDOW_BYTES);
  await (body as ReadableStream).cancel();
  await until("the child has heard of it", () => receiver.pending === 0);
});

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** An answer of a second's worth, read as it comes: `stalled` is how much was read when no more came. */
async function readLong(flow: LinkFlow) {
  const piece = new Uint8Array(64 * 1024);
  let left = BODY_BYTES_PER_S / piece.length;
  const long = new ReadableStream<Uint8Array>({
    pull(to) {
      left -= 1;
      if (left > 0) to.enqueue(piece);
      else to.close();
    },
  });
  const { sender } = pair(() => ok(long), flow);
  const body = (await sender.send({}, null).answer).body as ReadableStream<Uint8Array>;
  let readBytes = 0;
  const reading = (async () => {
    for await (const { length } of body) readBytes += length;
  })().catch(() => undefined);
  const stalled = async () => {
    for (let before = -1; before !== readBytes; ) {
      before = readBytes;
      for (let n = 0; n < 50; n += 1) await turn();
    }
    return readBytes;
  };
  const stop = () => {
    sender.close();
    return reading;
  };
  return { stalled, stop };
}

test("an answer that is read as it comes comes no faster than it may", async () => {
  const clock = createSimClock();
  const { stalled, stop } = await readLong(createLinkFlow(clock));
  const atOnce = await stalled();
  expect(atOnce).toBeGreaterThan(BODY_BYTES_PER_S / 20);
  expect(atOnce).toBeLessThan(BODY_BYTES_PER_S / 5);
  await clock.advance(100);
  const later = await stalled();
  expect(later).toBeGreaterThan(atOnce);
  expect(later - atOnce).toBeLessThan(BODY_BYTES_PER_S / 5);
  await stop();
});

test("an answer has to share once it is long, and goes on when it is its turn", async () => {
  const clock = createSimClock();
  const { stalled, stop } = await readLong(createLinkFlow(clock, { waitMs: () => 1_000 }));
  const unshared = await stalled();
  expect(unshared).toBeGreaterThan(UNSHARED_BYTES - WINDOW_BYTES);
  expect(unshared).toBeLessThan(UNSHARED_BYTES + 2 * WINDOW_BYTES);
  await clock.advance(1_001);
  const shared = (await stalled()) - unshared;
  expect(shared).toBeGreaterThan(0);
  expect(shared).toBeLessThanOrEqual(WINDOW_BYTES);
  await stop();
});

/** Pieces of a byte, each in a turn of its own. */
function dropping(onPiece: () => void) {
  return new ReadableStream<Uint8Array>({
    async pull(to) {
      await turn();
      onPiece();
      to.enqueue(new Uint8Array(1));
    },
  });
}

test("pieces of a byte count for more than a byte, and wait for their reader", async () => {
  let given = 0;
  const { sender } = pair(() => new Promise(() => undefined));
  const sent = sender.send(
    {},
    dropping(() => (given += 1)),
  );
  for (let quiet = 0; quiet < 100; ) {
    const before = given;
    await turn();
    quiet = given > before ? 0 : quiet + 1;
  }
  expect(given).toBeGreaterThan(1_000);
  expect(given).toBeLessThan(WINDOW_BYTES / 16);
  sent.cancel(new Error("enough"));
  await expect(sent.answer).rejects.toThrow("enough");
});

test("a body of very many pieces goes in few frames", async () => {
  let left = 200_000;
  const rows = () =>
    new ReadableStream<Uint8Array>({
      pull(to) {
        to.enqueue(bytesOf("row\n"));
        if (--left === 0) to.close();
      },
    });
  const { sender } = pair(() => ok(rows()));
  const { body } = await sender.send({}, null).answer;
  expect(await new Response(body).text()).toBe("row\n".repeat(200_000));
});

test("what is given up before its turn is not begun, and what has begun hears of it", async () => {
  const begun: string[] = [];
  const heard: string[] = [];
  const { sender, receiver, server } = pair(({ head, abort }) => {
    const { name } = head as { name: string };
    begun.push(name);
    abort.onAbort(() => heard.push(name));
    // Long enough to be heard of before the next one.
    const until = performance.now() + 5;
    while (performance.now() < until);
    return new Promise(() => undefined);
  });
  const calls = ["first", "second", "third"].map((name) => sender.send({ name }, null));
  const ends = Promise.allSettled(calls.slice(0, 2).map(({ answer }) => answer));
  server.flush();
  calls[1]?.cancel("given up");
  calls[0]?.cancel("given up");
  server.flush();
  await until("the last has begun", () => begun.length === 2);
  expect([begun, heard, receiver.pending]).toEqual([["first", "third"], ["first"], 1]);
  const givenUp = { status: "rejected", reason: "given up" } as const;
  expect(await ends).toEqual([givenUp, givenUp]);
});

test("an answer whose stream fails is broken off, and the child is told why", async () => {
  const failing = () =>
    new ReadableStream<Uint8Array>({ pull: (to) => to.error(new Error("inside")) });
  const { sender, receiver } = pair(() => ok(failing()));
  const told: unknown[] = [];
  receiver.onBroken = (_, error) => told.push(error);
  let ended = 0;
  const { body } = await sender.send({}, null, () => (ended += 1)).answer;
  await expect(new Response(body).text()).rejects.toThrow("broke off");
  expect([String(told[0]), ended]).toEqual(["Error: inside", 1]);
});

test("headers that are too long are a failure, not the end of the link", async () => {
  const { sender } = pair(() => ({ ...ok(null), headers: { long: "x".repeat(70_000) } }));
  const { outcome, body } = await sender.send({}, null).answer;
  expect([outcome, textIn(body as Uint8Array)]).toEqual([
    "failed",
    expect.stringContaining("headers"),
  ]);
});

test("calls of a process that is gone fail, and none are sent to it", async () => {
  const { sender, server } = pair(() => new Promise(() => undefined));
  const { answer } = sender.send({}, null);
  server.close();
  sender.close();
  await expect(answer).rejects.toBeInstanceOf(ProcessGone);
  expect(() => sender.send({}, null)).toThrow(CallNotSent);
});

test.each([
  ["a status that is none", { status: 99, headers: {} }],
  ["no headers", { status: 200 }],
  ["headers that are no texts", { status: 200, headers: { a: 1 } }],
  ["lists of others than texts", { status: 200, headers: { a: [{}] } }],
  ["an outcome of its own", { status: 200, headers: {}, outcome: "fine" }],
  ["names in capitals", { status: 200, headers: { "X-Reactor-Version": "mine" } }],
  ["a text of the status that is none", { status: 200, headers: {}, statusText: 5 }],
  ["null", null],
])("an answer with %s ends the link", (_, head) => {
  const { sender } = pair(() => new Promise(() => undefined));
  void sender.send({}, null).answer.catch(() => undefined);
  expect(() => sender.takeAnswer(0x8000_0001, head, null, 9)).toThrow(RangeError);
});

test("a second answer, pieces of no body and more than a window end the link", async () => {
  const streaming = { status: 200, headers: {}, streams: true };
  const begin = () => {
    const { sender } = pair(() => new Promise(() => undefined));
    void sender.send({}, null).answer.catch(() => undefined);
    return sender;
  };
  const number = 0x8000_0001;
  expect(() => begin().take(FRAME.data, number, bytesOf("x"))).toThrow("no body");
  const twice = begin();
  twice.takeAnswer(number, streaming, null, 9);
  expect(() => twice.takeAnswer(number, streaming, null, 9)).toThrow("once");
  const piece = new Uint8Array(WINDOW_BYTES / 4);
  const flood = () => {
    for (let n = 0; n < 5; n += 1) twice.take(FRAME.data, number, piece);
  };
  expect(flood).toThrow("window");
});

test("answers to no call are counted by their bytes", () => {
  const { sender, flow } = pair(() => new Promise(() => undefined));
  const count = (3 * LINK_BYTES_PER_S) / PAYLOAD_MAX;
  for (let n = 0; n < count; n += 1) sender.takeAnswer(0x8000_0001, {}, null, PAYLOAD_MAX);
  expect(flow.waitMs()).toBeCloseTo(2_900);
});

test("pieces of bodies hold nothing of what came with them", async () => {
  const { sender } = pair(({ body }) => ok(body as ReadableStream<Uint8Array>));
  const { body } = await sender.send({}, new Blob(["piece"]).stream()).answer;
  for await (const piece of body as ReadableStream<Uint8Array>) {
    expect([piece.byteLength, piece.buffer.byteLength, piece.constructor]).toEqual([
      5,
      5,
      Uint8Array,
    ]);
  }
});

test("an answer has left before the next call begins, which may take long", () => {
  const waiting: number[] = [];
  const ends: ReturnType<typeof pair> = pair(() => {
    waiting.push(ends.child.waitingBytes);
    return ok("answer");
  });
  for (let n = 0; n < 3; n += 1) ends.sender.send({}, null);
  ends.server.flush();
  expect(waiting).toEqual([0, 0, 0]);
});

test("a process that does not read is sent no more than enough", () => {
  const link = { isClosed: false, waitingBytes: 200 * 1024 * 1024 } as unknown as FrameLink;
  const sender = new CallSender(
    link,
    createLinkFlow({ monotonic: () => 0, after: systemClock.after }),
  );
  expect(() => sender.send({}, null)).toThrow(CallRefused);
});
