import { expect, test } from "bun:test";
import { FRAME, FrameLink, type LinkSocket, PAYLOAD_MAX, WINDOW_BYTES } from "./frame-link.ts";
import { OutboundBody } from "./framed-body.ts";

function collector() {
  const frames: [number, number, string][] = [];
  const link = new FrameLink({ write: () => 0, end: () => undefined }, (type, request, payload) =>
    frames.push([type, request, new TextDecoder().decode(payload)]),
  );
  return { frames, link };
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
  const link = new FrameLink(socket, () => undefined);
  send(link);
  for (let n = 0; n < 1_000; n += 1) link.drained();
  return chunks;
}

test.each([1, 7, 1_000])("frames survive a socket that takes %d bytes at a time", (step) => {
  const chunks = written((link) => {
    link.send(FRAME.request, 1, "hello");
    link.send(FRAME.data, 4_000_000_000, "höhe ☃");
    link.send(FRAME.end, 1);
  }, step);
  const { frames, link } = collector();
  for (const chunk of chunks) link.receive(chunk);
  expect(frames).toEqual([
    [FRAME.request, 1, "hello"],
    [FRAME.data, 4_000_000_000, "höhe ☃"],
    [FRAME.end, 1, ""],
  ]);
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
  const body = new OutboundBody(new FrameLink(socket, () => undefined), 1);
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
  const link = new FrameLink(socket, () => undefined);
  link.send(FRAME.data, 1, new Uint8Array(100));
  expect(link.waitingBytes).toBe(99);
  room = 1_000;
  link.drained();
  expect(link.waitingBytes).toBe(0);
});
