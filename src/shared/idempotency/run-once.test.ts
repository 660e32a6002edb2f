import { describe, expect, test } from "bun:test";
import { createMemoryLog } from "../../../test/support/memory-log.ts";
import { createSimClock } from "../../../test/support/sim-clock.ts";
import { DEFAULT_TENANT } from "../../core/tenant.ts";
import { createIds } from "../ids.ts";
import { systemRng } from "../rng.ts";
import { createMemoryIdempotency } from "./memory-idempotency.ts";
import {
  type AnswerKeeper,
  type KeyedRequest,
  keptHeaders,
  replayResponse,
  runOnce,
} from "./run-once.ts";

const text: AnswerKeeper<string> = {
  save: async (answer) => ({
    answer,
    saved: answer === "large" ? null : { status: 200, headers: {}, body: Buffer.from(answer) },
  }),
  restore: (saved) => `again ${Buffer.from(saved.body).toString()}`,
};

function setup() {
  const clock = createSimClock();
  const log = createMemoryLog();
  const store = createMemoryIdempotency(clock, createIds(clock, systemRng));
  const request: KeyedRequest = {
    store,
    tenant: DEFAULT_TENANT,
    log,
    scope: "anon:POST:/x",
    key: "k",
    fingerprint: "f",
  };
  let runs = 0;
  const work = async (answer = "done") => {
    runs += 1;
    return answer;
  };
  return { request, store, log, work, clock, runs: () => runs };
}

describe("a request with an Idempotency-Key", () => {
  test("takes effect once and is answered alike", async () => {
    const { request, work, runs } = setup();
    expect(await runOnce(request, text, work)).toBe("done");
    expect(await runOnce(request, text, work)).toBe("again done");
    expect(runs()).toBe(1);
  });

  test("of another meaning or another caller is not answered for the first", async () => {
    const { request, work } = setup();
    await runOnce(request, text, work);
    const other = { ...request, fingerprint: "g" };
    await expect(runOnce(other, text, work)).rejects.toMatchObject({
      code: "idempotency_key_reused",
    });
    expect(await runOnce({ ...request, scope: "bob:POST:/x" }, text, work)).toBe("done");
  });

  test("is refused while the first is at work", async () => {
    const { request, work } = setup();
    const gate = Promise.withResolvers<string>();
    const first = runOnce(request, text, () => gate.promise);
    await expect(runOnce(request, text, work)).rejects.toMatchObject({
      code: "idempotency_key_in_use",
      status: 409,
    });
    gate.resolve("slow");
    expect(await first).toBe("slow");
  });

  test("may be repeated after a failure, and after an answer too large to keep", async () => {
    const { request, work, runs } = setup();
    const failing = () => Promise.reject(new Error("planted"));
    await expect(runOnce(request, text, failing)).rejects.toThrow("planted");
    expect(await runOnce(request, text, () => work("large"))).toBe("large");
    expect(await runOnce(request, text, work)).toBe("done");
    expect(runs()).toBe(2);
  });

  test("may be repeated after its answer broke off while it was read", async () => {
    const { request, work } = setup();
    const broken = { ...text, save: () => Promise.reject(new Error("broken off")) };
    await expect(runOnce(request, broken, work)).rejects.toThrow("broken off");
    expect(await runOnce(request, text, work)).toBe("done");
  });

  test("is refused for as long as the first says that it may take", async () => {
    const { request, work, clock } = setup();
    const gate = Promise.withResolvers<string>();
    const long = { ...request, claimMs: 900_000 };
    const first = runOnce(long, text, () => gate.promise);
    await clock.advance(899_000);
    await expect(runOnce(long, text, work)).rejects.toMatchObject({ status: 409 });
    gate.resolve("slow");
    expect(await first).toBe("slow");
    expect(await runOnce(long, text, work)).toBe("again slow");
  });

  test("is answered again with all its cookies", async () => {
    const headers = new Headers({ "x-own": "1" });
    headers.append("set-cookie", "a=1, x");
    headers.append("set-cookie", "b=2");
    const saved = { status: 200, headers: keptHeaders(headers), body: new Uint8Array() };
    const again = replayResponse(saved).headers;
    expect(again.getSetCookie()).toEqual(["a=1, x", "b=2"]);
    expect([again.get("x-own"), again.get("idempotency-replayed")]).toEqual(["1", "true"]);
  });

  test("is done even when its answer cannot be kept, and the log says so", async () => {
    const { request, log, work } = setup();
    const store = { ...request.store, complete: () => Promise.reject(new Error("planted")) };
    expect(await runOnce({ ...request, store }, text, work)).toBe("done");
    expect(log.lines.map((line) => line.event)).toContain("idempotency.answer_lost");
  });

  test("with a key that is none is refused before anything runs", async () => {
    const { request, work, runs } = setup();
    for (const key of ["", "k".repeat(256), "a b", "ä"]) {
      await expect(runOnce({ ...request, key }, text, work)).rejects.toMatchObject({ status: 400 });
    }
    expect(runs()).toBe(0);
  });
});
