import { expect, test } from "bun:test";
import { FRAME, FrameLink, PAYLOAD_MAX } from "./frame-link.ts";

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
