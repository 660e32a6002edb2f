import { expect, test } from "bun:test";
import { createSimClock } from "../../../test/support/sim-clock.ts";
import { createLinkFlow, LINK_FRAMES_PER_S } from "../flow.ts";
import { FRAME, FrameLink, type FrameType, MESSAGE_FRAMES } from "./frame-link.ts";
import { FRAMES_A_TURN, PacedReader } from "./paced-reader.ts";

/** @param weight as how many frames each of them counts */
function createReader(weight = 0) {
  const clock = createSimClock();
  const flow = createLinkFlow(clock);
  const seen = { frames: 0, pauses: 0, resumes: 0, broken: 0 };
  const socket = {
    write: (bytes: Uint8Array) => bytes.length,
    end: () => undefined,
    pause() {
      seen.pauses += 1;
    },
    resume() {
      seen.resumes += 1;
    },
  };
  const link = new FrameLink(socket, {
    frame() {
      seen.frames += 1;
      flow.countFrame(weight);
    },
    head: () => undefined,
  });
  const onBroken = () => {
    seen.broken += 1;
  };
  const reader = new PacedReader({ link, flow, socket, clock, onBroken });
  return { reader, seen, clock };
}

function frames(count: number, type: FrameType = FRAME.data): Buffer {
  const frame = Buffer.alloc(9 + 2);
  frame.writeUInt32BE(2, 0);
  frame.writeUInt8(type, 4);
  return Buffer.concat(Array.from({ length: count }, () => frame));
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("a few frames are taken at once, and the socket is left alone", () => {
  const { reader, seen } = createReader();
  reader.take(frames(FRAMES_A_TURN));
  reader.take(frames(3).subarray(0, 20));
  reader.take(frames(3).subarray(20));
  expect(seen).toEqual({ frames: FRAMES_A_TURN + 3, pauses: 0, resumes: 0, broken: 0 });
});

test("many are taken some a turn, and the socket waits for them", async () => {
  const { reader, seen } = createReader();
  reader.take(frames(3 * FRAMES_A_TURN - 1));
  expect(seen).toMatchObject({ frames: FRAMES_A_TURN, pauses: 1 });
  // Read before the pause.
  reader.take(frames(1));
  expect(seen.frames).toBe(FRAMES_A_TURN);
  await turn();
  expect(seen).toMatchObject({ frames: 2 * FRAMES_A_TURN, resumes: 0 });
  await turn();
  await turn();
  expect(seen).toEqual({ frames: 3 * FRAMES_A_TURN, pauses: 1, resumes: 1, broken: 0 });
});

test("of messages, whose JSON is read, fewer are taken a turn", async () => {
  const { reader, seen } = createReader();
  reader.take(frames(FRAMES_A_TURN, FRAME.control));
  expect(seen).toMatchObject({ frames: FRAMES_A_TURN / MESSAGE_FRAMES, pauses: 1 });
  for (let n = 0; n < MESSAGE_FRAMES; n += 1) await turn();
  expect(seen).toEqual({ frames: FRAMES_A_TURN, pauses: 1, resumes: 1, broken: 0 });
});

test("who says more than a function has to say is read no further until it may be", async () => {
  const { reader, seen, clock } = createReader(LINK_FRAMES_PER_S / FRAMES_A_TURN);
  reader.take(frames(2 * FRAMES_A_TURN));
  await clock.advance(899);
  expect(seen).toMatchObject({ frames: FRAMES_A_TURN, pauses: 1 });
  await clock.advance(1);
  expect(seen).toMatchObject({ frames: 2 * FRAMES_A_TURN, resumes: 0 });
  await clock.advance(1_000);
  expect(seen).toMatchObject({ pauses: 1, resumes: 1 });
});

test("what a child said last is taken when it has gone, as far as it is no flood", async () => {
  const few = createReader();
  few.reader.take(frames(FRAMES_A_TURN + 50));
  few.reader.finish();
  expect(few.seen.frames).toBe(FRAMES_A_TURN + 50);
  const many = createReader();
  many.reader.take(frames(10_000));
  many.reader.finish();
  const taken = many.seen.frames;
  expect(taken).toBeLessThan(2_000);
  many.reader.take(frames(1));
  await turn();
  expect(many.seen.frames).toBe(taken);
});

test("what is no frame is told once", () => {
  const { reader, seen } = createReader();
  reader.take(Buffer.alloc(16, 0xff));
  reader.take(frames(1));
  expect(seen).toEqual({ frames: 0, pauses: 0, resumes: 0, broken: 1 });
});

test("what is no frame is told while the socket waits, too", async () => {
  const { reader, seen, clock } = createReader(LINK_FRAMES_PER_S / FRAMES_A_TURN);
  reader.take(frames(FRAMES_A_TURN));
  reader.take(Buffer.alloc(16, 0xff));
  await clock.advance(10_000);
  expect(seen).toEqual({ frames: FRAMES_A_TURN, pauses: 1, resumes: 0, broken: 1 });
});
