import { expect, test } from "bun:test";
import type { RequestContext } from "../../core/context.ts";
import type { IdempotencyStore } from "../../core/ports/idempotency.ts";
import { answerOnce } from "./answer-once.ts";
import { type FunctionVersion, NO_LIMITS } from "./function-version.ts";
import type { FunctionsParts } from "./parts.ts";

test("a call with an Idempotency-Key holds its key for as long as it may take", async () => {
  const claims: unknown[] = [];
  const begin: IdempotencyStore["begin"] = async (...args) => {
    claims.push(args.at(-1));
    return { state: "busy" };
  };
  const parts = { deps: { idempotency: { begin } }, config: { body_out_mb: 0 } };
  const version = { limits: { ...NO_LIMITS, deadline_ms: 600_000 } } as FunctionVersion;
  const principal = { role: "anon", userId: null, claims: "{}", expiresAt: 0 };
  const request = new Request("http://localhost/fn/v1/slow", {
    method: "POST",
    headers: { "idempotency-key": "k" },
  });
  const answering = answerOnce(
    parts as unknown as FunctionsParts,
    { path: "/fn/v1/slow" } as RequestContext,
    request,
    { principal, version },
    async () => new Response(),
  );
  await expect(answering).rejects.toMatchObject({ code: "idempotency_key_in_use" });
  expect(claims).toEqual([660_000]);
});
