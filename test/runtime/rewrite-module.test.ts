/** The rewriter: what it bounds, what it stops, and that a module means the same after it. */
import { expect, test } from "bun:test";
import {
  RESERVED_PREFIX,
  rewriteModule,
  START_EXPORT,
  STOP_EXPORT,
} from "../../src/runtime/wasm/rewrite/rewrite-module.ts";
import { until } from "../support/until.ts";
import { compileAssembly, wat } from "./guests.ts";

const PAGE_BYTES = 65_536;
const LIMITS = { memoryBytes: 16 * PAGE_BYTES, tableElements: 1_000 };

function rewritten(text: string, limits = LIMITS): Uint8Array<ArrayBuffer> {
  const original = wat(text);
  expect(WebAssembly.validate(original)).toBe(true);
  const bytes = rewriteModule(original, limits);
  if (!WebAssembly.validate(bytes)) new WebAssembly.Module(bytes);
  return bytes;
}

function instance(bytes: Uint8Array<ArrayBuffer>) {
  const imports = { host: { next: (n: number) => n + 1 } };
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports as Record<
    string,
    CallableFunction & WebAssembly.Memory & WebAssembly.Table
  >;
}

/** Lets `exportName` run until it surely spins, then stops it; the error it ends with. */
async function stopped(bytes: Uint8Array<ArrayBuffer>, exportName: string, spinMs: number) {
  const worker = new Worker(new URL("./stop-worker.ts", import.meta.url));
  try {
    let stop: Int32Array | null = null;
    let entered: Int32Array | null = null;
    let outcome: string | null = null;
    worker.onmessage = ({ data }) => {
      stop ??= data.stop ?? null;
      entered ??= data.entered ?? null;
      outcome ??= data.outcome ?? null;
    };
    worker.postMessage({ bytes, exportName });
    await until("the module runs", () => entered !== null && Atomics.load(entered, 0) === 1);
    await Bun.sleep(spinMs);
    const early = outcome;
    Atomics.store(stop as unknown as Int32Array, 0, 1);
    expect(early).toBeNull();
    await until("it ends", () => outcome !== null);
    return outcome as unknown as string;
  } finally {
    worker.terminate();
  }
}

const ENDLESS = `(module
  (import "host" "next" (func $next (param i32) (result i32)))
  (type $none (func))
  (tag $t)
  (memory (export "memory") 4)
  (table $table 2 funcref)
  (elem (i32.const 0) $pair $pair)
  (global $g (mut i32) (i32.const 0))
  (func (export "empty") (loop $l (br $l)))
  (func (export "memory_loop") (loop $l
    (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))) (br $l)))
  (func (export "host_loop") (local $n i32) (loop $l
    (local.set $n (call $next (local.get $n))) (br $l)))
  (func (export "call_loop") (loop $l (call $leaf) (br $l)))
  (func $leaf (global.set $g (i32.add (global.get $g) (i32.const 1))))
  (func (export "nested") (loop $a (loop $b (loop $c (br_if $c (i32.const 1))) (br $b)) (br $a)))
  (func $pair (param) (call $fork (i32.const 60)))
  (func $fork (export "fork") (param $n i32)
    (if (i32.eqz (local.get $n)) (then (return)))
    (call $fork (i32.sub (local.get $n) (i32.const 1)))
    (call $fork (i32.sub (local.get $n) (i32.const 1))))
  (func (export "exponential") (call $fork (i32.const 62)))
  (func (export "indirect") (loop $l (call_indirect (type $none) (i32.const 0)) (br $l)))
  (func $again (export "tail") (return_call $again))
  (func (export "bulk") (loop $l (memory.fill (i32.const 0) (i32.const 7) (i32.const 262144)) (br $l)))
  (func (export "caught") (loop $l
    (block $done (try_table (catch_all $done) (loop $m (br $m))))
    (br $l)))
  (func (export "thrown") (loop $l
    (block $done (try_table (catch_all $done) (throw $t)))
    (br $l))))`;

const KINDS = [
  "empty",
  "memory_loop",
  "host_loop",
  "call_loop",
  "nested",
  "exponential",
  "indirect",
  "tail",
  "bulk",
  "caught",
  "thrown",
];

// Twice, and after more than a second: the optimising compiler has its say only then.
test.each(
  KINDS.flatMap(
    (kind) =>
      [
        [kind, 20],
        [kind, 1_300],
      ] as [string, number][],
  ),
)("%s is stopped after spinning for %d ms", async (kind, spinMs) => {
  expect(await stopped(rewritten(ENDLESS), kind, spinMs)).toBe("RuntimeError");
});

test("exponentially many calls without recursion or loop are stopped", async () => {
  const levels = Array.from(
    { length: 60 },
    (_, n) => `(func $f${n} (call $f${n + 1}) (call $f${n + 1}))`,
  );
  const text = `(module ${levels.join("")} (func $f60) (func (export "run") (call $f0)))`;
  expect(await stopped(rewritten(text), "run", 50)).toBe("RuntimeError");
});

test("a start function is exported instead of run, and can be stopped", async () => {
  const text = `(module (func $spin (loop $l (br $l))) (start $spin) (func (export "run")))`;
  const bytes = rewritten(text);
  expect(WebAssembly.Module.exports(new WebAssembly.Module(bytes)).map((e) => e.name)).toEqual([
    "run",
    STOP_EXPORT,
    START_EXPORT,
  ]);
  expect(await stopped(bytes, "run", 50)).toBe("RuntimeError");
});

test("a word that is set before the call stops it at its first loop", () => {
  const exports = instance(rewritten(ENDLESS));
  new Int32Array((exports[STOP_EXPORT] as WebAssembly.Memory).buffer)[0] = 1;
  expect(() => exports["empty"]?.()).toThrow(WebAssembly.RuntimeError);
});

function grown(of: { grow(n: number): unknown; length?: number }, step: number): number {
  for (let n = 0; ; n += 1) {
    try {
      of.grow(step);
    } catch {
      return n;
    }
    if (n > 100_000) throw new Error("grows without end");
  }
}

test.each([
  ["no maximum", '(memory (export "m") 1)', 16],
  ["a higher maximum", '(memory (export "m") 1 30000)', 16],
  ["a lower maximum", '(memory (export "m") 1 3)', 3],
])("a memory with %s is bounded", (_what, memory, pages) => {
  const exports = instance(rewritten(`(module ${memory})`));
  grown(exports["m"] as WebAssembly.Memory, 1);
  expect((exports["m"] as WebAssembly.Memory).buffer.byteLength).toBe(pages * PAGE_BYTES);
});

test("a table is bounded", () => {
  const exports = instance(rewritten(`(module (table (export "t") 1 funcref))`));
  expect(grown(exports["t"] as WebAssembly.Table, 100)).toBe(9);
});

test.each([
  ["too much memory at the start", "(module (memory 17))", "starts with 17 pages"],
  ["too large a table at the start", "(module (table 1001 funcref))", "table of 1001 elements"],
  ["a 64-bit memory", "(module (memory i64 1))", "64-bit memory"],
  ["a shared memory", "(module (memory 1 2 shared))", "shared memory"],
])("%s is refused in words", (_what, text, reason) => {
  let details: string | null = null;
  try {
    rewriteModule(wat(text), LIMITS);
  } catch (error) {
    details = (error as { details: string }).details;
  }
  expect(details).toContain(reason);
});

test("an instruction that is not known is refused with its place", () => {
  const known = wat(`(module (func (export "f") (drop (i32.const 1))))`);
  const at = known.indexOf(0x1a);
  const unknown = known.with(at, 0x27);
  expect(() => rewriteModule(unknown, LIMITS)).toThrow("cannot be accepted");
});

test("a module cannot reach the stop word: what addresses it does not validate as uploaded", () => {
  const text = `(module (memory 1) (func (export "f") (i32.store (i32.const 0) (i32.const 0))))`;
  const original = wat(text);
  // The same store with an explicit index of a second memory.
  const store = original.indexOf(0x36);
  const bytes = Uint8Array.from([
    ...original.subarray(0, store),
    0x36,
    0x42,
    0x01,
    ...original.subarray(store + 2),
  ]);
  for (const [at, value] of bytes.entries()) {
    if (value === 0x09 && at < store) bytes[at] = 0x0a;
  }
  expect(WebAssembly.validate(bytes)).toBe(false);
  expect(RESERVED_PREFIX).toBe("__reactor_");
});

test("AssemblyScript's output computes the same after rewriting", () => {
  const original = compileAssembly("guest");
  const after = rewriteModule(original, { memoryBytes: 64 * 1024 * 1024, tableElements: 1_000 });
  expect(WebAssembly.validate(after)).toBe(true);
  expect(after.length).toBeLessThan(original.length * 1.3);
}, 60_000);
