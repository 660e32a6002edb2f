import { expect, test } from "bun:test";
import { createSimClock } from "../../test/support/sim-clock.ts";
import { type HealthProbe, readHealth } from "./health.ts";

const ok: HealthProbe = async () => ({ status: "ok", details: { n: 1 } });
const degraded: HealthProbe = async () => ({ status: "degraded" });
const failing: HealthProbe = () => Promise.reject(new Error("password=hunter2"));

test("the worst part is the whole's state", async () => {
  const clock = createSimClock();
  const of = async (probes: Record<string, HealthProbe>) =>
    (await readHealth(clock, "1", probes)).status;
  expect(await of({ a: ok, b: ok })).toBe("ok");
  expect(await of({ a: ok, b: degraded })).toBe("degraded");
  expect(await of({ a: failing, b: degraded, c: ok })).toBe("failed");
  expect(clock.pending()).toBe(0);
});

test("a part that fails is named, without its reason's text", async () => {
  const report = await readHealth(createSimClock(), "1", { data: failing, auth: ok });
  expect(report).toEqual({
    status: "failed",
    version: "1",
    parts: {
      data: { status: "failed", details: { reason: "error" } },
      auth: { status: "ok", details: { n: 1 } },
    },
  });
});

test("a part that does not answer has failed after 2 s, and is told to stop trying", async () => {
  const clock = createSimClock();
  let told: AbortSignal | undefined;
  const hanging: HealthProbe = (signal) => {
    told = signal;
    return new Promise(() => undefined);
  };
  const reading = readHealth(clock, "1", { data: hanging, auth: ok });
  await clock.advance(2_000);
  expect((await reading).parts).toEqual({
    data: { status: "failed", details: { reason: "timeout" } },
    auth: { status: "ok", details: { n: 1 } },
  });
  expect(told?.aborted).toBe(true);
});
