import { expect, test } from "bun:test";
import { createSimClock } from "../../../../test/support/sim-clock.ts";
import { lastAnswers } from "./last-answers.ts";

function ending(isOwed: boolean) {
  const clock = createSimClock();
  const state = { isOwed, isOver: false };
  void lastAnswers(() => state.isOwed, clock).then(() => {
    state.isOver = true;
  });
  return { clock, state };
}

test("whoever came too late is told so, however long that takes, and so is who came meanwhile", async () => {
  const { clock, state } = ending(true);
  await clock.advance(200);
  expect(state.isOver).toBe(false);
  state.isOwed = false;
  await clock.advance(10);
  expect(state.isOver).toBe(false);
  state.isOwed = true;
  await clock.advance(200);
  expect(state.isOver).toBe(false);
  state.isOwed = false;
  await clock.advance(20);
  expect(state.isOver).toBe(true);
});

test("nobody is waited for where nothing is owed, nor anybody for ever", async () => {
  for (const [isOwed, withinMs] of [
    [false, 20],
    [true, 1_020],
  ] as const) {
    const { clock, state } = ending(isOwed);
    await clock.advance(withinMs);
    expect(state.isOver).toBe(true);
  }
});
