import { expect, test } from "bun:test";
import type { RequestContext } from "../../core/context.ts";
import type { IdempotencyStore } from "../../core/ports/idempotency.ts";
import { systemClock } from "../../shared/clock.ts";
import { answerOnce } from "./answer-once.ts";
import { type FunctionVersion, NO_LIMITS } from "./function-version.ts";
import type { FunctionsParts } from "./parts.ts";

test("a call with an Idempotency-Key holds its key for as long as it may take", async () => {
  const claims: unknown[] = [];
  const begin: IdempotencyStore["begin"] = async (...args) => {
    claims.push(args.at(-1));
    return { state: "done", answer: { status: 200, headers: {}, body: new Uint8Array() } };
  };
  const parts = {
    deps: { idempotency: { begin }, clock: systemClock },
    config: { body_out_mb: 0 },
  };
  const version = { limits: { ...NO_LIMITS, deadline_ms: 600_000 } } as FunctionVersion;
  const called = { name: "slow", chosen: { version, isShare: false } };
  const principal = { role: "anon", userId: null, claims: "{}", expiresAt: 0 };
  const request = new Request("http://localhost/fn/v1/slow", {
    method: "POST",
    headers: { "idempotency-key": "k" },
  });
  await answerOnce(
    parts as unknown as FunctionsParts,
    { path: "/fn/v1/slow" } as RequestContext,
    request,
    { principal, called },
    async () => new Response(),
  );
  expect(claims).toEqual([660_000]);
});
