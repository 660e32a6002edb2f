import { expect, test } from "bun:test";
import { createSimClock, settle } from "../../../../test/support/sim-clock.ts";
import type { AuthState } from "../auth-state.ts";
import { answerEvenly } from "./answer-evenly.ts";

test.each([
  ["an answer", async () => "done"],
  ["a failure", () => Promise.reject(new Error("planted"))],
])("%s leaves at the same time after the question, however soon it is ready", async (_, work) => {
  const clock = createSimClock();
  let told: unknown = null;
  const asked = answerEvenly({ deps: { clock } } as unknown as AuthState, work);
  asked.then(
    (value) => (told = value),
    (error: unknown) => (told = error),
  );
  await clock.advance(24);
  await settle();
  expect(told).toBeNull();
  await clock.advance(1);
  await settle();
  expect(told).not.toBeNull();
});

test("work that takes longer is not held", async () => {
  const clock = createSimClock();
  let told = false;
  const work = () => clock.sleep(40);
  void answerEvenly({ deps: { clock } } as unknown as AuthState, work).then(() => (told = true));
  await clock.advance(39);
  expect(told).toBeFalse();
  await clock.advance(1);
  await settle();
  expect(told).toBeTrue();
});
