import { expect, test } from "bun:test";
import { createLinkAllowance, LINK_BYTES_PER_S, LINK_FRAMES_PER_S } from "../flow.ts";
import { FRAME, FrameLink, PAYLOAD_MAX } from "../link/frame-link.ts";
import { EgressServer } from "./egress-server.ts";

/** Without a server, a web or a clock that goes by itself. */
function createServer() {
  const said: unknown[] = [];
  const time = { now: 0 };
  const socket = { write: (bytes: Uint8Array) => bytes.length, end: () => undefined };
  const server = new FrameLink(socket, {
    frame: (...frame) => egress.take(...frame),
    head: () => undefined,
  });
  const allowance = createLinkAllowance({ monotonic: () => time.now });
  const egress = new EgressServer(server, allowance, {
    gateway: () => ({ socket: null, url: null }),
    openRanges: [],
    policyOf: () => null,
    serviceKey: () => Promise.reject(new Error("no key")),
    askHost: () => Promise.reject(new Error("no host")),
    onControl: (message) => said.push(message),
  });
  return { server, said, time };
}

function frames(count: number, type: number, payload: string): Uint8Array {
  const frame = Buffer.alloc(9 + payload.length);
  frame.writeUInt32BE(payload.length, 0);
  frame.writeUInt8(type, 4);
  frame.write(payload, 9);
  return Buffer.concat(Array.from({ length: count }, () => frame));
}

test("a second's worth of messages is heard, and more is no function's", () => {
  const { server, said, time } = createServer();
  const thousand = frames(1_000, FRAME.control, '{"t":"x"}');
  const times = LINK_FRAMES_PER_S / 1_000;
  for (let n = 0; n < times; n += 1) server.receive(thousand);
  expect(said.length).toBe(LINK_FRAMES_PER_S);
  expect(() => server.receive(thousand)).toThrow("More than a function has to say");
  time.now = 2_000;
  server.receive(thousand);
});

test.each([
  ["messages", FRAME.control],
  ["pieces of bodies that nobody asked for", FRAME.data],
])("so it is with the bytes of %s", (_, type) => {
  const { server } = createServer();
  const large = frames(1, type, `"${"x".repeat(PAYLOAD_MAX - 2)}"`);
  const times = LINK_BYTES_PER_S / PAYLOAD_MAX;
  for (let n = 0; n < times; n += 1) server.receive(large);
  expect(() => server.receive(large)).toThrow("More than a function has to say");
});
