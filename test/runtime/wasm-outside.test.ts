/** WASM functions that wait for the outside: the web, this server, their keys, and one another. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { FunctionSpec } from "../../src/core/ports/function-runtime.ts";
import { parseRange } from "../../src/shared/ip-address.ts";
import { until } from "../support/until.ts";
import { guest } from "./guests.ts";
import { DEFAULT_LIMITS, failureOf } from "./runtime-call.ts";
import { createFixture, type Fixture } from "./runtime-fixture.ts";

let fixture: Fixture;
let web: Bun.Server<undefined>;
const seen: {
  path: string;
  authorization: string | null;
  id: string | null;
  org: string | null;
}[] = [];
/** Resolves when `/slow` may answer. */
const release = Promise.withResolvers<void>();
const keys = new Map<string, Uint8Array<ArrayBuffer>>();

beforeAll(async () => {
  web = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname } = new URL(request.url);
      const { headers } = request;
      const id = headers.get("x-request-id");
      seen.push({
        ...{ path: pathname, authorization: headers.get("authorization"), id },
        org: headers.get("x-reactor-org"),
      });
      if (pathname === "/slow") await release.promise;
      if (pathname === "/never") await Bun.sleep(20_000);
      const body = `${request.method} ${pathname} ${await request.text()}`;
      return new Response(body, { status: 201, headers: { "x-answer": "yes" } });
    },
  });
  const loopback = parseRange("127.0.0.0/8");
  fixture = await createFixture({
    wasmHosts: 1,
    openRanges: loopback ? [loopback] : [],
    gateway: () => ({ socket: null, url: `http://127.0.0.1:${web.port}` }),
    async hostCalls({ name }, request) {
      const { pathname } = new URL(request.url);
      const key = `${name} ${pathname}`;
      if (request.method === "PUT") keys.set(key, await request.bytes());
      if (request.method === "DELETE") keys.delete(key);
      const value = keys.get(key);
      return request.method === "GET" && value
        ? new Response(value)
        : new Response(null, { status: request.method === "GET" ? 404 : 204 });
    },
  });
});
afterAll(async () => {
  await fixture.close();
  await web.stop(true);
});

const IMPORTS = `
  (import "extism:host/env" "http_status_code" (func $status (result i32)))
  (import "extism:host/env" "http_headers" (func $headers (result i64)))
  (import "extism:host/user" "server_request" (func $server (param i64 i64) (result i64)))
  (import "extism:host/user" "kv_get" (func $kv_get (param i64) (result i64)))
  (import "extism:host/user" "kv_set" (func $kv_set (param i64 i64) (result i64)))
  (import "extism:host/user" "kv_delete" (func $kv_delete (param i64) (result i64)))`;
/** The input is the request's JSON; the answer's body is the output. */
const OUTSIDE = `
  (func (export "ask") (result i32) (local $a i64)
    (local.set $a (call $http_request (call $input_offset) (i64.const 0)))
    (call $output_set (local.get $a) (call $length (local.get $a)))
    (i32.sub (call $status) (i32.const 201)))
  (func (export "ask_headers") (result i32) (local $a i64)
    (drop (call $http_request (call $input_offset) (call $input_offset)))
    (local.set $a (call $headers))
    (call $output_set (local.get $a) (call $length (local.get $a))) (i32.const 0))
  (func (export "ask_server") (result i32) (local $a i64)
    (local.set $a (call $server (call $input_offset) (i64.const 0)))
    (call $output_set (local.get $a) (call $length (local.get $a))) (i32.const 0))
  (func (export "remember") (result i32)
    (drop (call $kv_set (call $input_offset) (call $input_offset))) (i32.const 0))
  (func (export "recall") (result i32) (local $a i64)
    (local.set $a (call $kv_get (call $input_offset)))
    (if (i64.ne (local.get $a) (i64.const 0))
      (then (call $output_set (local.get $a) (call $length (local.get $a))))) (i32.const 0))
  (func (export "forget") (result i32) (drop (call $kv_delete (call $input_offset))) (i32.const 0))
  (func (export "ask_then_spin") (result i32)
    (drop (call $http_request (call $input_offset) (i64.const 0)))
    (loop $l (br $l)) (i32.const 0))
  (global $n (mut i32) (i32.const 0))
  (func (export "count") (result i32) (local $to i64)
    (global.set $n (i32.add (global.get $n) (i32.const 1)))
    (local.set $to (call $alloc (i64.const 1)))
    (call $store_u8 (local.get $to) (i32.add (i32.const 48) (global.get $n)))
    (call $output_set (local.get $to) (i64.const 1)) (i32.const 0))`;

const module = () => guest(OUTSIDE, `(memory (export "memory") 1)`, IMPORTS);

async function call(spec: FunctionSpec, exportName: string, body: string): Promise<string> {
  const caller = { authorization: "Bearer abc", apikey: null, org: "acme" };
  const init = { method: "POST", body };
  const answer = await fixture.invoke(spec, { exportName, init, caller, requestId: "the-request" });
  return await answer.text();
}

const to = (path: string, more = {}) =>
  JSON.stringify({ url: `http://127.0.0.1:${web.port}${path}`, ...more });

test("http_request sends method, headers and body, and gives body, status and headers", async () => {
  const spec = fixture.wasmSpec("web", module());
  expect(await call(spec, "ask", to("/x"))).toBe("GET /x ");
  const sent = to("/y", { method: "POST", headers: { authorization: "Basic own" } });
  expect(JSON.parse(await call(spec, "ask_headers", sent))).toMatchObject({ "x-answer": "yes" });
  expect(seen.at(-1)).toMatchObject({ path: "/y", authorization: "Basic own" });
});

test("hosts that are not allowed are refused in words, and the next call works", async () => {
  const spec = { ...fixture.wasmSpec("strict", module()), egress: ["api.example.com"] };
  const failure = await failureOf(call(spec, "ask", to("/x")));
  expect(failure.message).toContain("is not among the hosts this function may reach");
  expect(await call(spec, "count", "")).toBe("1");
});

test("this server is asked with the caller's rights and the request's id", async () => {
  const spec = fixture.wasmSpec("inside", module());
  const path = JSON.stringify({ path: "/data/v1/notes", method: "GET" });
  expect(await call(spec, "ask_server", path)).toBe("GET /data/v1/notes ");
  expect(seen.at(-1)).toEqual({
    path: "/data/v1/notes",
    authorization: "Bearer abc",
    id: "the-request",
    org: "acme",
  });
  const other = { path: "/data/v1/notes", headers: { authorization: "Bearer other" } };
  await call(spec, "ask_server", JSON.stringify(other));
  expect(seen.at(-1)).toMatchObject({ authorization: "Bearer other", org: null });
});

test("keys are kept, each function has its own", async () => {
  const mine = fixture.wasmSpec("mine", module());
  const other = fixture.wasmSpec("other", module());
  await call(mine, "remember", "a key/ü");
  expect(await call(mine, "recall", "a key/ü")).toBe("a key/ü");
  expect(await call(other, "recall", "a key/ü")).toBe("");
  await call(mine, "forget", "a key/ü");
  expect(await call(mine, "recall", "a key/ü")).toBe("");
});

test("any text is a key, also what a path takes for a step", async () => {
  const spec = fixture.wasmSpec("steps", module());
  const all = [".", "..", "%2e", "%2E%2e", "a/../b", "//", "ü".repeat(200)];
  for (const key of all) await call(spec, "remember", key);
  for (const key of all) expect(await call(spec, "recall", key)).toBe(key);
  await call(spec, "forget", "..");
  expect(await call(spec, "recall", "..")).toBe("");
});

test("calls that wait do not hold up one another, nor calls that do not wait, in one host", async () => {
  const spec = fixture.wasmSpec("patient", module());
  const quick = fixture.wasmSpec(
    "quick",
    guest(`(func (export "run") (result i32) (i32.const 0))`),
  );
  await call(spec, "count", "");
  const slow = Array.from({ length: 20 }, () => call(spec, "ask", to("/slow")));
  await until("all of them wait", () => seen.filter(({ path }) => path === "/slow").length === 20);
  await Promise.all(Array.from({ length: 20 }, () => call(quick, "run", "")));
  release.resolve();
  expect(await Promise.all(slow)).toEqual(Array(20).fill("GET /slow "));
  expect(fixture.runtimes.wasm.processes().length).toBeLessThanOrEqual(2);
});

test("the deadline holds while a call waits, and after it has waited", async () => {
  const limits = { ...DEFAULT_LIMITS, deadlineMs: 400 };
  const spec = fixture.wasmSpec("late", module(), { limits });
  await call(spec, "count", "");
  expect((await failureOf(call(spec, "ask", to("/never")))).code).toBe("function_timeout");
  const spinning = await failureOf(call(spec, "ask_then_spin", to("/x")));
  expect(spinning.code).toBe("function_timeout");
  expect(await call({ ...spec, limits: DEFAULT_LIMITS }, "ask", to("/x"))).toBe("GET /x ");
});

test("an instance is kept from call to call, or is the call's own", async () => {
  const kept = fixture.wasmSpec("kept", module());
  expect([await call(kept, "count", ""), await call(kept, "count", "")]).toEqual(["1", "2"]);
  const own: FunctionSpec = { ...fixture.wasmSpec("own", module()), isolation: "request" };
  expect([await call(own, "count", ""), await call(own, "count", "")]).toEqual(["1", "1"]);
});

test("a key that is too long for a request is the function's own failure, and its host lives on", async () => {
  const spec = fixture.wasmSpec("long-key", module());
  await call(spec, "forget", "x");
  const [before] = fixture.runtimes.wasm.processes();
  const failure = await failureOf(call(spec, "recall", "k".repeat(70_000)));
  expect(failure).toMatchObject({ status: 500, code: "function_failed" });
  expect(failure.message).toContain("URL and headers of a request");
  expect(fixture.runtimes.wasm.processes()[0]?.pid).toBe(before?.pid as number);
});

test("a server that answers with a status that is none fails the call, and its host lives on", async () => {
  const said = "HTTP/1.1 999 Odd\r\ncontent-length: 2\r\n\r\nhi";
  const socket = { data: (each: Bun.Socket) => void each.end(said) };
  const odd = Bun.listen({ hostname: "127.0.0.1", port: 0, socket });
  const spec = fixture.wasmSpec("odd", module());
  await call(spec, "forget", "x");
  const [before] = fixture.runtimes.wasm.processes();
  const url = JSON.stringify({ url: `http://127.0.0.1:${odd.port}/` });
  const failure = await failureOf(call(spec, "ask", url));
  odd.stop(true);
  expect(failure).toMatchObject({ status: 500, code: "function_failed" });
  expect(failure.message).toContain("the status 999");
  expect(await call(spec, "recall", "x")).toBe("");
  expect(fixture.runtimes.wasm.processes()[0]?.pid).toBe(before?.pid as number);
});
