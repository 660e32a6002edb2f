/** In whose name a function asks this server, for how long, and that it never holds the credential. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { FunctionSpec } from "../../src/core/ports/function-runtime.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { until } from "../support/until.ts";
import { DEFAULT_LIMITS, type FixtureCall, requestOf } from "./runtime-call.ts";
import { createFixture, type Fixture } from "./runtime-fixture.ts";

let fixture: Fixture;
let server: Bun.Server<undefined>;
/** Path, and the credentials that came with it. */
const seen: [path: string, authorization: string | null, apikey: string | null][] = [];

beforeAll(async () => {
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch({ url, headers }) {
      const { pathname } = new URL(url);
      seen.push([pathname, headers.get("authorization"), headers.get("apikey")]);
      return new Response(headers.get("authorization") ?? headers.get("apikey") ?? "nobody");
    },
  });
  const url = `http://127.0.0.1:${server.port}`;
  fixture = await createFixture({ gateway: () => ({ socket: null, url }) });
});
afterAll(async () => {
  await fixture.close();
  await server.stop(true);
});
beforeEach(() => {
  seen.length = 0;
});

const ADA = { authorization: "Bearer eyJ.of.ada", apikey: "sb_secret_of_ada", org: "acme" };
const ASKED = [ADA.authorization, ADA.apikey] as const;
const ENDED = expect.stringContaining("The request it was for has ended");

/** What a function finds when it looks behind the module that it is given. */
const SPY = `
  import { AsyncLocalStorage } from "node:async_hooks";
  import { reactor } from "reactor";
  const found = [];
  const { getStore } = AsyncLocalStorage.prototype;
  AsyncLocalStorage.prototype.getStore = function () {
    const store = getStore.call(this);
    found.push(JSON.stringify(store));
    return forged === null ? store : { ...store, n: forged };
  };
  let forged = null;
  const ask = (path, init) => reactor.fetch(path, init).then((r) => r.text(), (e) => e.message);
  let kept = null;
  /** Goes back into a call that was kept. */
  const later = (path) => kept(() => ask(path));
  const keep = () => { kept = AsyncLocalStorage.snapshot(); };`;

function spy(name: string, body: string, more: Partial<FunctionSpec> = {}): FunctionSpec {
  const source = `${SPY} export default async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/later") return new Response(await later("/late"));
    if (pathname === "/found") return Response.json(found);
    ${body} };`;
  return fixture.bunSpec(name, source, more);
}

const at = async (spec: FunctionSpec, path: string, call: FixtureCall = {}) =>
  await (await fixture.invoke(spec, { url: `http://localhost${path}`, ...call })).text();

test("a function asks as its caller, and whatever it looks into holds no credential", async () => {
  const spec = spy("sees", `return new Response(await ask("/as"));`);
  expect(await at(spec, "/", { caller: ADA, requestId: "rid" })).toBe(ADA.authorization);
  expect(seen).toEqual([["/as", ...ASKED]]);
  const found = await at(spec, "/found");
  expect(found).toContain("rid");
  expect(found).not.toMatch(/Bearer|eyJ|sb_secret/);
});

test("the rights of a call end with its answer, and a later call has none of them", async () => {
  const spec = spy("keeps", `keep(); return new Response(await ask("/in"));`);
  expect(await at(spec, "/", { caller: ADA })).toBe(ADA.authorization);
  expect(await at(spec, "/later")).toEqual(ENDED);
  expect(seen.map(([path]) => path)).toEqual(["/in"]);
});

test("a number that stands for no call is refused, and who brings both credentials needs none", async () => {
  const spec = spy(
    "forges",
    `forged = 1_000_000;
     const headers = { authorization: "Bearer own", apikey: "own" };
     const asked = [ask("/none"), ask("/half", { headers: { apikey: "own" } }), ask("/own", { headers })];
     forged = null;
     return Response.json(await Promise.all(asked));`,
  );
  const said: unknown = JSON.parse(await at(spec, "/", { caller: ADA }));
  expect(said).toEqual([ENDED, ENDED, "Bearer own"]);
  expect(seen).toEqual([["/own", "Bearer own", "own"]]);
});

test("work that waitUntil keeps has the caller's rights, and no longer than it lasts", async () => {
  const spec = spy(
    "works",
    `keep();
     reactor.waitUntil(Bun.sleep(300).then(() => ask("/work")));
     return new Response("early");`,
  );
  expect(await at(spec, "/", { caller: ADA })).toBe("early");
  expect(seen).toEqual([]);
  expect(await at(spec, "/later")).toBe(ADA.authorization);
  await until("it has asked", () => seen.length === 2);
  expect(seen[1]).toEqual(["/work", ...ASKED]);
  await until("its rights are over", async () => (await at(spec, "/later")).includes("has ended"));
});

test("callers at one time are not taken for one another", async () => {
  const spec = spy(
    "many",
    `const own = [];
     for (let n = 0; n < 5; n += 1) { await Bun.sleep(Math.random() * 10); own.push(await ask("/one")); }
     return Response.json(own);`,
  );
  const calls = Array.from({ length: 24 }, async (_, n) => {
    const authorization = n % 4 === 0 ? null : `Bearer ${n}`;
    const said = await at(spec, "/", { caller: { authorization, apikey: null } });
    expect(JSON.parse(said)).toEqual(Array(5).fill(authorization ?? "nobody"));
  });
  await Promise.all(calls);
});

test("an answer that streams is a call until its last byte", async () => {
  const spec = spy(
    "streams",
    `keep();
     async function* body() { yield "a "; await Bun.sleep(50); yield await ask("/amid"); }
     return new Response(body());`,
  );
  expect(await at(spec, "/", { caller: ADA })).toBe(`a ${ADA.authorization}`);
  expect(await at(spec, "/later")).toEqual(ENDED);
});

test("who goes away does not stop what was begun in his name", async () => {
  const spec = spy(
    "left",
    `await new Promise((gone) => request.signal.addEventListener("abort", gone));
     await ask("/after"); return new Response("");`,
  );
  const leave = new AbortController();
  const call = fixture.invoke(spec, { caller: ADA, init: { signal: leave.signal } });
  setTimeout(() => leave.abort(), 300);
  await call.catch(() => undefined);
  await until("it has asked", () => seen.length === 1);
  expect(seen).toEqual([["/after", ...ASKED]]);
});

test("an open WebSocket asks as who opened it, in its end too, and not for long after that", async () => {
  const limits = { ...DEFAULT_LIMITS, deadlineMs: 1_500 };
  const source = `${SPY} export default {
    async fetch(request, server) {
      const { pathname } = new URL(request.url);
      if (pathname === "/later") return new Response(await later("/late"));
      if (pathname === "/found") return Response.json([...found, [...request.headers]]);
      found.push([...request.headers]);
      server.upgrade(request);
    },
    websocket: {
      open: keep,
      async message(ws) { ws.send(await ask("/message")); },
      async close() { await Bun.sleep(50); await ask("/close"); },
    },
  };`;
  const spec = fixture.bunSpec("socket", source, { limits });
  const said = Promise.withResolvers<unknown>();
  const socket = await fixture.runtimes.bun.connect?.(
    {
      ...{ tenant: DEFAULT_TENANT, requestId: "rid", spec, exportName: null, caller: ADA },
      request: requestOf("http://localhost/", { headers: { upgrade: "websocket" } }),
    },
    { message: said.resolve, close: () => undefined },
  );
  socket?.send("who am I?");
  expect(await said.promise).toBe(ADA.authorization);
  expect(await at(spec, "/found")).not.toMatch(/Bearer|eyJ|sb_secret/);
  expect(await at(spec, "/later")).toBe(ADA.authorization);
  socket?.close(1000);
  await until("its end has asked", () => seen.some(([path]) => path === "/close"));
  expect(seen.at(-1)).toEqual(["/close", ...ASKED]);
  await until("its rights are over", async () => (await at(spec, "/later")).includes("has ended"));
});

test("a handler for AWS Lambda asks as its caller, sees no credential, and keeps no rights", async () => {
  const source = `${SPY} export const handler = async ({ rawPath }) => {
    if (rawPath === "/later") return { statusCode: 200, body: await later("/late") };
    if (rawPath === "/found") return { statusCode: 200, body: JSON.stringify(found) };
    keep();
    return { statusCode: 200, body: await ask("/as") };
  };`;
  const spec = fixture.lambdaSpec("aws", source, {
    limits: { ...DEFAULT_LIMITS, concurrency: 1 },
  });
  expect(await at(spec, "/", { caller: ADA, requestId: "rid" })).toBe(ADA.authorization);
  const found = await at(spec, "/found");
  expect(found).toContain("rid");
  expect(found).not.toMatch(/Bearer|eyJ|sb_secret/);
  expect(await at(spec, "/later")).toEqual(ENDED);
  expect(seen).toEqual([["/as", ...ASKED]]);
});
