import { expect, test } from "bun:test";
import { DEFAULT_TENANT } from "../../core/tenant.ts";
import { systemClock } from "../../shared/clock.ts";
import { createMemoryKv } from "../../shared/kv/memory-kv.ts";
import { answerHostCall } from "./answer-host-call.ts";

function world() {
  const kv = createMemoryKv(systemClock);
  return (path: string, init?: RequestInit, name = "counter") =>
    answerHostCall(kv, DEFAULT_TENANT, { name }, new Request(`http://host${path}`, init));
}

test("a value is written, read with its version, changed by version only, and removed", async () => {
  const ask = world();
  const put = await ask("/kv/=a%2Fb", { method: "PUT", body: "one" });
  const etag = put.headers.get("etag") ?? "";
  expect([put.status, etag]).toEqual([204, expect.stringMatching(/^"\d+"$/)]);
  const got = await ask("/kv/=a%2Fb");
  expect([await got.text(), got.headers.get("etag")]).toEqual(["one", etag]);
  const stale = { "if-match": '"999999"' };
  expect((await ask("/kv/=a%2Fb", { method: "PUT", body: "x", headers: stale })).status).toBe(412);
  const exists = { "if-none-match": "*" };
  expect((await ask("/kv/=a%2Fb", { method: "PUT", body: "x", headers: exists })).status).toBe(412);
  const fresh = { "if-match": etag };
  expect((await ask("/kv/=a%2Fb", { method: "PUT", body: "two", headers: fresh })).status).toBe(
    204,
  );
  expect((await ask("/kv/=a%2Fb", { method: "DELETE" })).status).toBe(204);
  expect((await ask("/kv/=a%2Fb")).status).toBe(404);
});

test("keys of one function are not another's, and are listed in pages", async () => {
  const ask = world();
  for (const key of ["user:1", "user:2", "user:3", "z"]) {
    await ask(`/kv/=${key}`, { method: "PUT", body: key });
  }
  expect((await ask("/kv/=user:1", {}, "other")).status).toBe(404);
  expect(await (await ask("/kv", {}, "other")).json()).toEqual({ keys: [] });
  expect(await (await ask("/kv?prefix=user:&limit=2")).json()).toEqual({
    keys: ["user:1", "user:2"],
  });
  expect(await (await ask("/kv?prefix=user:&after=user:2")).json()).toEqual({ keys: ["user:3"] });
});

test.each([
  ["no key", "/kv/=", {}, 400],
  ["a key that is too long", `/kv/=${"k".repeat(401)}`, {}, 400],
  ["a key with NUL", "/kv/=a%00b", {}, 400],
  ["a key that is no UTF-8", "/kv/=%ff", {}, 404],
  ["another path", "/elsewhere", {}, 404],
  ["another method", "/kv/=a", { method: "POST", body: "x" }, 405],
  ["a time in the past", "/kv/=a?ttl_s=-1", { method: "PUT", body: "x" }, 400],
  ["a time that is no number", "/kv/=a?ttl_s=soon", { method: "PUT", body: "x" }, 400],
  ["no ETag", "/kv/=a", { method: "PUT", body: "x", headers: { "if-match": "seven" } }, 400],
  ["too large a value", "/kv/=a", { method: "PUT", body: "x".repeat(1_048_577) }, 413],
  ["an empty page", "/kv?limit=0", {}, 400],
  ["too large a page", "/kv?limit=1001", {}, 400],
] as const)("%s is refused", async (_what, path, init, status) => {
  expect((await world()(path, init)).status).toBe(status);
});
