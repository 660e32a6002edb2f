/** What `import { reactor } from "reactor"` gives, and functions in several processes. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { answerHostCall } from "../../src/capabilities/functions/answer-host-call.ts";
import type { FunctionSpec } from "../../src/core/ports/function-runtime.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { createMemoryKv } from "../../src/shared/kv/memory-kv.ts";
import { until } from "../support/until.ts";
import { DEFAULT_LIMITS, failureOf } from "./runtime-call.ts";
import { createFixture, type Fixture } from "./runtime-fixture.ts";

let fixture: Fixture;
let server: Bun.Server<undefined>;
interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}
const seen: Seen[] = [];

beforeAll(async () => {
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const { method, headers } = request;
      seen.push({ method, path: pathname + search, headers, body: await request.text() });
      if (pathname === "/data/v1/locked") {
        const body = { code: "42501", message: "denied", details: null, hint: "grant it" };
        return Response.json(body, { status: 403 });
      }
      return Response.json([{ id: 1 }]);
    },
  });
  const kv = createMemoryKv(systemClock);
  fixture = await createFixture({
    gateway: () => ({ socket: null, url: `http://127.0.0.1:${server.port}` }),
    serviceKey: async () => "sb_secret_test",
    hostCalls: (spec, request) => answerHostCall(kv, DEFAULT_TENANT, spec, request),
  });
});
afterAll(async () => {
  await fixture.close();
  await server.stop(true);
});

/** Processes without calls are soon ended. */
const BRIEF = { ...DEFAULT_LIMITS, idleMs: 300 };

function spec(name: string, body: string, more: Partial<FunctionSpec> = {}): FunctionSpec {
  const source = `import { reactor } from "reactor"; export default async (request) => { ${body} }`;
  return fixture.bunSpec(name, source, { limits: BRIEF, ...more });
}

async function run(body: string, more: Partial<FunctionSpec> = {}, name = "probe") {
  const caller = { authorization: "Bearer abc", apikey: "pub" };
  const code = `return Response.json((await (async () => { ${body} })()) ?? null);`;
  return await (await fixture.invoke(spec(name, code, more), { caller, requestId: "rid" })).json();
}

test("keys are written, read, compared, listed and removed", async () => {
  const body = `const { kv } = reactor;
    const first = await kv.set("user:1", { n: 1 });
    const stale = await kv.set("user:1", "x", { ifVersion: first + 1 });
    const taken = await kv.set("user:1", "x", { ifVersion: 0 });
    await kv.set("user:2", new Uint8Array([1, 2, 3]), { ttlS: 60 });
    const entry = await kv.entry("user:1");
    return [stale, taken, await kv.getJson("user:1"), [...(await kv.get("user:2"))], entry.version === first,
      await kv.list("user:"), await kv.delete("user:2"), await kv.delete("user:2"), await kv.getText("user:2")];`;
  expect(await run(body)).toEqual([
    null,
    null,
    { n: 1 },
    [1, 2, 3],
    true,
    ["user:1", "user:2"],
    true,
    false,
    null,
  ]);
  expect(await run(`return await reactor.kv.getJson("user:1")`, {}, "other")).toBeNull();
  const refused = await run(
    `return await reactor.kv.set("k".repeat(401), 1).catch((e) => e.message)`,
  );
  expect(refused).toContain("A key has 1 to 400 bytes");
});

test("any text is a key, also what a path takes for a step; what is none is refused in words", async () => {
  const keys = [".", "..", "%2e", "%2E%2e", "a/../b", "//", "ü".repeat(200)];
  const body = `const keys = ${JSON.stringify(keys)};
    for (const key of keys) await reactor.kv.set(key, key);
    const read = await Promise.all(keys.map((key) => reactor.kv.getText(key)));
    const refused = await Promise.all(["", "a\\0b", "\\ud800"].map((key) =>
      reactor.kv.set(key, 1).catch((error) => error.message)));
    return [read, (await reactor.kv.list()).length, refused];`;
  const refusals = ["A key has 1 to 400 bytes", "A key has no NUL", "A key is well-formed Unicode"];
  expect(await run(body, {}, "steps")).toEqual([keys, keys.length, refusals]);
});

test("the caller's client speaks as the caller, and refusals are errors with their code", async () => {
  const body = `const { data } = reactor;
    await data.select("notes", { select: "id", id: "eq.1" });
    await data.insert("notes", [{ text: "a" }]);
    await data.update("notes", "id=eq.1", { text: "b" });
    await data.rpc("total", { year: 2026 });
    await reactor.auth.user();
    await reactor.functions.invoke("other", { x: 1 });
    return await data.select("locked").catch((e) => [e.name, e.status, e.code, e.message, e.hint]);`;
  const before = seen.length;
  expect(await run(body)).toEqual(["ServerError", 403, "42501", "denied", "grant it"]);
  const asked = seen.slice(before);
  expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
    "GET /data/v1/notes?select=id&id=eq.1",
    "POST /data/v1/notes",
    "PATCH /data/v1/notes?id=eq.1",
    "POST /data/v1/rpc/total",
    "GET /auth/v1/user",
    "POST /fn/v1/other",
    "GET /data/v1/locked",
  ]);
  for (const { headers } of asked) {
    expect([headers.get("authorization"), headers.get("apikey")]).toEqual(["Bearer abc", "pub"]);
    expect(headers.get("x-request-id")).toBe("rid");
  }
  expect(asked[1]?.body).toBe('[{"text":"a"}]');
});

test("the service's client has the server's key, which the function never sees", async () => {
  const body = `await reactor.service.data.select("notes", "id=eq.1");
    await reactor.service.fetch("/data/v1/notes", { headers: { authorization: "Bearer forged", apikey: "forged" } });
    return null;`;
  const before = seen.length;
  await run(body, { service: true });
  for (const { headers } of seen.slice(before)) {
    expect([headers.get("authorization"), headers.get("apikey")]).toEqual([null, "sb_secret_test"]);
  }
  expect(seen.length).toBe(before + 2);
  const refused = await run(`return await reactor.service.fetch("/x").catch((e) => e.message)`);
  expect(refused).toContain("has not the rights of a service");
  expect(seen.length).toBe(before + 2);
});

test("waitUntil goes on after the answer, over idle times, and its failure is logged", async () => {
  const late = spec(
    "late",
    `reactor.waitUntil((async () => { await Bun.sleep(700); await reactor.kv.set("done", "yes"); console.log("late"); })());
     reactor.waitUntil(Promise.reject(new Error("went wrong"))); return new Response("early");`,
  );
  expect(await (await fixture.invoke(late)).text()).toBe("early");
  await fixture.line((line) => line.message.includes("waitUntil failed"));
  await fixture.line((line) => line.message === "late");
});

test("a retired version finishes what it promised with waitUntil", async () => {
  const late = spec(
    "retired",
    `reactor.waitUntil(Bun.sleep(300).then(() => console.log("kept its word"))); return new Response("");`,
  );
  await fixture.invoke(late);
  await fixture.runtimes.bun.retire(late.name, late.version);
  await fixture.line((line) => line.message === "kept its word");
});

const pidsOf = (name: string) =>
  fixture.runtimes.bun.processes().flatMap((one) => (one.function === name ? [one.pid] : []));

test("processes are added up to the maximum while all are busy, and go when nobody calls", async () => {
  const limits = { ...BRIEF, concurrency: 1 };
  const body = `console.log("in"); await new Promise(() => {});`;
  const wide = spec("wide", body, { limits, instances: { min: 0, max: 3 } });
  const leave = new AbortController();
  const calls = Array.from({ length: 9 }, () =>
    failureOf(fixture.invoke(wide, { init: { signal: leave.signal } })),
  );
  const taken = () => fixture.lines.filter((line) => line.function === "wide").length;
  await until("each of three has one", () => taken() === 3 && pidsOf("wide").length === 3);
  leave.abort();
  for (const { status } of await Promise.all(calls)) expect(status).toBe(499);
  expect(pidsOf("wide").length).toBeLessThanOrEqual(3);
  await until("they are gone", () => pidsOf("wide").length === 0);
});

test("the least number is there before the first call, and again after a crash", async () => {
  const ready = spec("ready", `process.exit(3)`, { instances: { min: 2, max: 2 } });
  await fixture.runtimes.bun.prepare(ready);
  await until("two are ready", () => pidsOf("ready").length === 2);
  const before = pidsOf("ready");
  expect((await failureOf(fixture.invoke(ready))).code).toBe("function_crashed");
  await until("two again", () => {
    const now = pidsOf("ready");
    return now.length === 2 && now.some((pid) => !before.includes(pid));
  });
  await fixture.runtimes.bun.retire(ready.name, ready.version);
  await until("none are left", () => pidsOf("ready").length === 0);
});
