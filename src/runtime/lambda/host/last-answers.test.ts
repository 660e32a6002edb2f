import { expect, test } from "bun:test";
import { createSimClock } from "../../../../test/support/sim-clock.ts";
import { lastAnswers } from "./last-answers.ts";

function ending(pendingRequests: number, taken: number) {
  const clock = createSimClock();
  const server = { pendingRequests, isOpen: true, stop: () => (server.isOpen = false) };
  const state = { isOver: false };
  void lastAnswers(server, () => taken, clock).then(() => {
    state.isOver = true;
  });
  return { clock, server, state };
}

test("whoever came too late is told so, however long that takes, before nobody else may come", async () => {
  const { clock, server, state } = ending(2, 1);
  await clock.advance(200);
  expect([server.isOpen, state.isOver]).toEqual([true, false]);
  server.pendingRequests = 1;
  await clock.advance(10);
  expect([server.isOpen, state.isOver]).toEqual([false, false]);
  server.pendingRequests = 2;
  await clock.advance(200);
  expect(state.isOver).toBe(false);
  server.pendingRequests = 1;
  await clock.advance(10);
  expect(state.isOver).toBe(true);
});

test("what the program took with it is not waited for, nor anybody for ever", async () => {
  for (const [pending, withinMs] of [
    [1, 20],
    [2, 1_020],
  ] as const) {
    const { clock, state } = ending(pending, 1);
    await clock.advance(withinMs);
    expect(state.isOver).toBe(true);
  }
});
