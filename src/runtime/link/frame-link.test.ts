import { expect, test } from "bun:test";
import {
  FRAME,
  FrameLink,
  type LinkSocket,
  type OnFrame,
  PAYLOAD_MAX,
  textIn,
  WINDOW_BYTES,
} from "./frame-link.ts";
import { OutboundBody } from "./framed-body.ts";

const NOBODY: OnFrame = { frame: () => undefined, head: () => undefined };

function collector() {
  const frames: [number, number, string][] = [];
  const heads: [number, number, unknown, string | null][] = [];
  const onFrame: OnFrame = {
    frame: (type, number, payload) => void frames.push([type, number, textIn(payload)]),
    head: (type, number, head, body) => void heads.push([type, number, head, body && textIn(body)]),
  };
  const link = new FrameLink({ write: () => 0, end: () => undefined }, onFrame);
  return { frames, heads, link };
}

/** What a link writes to a socket that takes a few bytes at a time. */
function written(send: (link: FrameLink) => void, step: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const socket = {
    write(bytes: Uint8Array) {
      const taken = bytes.slice(0, step);
      chunks.push(taken);
      return taken.length;
    },
    end: () => undefined,
  };
  const link = new FrameLink(socket, NOBODY);
  send(link);
  for (let n = 0; n < 1_000; n += 1) link.drained();
  return chunks;
}

test.each([1, 7, 1_000])("frames survive a socket that takes %d bytes at a time", (step) => {
  const chunks = written((link) => {
    link.send(FRAME.request, 1, "hello");
    link.send(FRAME.data, 4_000_000_000, "höhe ☃");
    link.sendHead(FRAME.answer, 2, '{"status":200}', "ünder");
    link.sendHead(FRAME.call, 3, '{"é":1}', new Uint8Array([104, 105]));
    link.sendHead(FRAME.call, 4, "{}");
    link.sendNumber(FRAME.credit, 5, 77);
    link.send(FRAME.end, 1);
  }, step);
  const { frames, heads, link } = collector();
  for (const chunk of chunks) link.receive(chunk);
  expect(frames).toEqual([
    [FRAME.request, 1, "hello"],
    [FRAME.data, 4_000_000_000, "höhe ☃"],
    [FRAME.credit, 5, "\u0000\u0000\u0000M"],
    [FRAME.end, 1, ""],
  ]);
  expect(heads).toEqual([
    [FRAME.answer, 2, { status: 200 }, "ünder"],
    [FRAME.call, 3, { é: 1 }, "hi"],
    [FRAME.call, 4, {}, null],
  ]);
});

test("frames that are more than the buffer holds go out in order, and the buffer shrinks again", () => {
  const large = "x".repeat(60_000);
  const chunks = written((link) => {
    for (let n = 1; n <= 20; n += 1) link.send(FRAME.data, n, `${n} ${large}`);
  }, 10_000);
  const { frames, link } = collector();
  for (const chunk of chunks) link.receive(chunk);
  expect(frames.map(([, number, text]) => [number, text.slice(0, 3), text.length])).toEqual(
    Array.from({ length: 20 }, (_, at) => [
      at + 1,
      `${at + 1} x`.slice(0, 3),
      large.length + String(at + 1).length + 1,
    ]),
  );
});

test.each([
  ["a head longer than its frame", 4, [0, 0, 0, 9]],
  ["no length of a head", 2, [0, 0]],
])("%s ends the link", (_, length, payload) => {
  const { link } = collector();
  expect(() =>
    link.receive(new Uint8Array([0, 0, 0, length, FRAME.answer, 0, 0, 0, 1, ...payload])),
  ).toThrow(RangeError);
});

test("a frame that is too long ends the link instead of filling memory", () => {
  const { link } = collector();
  const head = new Uint8Array(9);
  new DataView(head.buffer).setUint32(0, PAYLOAD_MAX + 1);
  expect(() => link.receive(head)).toThrow(RangeError);
});

test("no reader is sent more than a window, whatever credit it gives", async () => {
  let sentBytes = 0;
  const socket: LinkSocket = {
    write: (bytes) => {
      sentBytes += bytes.length;
      return bytes.length;
    },
    end: () => undefined,
  };
  const body = new OutboundBody(new FrameLink(socket, NOBODY), 1);
  body.credit(2 ** 32 - 1);
  const piece = new Uint8Array(WINDOW_BYTES);
  const source = new ReadableStream<Uint8Array>({ pull: (to) => to.enqueue(piece) });
  const pumping = body.pump(source);
  for (let turn = 0; turn < 100; turn += 1) await null;
  expect(sentBytes).toBeGreaterThan(WINDOW_BYTES / 2);
  expect(sentBytes).toBeLessThan(WINDOW_BYTES * 2);
  body.cancel();
  await pumping;
});

test("what the other end does not take is counted", () => {
  let room = 10;
  const socket: LinkSocket = { write: () => room, end: () => undefined };
  const link = new FrameLink(socket, NOBODY);
  link.send(FRAME.data, 1, new Uint8Array(100));
  expect(link.waitingBytes).toBe(109);
  link.flush();
  expect(link.waitingBytes).toBe(99);
  room = 1_000;
  link.drained();
  expect(link.waitingBytes).toBe(0);
});
