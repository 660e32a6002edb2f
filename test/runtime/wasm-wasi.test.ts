/** What a module can have its host do for it, without end: the host lives on, and so do its other calls. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { guest } from "./guests.ts";
import { DEFAULT_LIMITS, failureOf } from "./runtime-call.ts";
import { createFixture, type Fixture } from "./runtime-fixture.ts";

const MIB = 1024 * 1024;
let fixture: Fixture;
let web: Bun.Server<undefined>;
let asked = Promise.withResolvers<void>();
let release = Promise.withResolvers<void>();
beforeAll(async () => {
  web = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch() {
      asked.resolve();
      await release.promise;
      return new Response("waited", { status: 201 });
    },
  });
  const gateway = () => ({ socket: null, url: `http://127.0.0.1:${web.port}` });
  fixture = await createFixture({ blanks: 0, wasmHosts: 1, gateway });
});
afterAll(async () => {
  await fixture.close();
  await web.stop(true);
});

const WASI = `
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))`;
const VECTOR = "(i32.store (i32.const 8) (i32.const 1024)) (i32.store (i32.const 12)";
/** 30 vectors of 130 MB each, at 64. */
const VECTORS = `(loop $v
  (i32.store (i32.add (i32.const 64) (i32.mul (local.get $n) (i32.const 8))) (i32.const 1024))
  (i32.store (i32.add (i32.const 68) (i32.mul (local.get $n) (i32.const 8))) (i32.const 130000000))
  (local.set $n (i32.add (local.get $n) (i32.const 1)))
  (br_if $v (i32.lt_u (local.get $n) (i32.const 30))))`;
const forever = (name: string, what: string, before = "") =>
  `(func (export "${name}") (local $n i32) (local $a i64) ${before} (loop $l ${what} (br $l)))`;
const HARM = guest(
  [
    forever(
      "many",
      "(drop (call $write (i32.const 1) (i32.const 1024) (i32.const 16000000) (i32.const 0)))",
    ),
    forever(
      "wide",
      "(drop (call $write (i32.const 1) (i32.const 64) (i32.const 30) (i32.const 0)))",
      VECTORS,
    ),
    forever(
      "long",
      "(drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0)))",
      `${VECTOR} (i32.const 100000000))`,
    ),
    forever("random", "(drop (call $random (i32.const 0) (i32.const 131000000)))"),
    forever(
      "output",
      "(call $output_set (local.get $a) (i64.const 100000000))",
      "(local.set $a (call $alloc (i64.const 100000000)))",
    ),
    forever(
      "key",
      "(drop (call $var_get (local.get $a)))",
      "(local.set $a (call $alloc (i64.const 100000000)))",
    ),
    forever(
      "line",
      "(call $log_warn (local.get $a))",
      "(local.set $a (call $alloc (i64.const 100000000)))",
    ),
  ].join("\n"),
  '(memory (export "memory") 2050)',
  WASI,
);
const NEIGHBOUR = guest(
  `(func (export "ask") (result i32) (local $a i64)
    (local.set $a (call $server (call $input_offset) (i64.const 0)))
    (call $output_set (local.get $a) (call $length (local.get $a))) (i32.const 0))`,
  '(memory (export "memory") 1)',
  '(import "extism:host/user" "server_request" (func $server (param i64 i64) (result i64)))',
);

test.each(["many", "wide", "long", "random", "output", "key", "line"])(
  "%s is stopped at its deadline, and who waits in the same host is served",
  async (exportName) => {
    asked = Promise.withResolvers();
    release = Promise.withResolvers();
    const limits = { ...DEFAULT_LIMITS, memoryBytes: 256 * MIB, deadlineMs: 1_500 };
    const harm = fixture.wasmSpec("harm", HARM, { limits });
    const neighbour = fixture.wasmSpec("neighbour", NEIGHBOUR);
    const body = JSON.stringify({ path: "/slow" });
    const waiting = fixture.invoke(neighbour, { init: { method: "POST", body } });
    // It may be what fails, and then it is before it is looked at.
    waiting.catch(() => undefined);
    await asked.promise;
    const failure = await failureOf(fixture.invoke(harm, { exportName }));
    expect(failure).toMatchObject({ status: 504, code: "function_timeout" });
    release.resolve();
    expect(await (await waiting).text()).toBe("waited");
  },
  30_000,
);
