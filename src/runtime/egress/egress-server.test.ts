import { expect, test } from "bun:test";
import { createLinkFlow, LINK_BYTES_PER_S, LINK_FRAMES_PER_S } from "../flow.ts";
import { FRAME, FrameLink, MESSAGE_FRAMES, PAYLOAD_MAX } from "../link/frame-link.ts";
import { EgressServer } from "./egress-server.ts";
import { readRequestHead } from "./heads.ts";

/** Without a server, a web or a clock that goes by itself. */
function createServer() {
  const said: unknown[] = [];
  const time = { now: 1_000 };
  const socket = { write: (bytes: Uint8Array) => bytes.length, end: () => undefined };
  const server = new FrameLink(socket, {
    frame: (...frame) => egress.take(...frame),
    head: () => undefined,
  });
  const flow = createLinkFlow({ monotonic: () => time.now, after: () => () => undefined });
  const egress = new EgressServer(server, flow, {
    gateway: () => ({ socket: null, url: null }),
    openRanges: [],
    policyOf: () => null,
    callerOf: () => ({ authorization: null, apikey: null }),
    serviceKey: () => Promise.reject(new Error("no key")),
    askHost: () => Promise.reject(new Error("no host")),
    onControl: (message) => said.push(message),
  });
  return { server, said, time, flow };
}

function frames(count: number, type: number, payload: string): Uint8Array {
  const frame = Buffer.alloc(9 + payload.length);
  frame.writeUInt32BE(payload.length, 0);
  frame.writeUInt8(type, 4);
  frame.write(payload, 9);
  return Buffer.concat(Array.from({ length: count }, () => frame));
}

test("messages are heard, and a tenth of a second's worth of them at once", () => {
  const { server, said, flow } = createServer();
  const count = LINK_FRAMES_PER_S / 10 / MESSAGE_FRAMES;
  server.receive(frames(count, FRAME.control, '{"t":"x"}'));
  expect([said.length, flow.waitMs()]).toEqual([count, 0]);
  server.receive(frames(count, FRAME.control, '{"t":"x"}'));
  expect([said.length, flow.waitMs()]).toEqual([2 * count, 100]);
});

test.each([
  ["messages", FRAME.control],
  ["pieces of bodies that nobody asked for", FRAME.data],
])("so it is with the bytes of %s", (_, type) => {
  const { server, flow } = createServer();
  const large = frames(1, type, `"${"x".repeat(PAYLOAD_MAX - 2)}"`);
  const times = LINK_BYTES_PER_S / PAYLOAD_MAX;
  for (let n = 0; n < times; n += 1) server.receive(large);
  expect(flow.waitMs()).toBeCloseTo(900);
});

test("a call of a request is a number or none", () => {
  const head = { to: "server", url: "/", method: "GET", headers: [], hasBody: false };
  const read = (more: object) =>
    readRequestHead(new TextEncoder().encode(JSON.stringify({ ...head, ...more })));
  expect([read({}), read({ call: 7 })]).toEqual([head, { ...head, call: 7 }] as never);
  for (const call of [null, "7", 1.5, 2 ** 53, [7]]) expect(read({ call })).toBeNull();
});
