/** WASM functions through real host processes, and their answers beside those of the Extism SDK. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import createPlugin from "@extism/extism";
import type { FunctionSpec } from "../../src/core/ports/function-runtime.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import type { Child } from "../../src/runtime/child.ts";
import { HostGone } from "../../src/runtime/wasm/host-gone.ts";
import { Lane } from "../../src/runtime/wasm/lane.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { until } from "../support/until.ts";
import { compileAssembly, guest, wat } from "./guests.ts";
import { DEFAULT_LIMITS, failureOf, requestOf } from "./runtime-call.ts";
import { createFixture, type Fixture } from "./runtime-fixture.ts";

let fixture: Fixture;
let assembly: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  fixture = await createFixture({ blanks: 0 });
  assembly = compileAssembly("guest");
}, 60_000);
afterAll(() => fixture.close());

function post(spec: FunctionSpec, body: string | Uint8Array<ArrayBuffer>, exportName?: string) {
  const init = { method: "POST", body };
  return fixture.invoke(spec, exportName ? { init, exportName } : { init });
}

const OK = "(i32.const 0)";
/** Copies the input byte by byte and word by word through blocks, as a kit does. */
const COPY = guest(`
  (func (export "copy") (result i32) (local $i i64) (local $n i64) (local $to i64)
    (local.set $n (call $input_length))
    (local.set $to (call $alloc (local.get $n)))
    (block $done (loop $words
      (br_if $done (i64.gt_u (i64.add (local.get $i) (i64.const 8)) (local.get $n)))
      (call $store_u64 (i64.add (local.get $to) (local.get $i)) (call $input_load_u64 (local.get $i)))
      (local.set $i (i64.add (local.get $i) (i64.const 8))) (br $words)))
    (block $end (loop $bytes
      (br_if $end (i64.ge_u (local.get $i) (local.get $n)))
      (call $store_u8 (i64.add (local.get $to) (local.get $i)) (call $input_load_u8 (local.get $i)))
      (local.set $i (i64.add (local.get $i) (i64.const 1))) (br $bytes)))
    (call $output_set (local.get $to) (call $length (local.get $to))) ${OK})
  (func (export "echo") (result i32)
    (call $output_set (call $input_offset) (call $length_unsafe (call $input_offset))) ${OK})
  (func (export "silent") (result i32) ${OK})
  (func (export "plain") (call $output_set (call $input_offset) (call $input_length)))
  (func (export "config") (result i32) (local $v i64)
    (local.set $v (call $config_get (call $input_offset)))
    (if (i64.ne (local.get $v) (i64.const 0))
      (then (call $output_set (local.get $v) (call $length (local.get $v))))) ${OK})
  (func (export "freed") (result i32) (local $a i64) (local $b i64)
    (local.set $a (call $alloc (i64.const 3)))
    (local.set $b (call $alloc (i64.const 1)))
    (call $free (local.get $a))
    (call $store_u8 (local.get $b)
      (i32.add (i32.const 48) (i32.wrap_i64 (call $length (local.get $a)))))
    (call $output_set (local.get $b) (i64.const 1)) ${OK})
  (func (export "complain") (result i32) (call $error_set (call $input_offset)) (i32.const 1))
  (func (export "complain_softly") (result i32) (call $error_set (call $input_offset)) ${OK})
  (func (export "output_nothing") (result i32) (call $output_set (i64.const 0) (i64.const 0)) ${OK})
  (func (export "output_negative") (result i32) (call $output_set (call $input_offset) (i64.const -1)) ${OK})
  (func (export "output_long") (result i32) (call $output_set (call $input_offset) (i64.const 4294967296)) ${OK})
  (func (export "alloc_negative") (result i32) (drop (call $alloc (i64.const -1))) ${OK})
  (func (export "trap") (result i32) (unreachable))
  (func (export "past_input") (result i32) (drop (call $input_load_u8 (call $input_length))) ${OK})`);

const CASES: readonly [string, string | Uint8Array<ArrayBuffer>][] = [
  ["copy", "The quick brown fox jumps over the lazy dog"],
  ["copy", new Uint8Array(100_003).map((_, at) => (at * 7) % 256)],
  ["copy", "x"],
  ["echo", "höhe ☃"],
  ["echo", new Uint8Array()],
  ["plain", "no return value"],
  ["silent", "nothing comes back"],
  ["config", "tone"],
  ["config", "missing"],
  ["freed", "x"],
  ["complain", "bad input"],
  ["complain_softly", "bad input"],
  ["trap", ""],
  ["past_input", "abc"],
  ["output_long", "abc"],
  ["alloc_negative", ""],
];
/** Both fail, each in its own words. */
const WORDED = new Set(["trap", "past_input", "output_long", "alloc_negative"]);
const ASSEMBLY_CASES: readonly [string, string][] = [
  ["count_vowels", "Hello, world! AEIOU"],
  ["count_vowels", "and the total goes on"],
  ["reverse", "stressed desserts"],
  ["words", "the cat and the dog and the bird"],
  ["chatter", ""],
  ["refuse", "spoons"],
];

type Outcome = { output: string } | { error: true; message: string };

/** Output as hex; of errors the text a plug-in gave, since traps are worded by the engine. */
async function ours(
  spec: FunctionSpec,
  name: string,
  input: string | Uint8Array<ArrayBuffer>,
): Promise<Outcome> {
  try {
    return { output: Buffer.from(await (await post(spec, input, name)).bytes()).toString("hex") };
  } catch (error) {
    return { error: true, message: (error as Error).message };
  }
}

async function oracle(
  plugin: Awaited<ReturnType<typeof createPlugin>>,
  name: string,
  input: string | Uint8Array<ArrayBuffer>,
): Promise<Outcome> {
  try {
    const output = await plugin.call(name, input);
    return { output: Buffer.from(output?.bytes() ?? []).toString("hex") };
  } catch (error) {
    const message = (error as Error).message.replace("Plugin-originated error: ", "");
    return { error: true, message };
  }
}

test("modules answer byte for byte what the Extism SDK answers", async () => {
  const config = { tone: "warm" };
  for (const [bytes, cases] of [
    [COPY, CASES],
    [assembly, ASSEMBLY_CASES],
  ] as const) {
    const spec = fixture.wasmSpec("oracle", bytes, { config });
    const plugin = await createPlugin({ wasm: [{ data: bytes }] }, { config, runInWorker: false });
    let compared = 0;
    for (const [name, input] of cases) {
      const [mine, theirs] = [await ours(spec, name, input), await oracle(plugin, name, input)];
      if (WORDED.has(name)) expect([name, "error" in mine]).toEqual([name, "error" in theirs]);
      else expect([name, mine]).toEqual([name, theirs]);
      compared += 1;
    }
    expect(compared).toBe(cases.length);
    await plugin.close();
  }
}, 60_000);

test("an output of nothing is none, and none has a length below zero", async () => {
  const spec = fixture.wasmSpec("outputs", COPY);
  expect(await (await post(spec, "abc", "output_nothing")).text()).toBe("");
  // As unsigned numbers, which they are, these are past the end of all memory.
  const failure = await failureOf(post(spec, "abc", "output_negative"));
  expect(failure.message).toContain("outside of the plug-in's blocks");
});

test("the export is the one in the path, else the entry, else the name's, else the only one", async () => {
  const body = "abc";
  const call = async (spec: FunctionSpec, exportName?: string) =>
    await (await post(spec, body, exportName)).text();
  const named = fixture.wasmSpec("count-vowels", assembly);
  expect(await call(named)).toContain('"count":1');
  expect(await call(named, "reverse")).toBe("cba");
  expect(await call({ ...named, entry: "reverse" })).toBe("cba");
  const echo = `(call $output_set (call $input_offset) (call $input_length)) ${OK}`;
  const single = guest(`(func (export "anything") (result i32) ${echo})`);
  expect(await call(fixture.wasmSpec("single", single))).toBe("abc");
  const missing = await failureOf(post(named, body, "nothing"));
  expect(missing).toMatchObject({ status: 404, code: "export_not_found" });
  expect(missing.details).toContain("count_vowels");
  expect((await failureOf(post(fixture.wasmSpec("other", assembly), body))).status).toBe(404);
});

test("a plug-in's error is function_failed with its message, a bare code says which", async () => {
  const spec = fixture.wasmSpec("errors", COPY);
  const said = await failureOf(post(spec, "no such album", "complain"));
  expect(said).toMatchObject({ status: 500, code: "function_failed", message: "no such album" });
  const coded = guest(`(func (export "coded") (result i32) (i32.const 7))`);
  const failure = await failureOf(post(fixture.wasmSpec("coded", coded), ""));
  expect(failure.message).toBe("The plug-in returned 7");
});

test("a trap ends the instance, and the next call has a fresh one in the same process", async () => {
  const spec = fixture.wasmSpec(
    "trapper",
    guest(`(global $n (mut i32) (i32.const 0))
      (func (export "count") (result i32) (local $to i64)
        (global.set $n (i32.add (global.get $n) (i32.const 1)))
        (local.set $to (call $alloc (i64.const 1)))
        (call $store_u8 (local.get $to) (i32.add (i32.const 48) (global.get $n)))
        (call $output_set (local.get $to) (i64.const 1)) ${OK})
      (func (export "trap") (result i32) (unreachable))`),
  );
  const count = async () => await (await post(spec, "", "count")).text();
  expect([await count(), await count()]).toEqual(["1", "2"]);
  const pids = () => fixture.runtimes.wasm.processes().map(({ pid }) => pid);
  const before = pids();
  const failure = await failureOf(post(spec, "", "trap"));
  expect(failure).toMatchObject({ status: 500, code: "function_failed" });
  expect(await count()).toBe("1");
  expect(pids()).toEqual(expect.arrayContaining(before));
});

test("endless loops are stopped at the deadline, whatever they do, and their host lives on", async () => {
  const limits = { ...DEFAULT_LIMITS, deadlineMs: 300 };
  const loops = guest(`
    (func (export "empty") (result i32) (loop $l (br $l)) ${OK})
    (func (export "memory_loop") (result i32)
      (loop $l (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))) (br $l)) ${OK})
    (func (export "host") (result i32) (loop $l (drop (call $input_length)) (br $l)) ${OK})
    (func (export "echo") (result i32) (call $output_set (call $input_offset) (call $input_length)) ${OK})`);
  const spec = fixture.wasmSpec("looper", loops, { limits });
  const pids = () => fixture.runtimes.wasm.processes().map(({ pid }) => pid);
  const before = pids();
  for (const name of ["empty", "memory_loop", "host", "empty"]) {
    const failure = await failureOf(post(spec, "", name));
    expect(failure).toMatchObject({ status: 504, code: "function_timeout" });
    const patient = { ...spec, limits: DEFAULT_LIMITS };
    expect(await (await post(patient, "alive", "echo")).text()).toBe("alive");
  }
  expect(pids()).toEqual(expect.arrayContaining(before));
});

test("a loop in the start section is stopped at the deadline too", async () => {
  const bytes = guest(
    `(func $spin (loop $l (br $l))) (start $spin) (func (export "run") (result i32) ${OK})`,
  );
  const limits = { ...DEFAULT_LIMITS, deadlineMs: 300 };
  const failure = await failureOf(post(fixture.wasmSpec("starter", bytes, { limits }), ""));
  expect(failure.code).toBe("function_timeout");
});

test("calls beside and behind a spinning one are answered all the same", async () => {
  const spinner = fixture.wasmSpec("spin", guest(`(func (export "spin") (loop $l (br $l)))`), {
    limits: { ...DEFAULT_LIMITS, deadlineMs: 600 },
  });
  const echo = fixture.wasmSpec("copy", COPY);
  const spinning = [failureOf(post(spinner, "")), failureOf(post(spinner, ""))];
  const calls = Array.from({ length: 40 }, (_, n) => post(echo, `call ${n}`).then((a) => a.text()));
  expect(await Promise.all(calls)).toEqual(calls.map((_, n) => `call ${n}`));
  for (const failure of await Promise.all(spinning)) expect(failure.code).toBe("function_timeout");
});

test("a call before a spinning one is run once", async () => {
  const plain = (functions: string) =>
    wat(`(module (import "extism:host/env" "input_offset" (func $input_offset (result i64)))
      (import "extism:host/env" "input_length" (func $input_length (result i64)))
      (import "extism:host/env" "log_warn" (func $log_warn (param i64)))
      (memory (export "memory") 1) ${functions})`);
  const once = fixture.wasmSpec(
    "once",
    plain(`(func (export "once") (result i32) (call $log_warn (call $input_offset)) ${OK})`),
  );
  const spins = `(if (i64.eqz (call $input_length)) (then (loop $l (br $l))))`;
  const spin = fixture.wasmSpec(
    "spins",
    plain(`(func (export "spins") (result i32) ${spins} ${OK})`),
    {
      limits: { ...DEFAULT_LIMITS, deadlineMs: 600 },
    },
  );
  // So that both are here, and known to take no time.
  for (let n = 0; n < 50; n += 1) for (const one of [once, spin]) await post(one, "warm");
  const calls = [post(once, "only once"), failureOf(post(spin, ""))];
  await Promise.all(calls);
  await fixture.line((l) => l.message === "only once");
  await post(once, "the last");
  await fixture.line((l) => l.message === "the last");
  expect(fixture.lines.filter((l) => l.message === "only once")).toHaveLength(1);
});

test("a caller that leaves does not lift the deadline of what still spins", async () => {
  const spinner = fixture.wasmSpec(
    "left",
    guest(`(func (export "spin") (call $log_warn (call $input_offset)) (loop $l (br $l)))`),
    { limits: { ...DEFAULT_LIMITS, deadlineMs: 3000 } },
  );
  const client = new AbortController();
  const call = failureOf(
    fixture.invoke(spinner, {
      init: { method: "POST", body: "spinning now", signal: client.signal },
    }),
  );
  await fixture.line((l) => l.message === "spinning now");
  client.abort();
  expect((await call).status).toBe(499);
  const pids = fixture.runtimes.wasm.processes().map(({ pid }) => pid);
  const ticks = () => pids.map((pid) => cpuTicks(pid)).join();
  await until("no host spins", async () => {
    const before = ticks();
    await Bun.sleep(100);
    return ticks() === before;
  });
});

/** Time a process has run so far, in clock ticks; 0 once it is gone. */
function cpuTicks(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(fields[11]) + Number(fields[12]);
  } catch {
    return 0;
  }
}

test("memory.grow stops at the function's limit", async () => {
  const bytes = guest(`(func (export "grow") (result i32) (local $to i64) (local $pages i32)
    (block $full (loop $more
      (br_if $full (i32.eq (memory.grow (i32.const 16)) (i32.const -1))) (br $more)))
    (local.set $to (call $alloc (i64.const 8)))
    (call $store_u64 (local.get $to) (i64.extend_i32_u (memory.size)))
    (call $output_set (local.get $to) (i64.const 8)) ${OK})`);
  const limits = { ...DEFAULT_LIMITS, memoryBytes: 10 * 1024 * 1024 };
  const answer = await post(fixture.wasmSpec("grower", bytes, { limits }), "");
  const pages = new DataView(await answer.arrayBuffer()).getUint32(0, true);
  expect(pages).toBe(1 + 16 * 9);
});

test("blocks of the host are bounded by the same limit", async () => {
  const bytes = guest(
    `(func (export "hoard") (result i32) (loop $l (drop (call $alloc (i64.const 65536))) (br $l)) ${OK})`,
  );
  const limits = { ...DEFAULT_LIMITS, memoryBytes: 4 * 1024 * 1024 };
  const failure = await failureOf(post(fixture.wasmSpec("hoarder", bytes, { limits }), ""));
  expect(failure.message).toBe("The plug-in allocated too much");
});

test("log lines carry level, function and request id", async () => {
  const spec = fixture.wasmSpec(
    "chatty",
    guest(`(func (export "warn") (call $log_warn (call $input_offset)))`),
  );
  await fixture.invoke(spec, {
    requestId: "req-wasm",
    init: { method: "POST", body: "mind the gap" },
  });
  const line = await fixture.line((l) => l.message === "mind the gap");
  expect(line).toMatchObject({
    level: "warn",
    function: "chatty",
    requestId: "req-wasm",
    version: spec.version,
  });
});

test("a function that floods its log keeps nobody else's lines back", async () => {
  const host = await createFixture({ blanks: 0, wasmHosts: 1 });
  const flood = guest(`(func (export "flood") (local $n i32)
    (loop $more (call $log_warn (call $input_offset))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $n) (i32.const 5000)))))`);
  // Six bytes each, once they are JSON.
  const noise = "\u0001".repeat(8_000);
  await host.invoke(host.wasmSpec("flood", flood), { init: { method: "POST", body: noise } });
  const [before] = host.runtimes.wasm.processes();
  const quiet = host.wasmSpec(
    "quiet",
    guest(`(func (export "quiet") (call $log_warn (call $input_offset)))`),
  );
  for (const body of ["one", "two"]) {
    await host.invoke(quiet, { init: { method: "POST", body } });
    await host.line((l) => l.function === "quiet" && l.message === body);
  }
  expect(host.runtimes.wasm.processes()[0]?.pid).toBe(before?.pid as number);
  await host.close();
});

test("WASI programs write to the log, see no files, and may exit", async () => {
  const bytes = wat(`(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1) (data (i32.const 16) "wasi says hello\\n")
    (data (i32.const 0) "\\10\\00\\00\\00\\10\\00\\00\\00")
    (func (export "hello") (result i32) (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 100))) (i32.const 0))
    (func (export "open") (result i32) (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 200)))
    (func (export "leave") (result i32) (call $exit (i32.const 0)) (unreachable))
    (func (export "fail") (result i32) (call $exit (i32.const 3)) (unreachable)))`);
  const spec = fixture.wasmSpec("wasi", bytes);
  await post(spec, "", "hello");
  await fixture.line((l) => l.message === "wasi says hello" && l.level === "info");
  expect((await failureOf(post(spec, "", "open"))).message).toBe("The plug-in returned 8");
  expect((await post(spec, "", "leave")).status).toBe(200);
  expect((await failureOf(post(spec, "", "fail"))).message).toContain("code 3");
});

test("a changed configuration takes effect with the next call", async () => {
  const spec = fixture.wasmSpec("config", COPY);
  const first = { ...spec, config: { tone: "warm" } };
  const second = { ...spec, config: { tone: "cold" } };
  expect(await (await post(first, "tone", "config")).text()).toBe("warm");
  expect(await (await post(second, "tone", "config")).text()).toBe("cold");
});

test("a configuration may be in any script and long", async () => {
  const config = { "größe ☃": "zwölf 𝄞", long: "x".repeat(100_000) };
  const spec = fixture.wasmSpec("scripts", COPY, { config });
  expect(await (await post(spec, "größe ☃", "config")).text()).toBe("zwölf 𝄞");
  expect((await (await post(spec, "long", "config")).text()).length).toBe(100_000);
});

test("an export may have a name in any script", async () => {
  const echo = `(call $output_set (call $input_offset) (call $input_length)) ${OK}`;
  const bytes = guest(`(func (export "gr\\c3\\b6\\c3\\9fe\\e2\\98\\83") (result i32) ${echo})`);
  const spec = fixture.wasmSpec("script", bytes);
  expect(await (await post(spec, "called", "größe☃")).text()).toBe("called");
});

/** `add` makes a variable without a value, named by the input; `keep` keeps and gives what was kept. */
const VARIABLES = guest(
  `(data (i32.const 0) "v")
  (func $key (result i64) (local $k i64)
    (local.set $k (call $alloc (i64.const 1)))
    (call $store_u8 (local.get $k) (i32.const 118)) (local.get $k))
  (func (export "keep") (result i32) (local $v i64)
    (local.set $v (call $var_get (call $key)))
    (if (i64.ne (local.get $v) (i64.const 0))
      (then (call $output_set (local.get $v) (call $length (local.get $v)))))
    (call $var_set (call $key) (call $input_offset)) ${OK})
  (func (export "add") (result i32) (call $var_set (call $input_offset) (call $alloc (i64.const 0))) ${OK})
  (func (export "trap") (result i32) (unreachable))`,
);

test("variables outlive a trap, but not the call where each has an instance of its own", async () => {
  const spec = fixture.wasmSpec("keeper", VARIABLES);
  const keep = async (of: FunctionSpec, value: string) =>
    await (await post(of, value, "keep")).text();
  await keep(spec, "before");
  await failureOf(post(spec, "", "trap"));
  expect(await keep(spec, "after")).toBe("before");
  const alone = fixture.wasmSpec("alone", VARIABLES, { isolation: "request" });
  await keep(alone, "before");
  expect(await keep(alone, "after")).toBe("");
});

test("the names of variables count as their values do", async () => {
  const spec = fixture.wasmSpec("namer", VARIABLES);
  const add = (n: number) => post(spec, `${n}`.padStart(200_000, "n"), "add");
  for (let n = 0; n < 5; n += 1) await add(n);
  expect((await failureOf(add(5))).message).toContain("1048576 bytes");
});

test("a plug-in's error leaves its instance as it is", async () => {
  const spec = fixture.wasmSpec(
    "steady",
    guest(`(global $n (mut i32) (i32.const 47))
      (func (export "count") (result i32) (local $to i64)
        (global.set $n (i32.add (global.get $n) (i32.const 1)))
        (local.set $to (call $alloc (i64.const 1)))
        (call $store_u8 (local.get $to) (global.get $n))
        (call $output_set (local.get $to) (i64.const 1)) ${OK})
      (func (export "refuse") (result i32) (call $error_set (call $input_offset)) (i32.const 1))`),
  );
  const count = async () => await (await post(spec, "", "count")).text();
  expect(await count()).toBe("0");
  expect((await failureOf(post(spec, "not this", "refuse"))).message).toBe("not this");
  expect(await count()).toBe("1");
});

/** Whether the call had to make its module resident. */
async function isCold(spec: FunctionSpec): Promise<boolean> {
  const { cold } = await fixture.runtimes.wasm.invoke({
    ...{ tenant: DEFAULT_TENANT, requestId: crypto.randomUUID(), spec, exportName: "echo" },
    request: requestOf("http://localhost/x", { method: "POST", body: "x" }),
  });
  return cold;
}

test("a version that is retired under its calls answers them all", async () => {
  const spec = fixture.wasmSpec("retired", COPY, { version: "e".repeat(64) });
  const { wasm } = fixture.runtimes;
  for (let round = 0; round < 100; round += 1) {
    await isCold(spec);
    const calls = Array.from({ length: 3 }, () => post(spec, "still here", "echo"));
    // Before they are sent, and while they are on their way.
    for (let turn = 0; turn < round % 4; turn += 1) await new Promise(setImmediate);
    await wasm.retire("retired", spec.version);
    for (const answer of await Promise.all(calls)) expect(await answer.text()).toBe("still here");
  }
  await wasm.retire("retired", spec.version);
  expect(await isCold(spec)).toBe(true);
});

test("a module that nobody calls for as long as its function says is given up", async () => {
  const limits = { ...DEFAULT_LIMITS, idleMs: 1 };
  const spec = fixture.wasmSpec("rarely", COPY, { version: "f".repeat(64), limits });
  await isCold(spec);
  await until("the module is no longer resident", () => isCold(spec));
  const kept = fixture.wasmSpec("often", COPY, { version: "d".repeat(64) });
  await isCold(kept);
  expect(await isCold(kept)).toBe(false);
});

test("a host that breaks a connection and lives is asked whether it does, and the call fails at once", async () => {
  const path = join(fixture.dir, "broken");
  const breaking = Bun.listen({ unix: path, socket: { data: (socket) => void socket.end() } });
  const never = new Promise<never>(() => undefined);
  const child = {
    ...{ pid: process.pid, socket: path, exited: never, alive: () => true, killed: () => null },
    ...{ ping: async () => true, limitMemory: () => undefined },
  } as unknown as Child;
  const clock = { ...systemClock, sleep: () => never };
  const lane = new Lane(child, new Uint32Array(1), clock);
  const loading = Promise.resolve(
    lane.modules.load(lane.modules.enter(fixture.wasmSpec("broken", COPY))),
  );
  await expect(loading).rejects.toThrow();
  await expect(loading).rejects.not.toBeInstanceOf(HostGone);
  breaking.stop(true);
});

test.if(process.geteuid?.() === 0)("no two processes are of one user", async () => {
  await post(fixture.wasmSpec("copy", COPY), "x", "echo");
  const spec = fixture.bunSpec("alone", "export default () => new Response()");
  expect((await fixture.invoke(spec)).status).toBe(200);
  const { bun, wasm } = fixture.runtimes;
  const pids = [...bun.processes(), ...wasm.processes()].map(({ pid }) => pid);
  const users = pids.map((pid) => readFileSync(`/proc/${pid}/status`, "utf8"));
  const uids = users.map((status) => /^Uid:\s+(\d+)/m.exec(status)?.[1]);
  expect(uids.length).toBeGreaterThan(1);
  expect(new Set(uids).size).toBe(uids.length);
});

test("an input larger than the function's memory is a failure that says so, and the host goes on", async () => {
  const limits = { ...DEFAULT_LIMITS, memoryBytes: 16 * 1024 * 1024 };
  const spec = fixture.wasmSpec("copy", COPY, { limits });
  const failure = await failureOf(post(spec, new Uint8Array(20 * 1024 * 1024), "echo"));
  expect(failure).toMatchObject({ status: 500, code: "function_failed" });
  expect(failure.message).toContain("larger than the function's memory");
  expect(await (await post(spec, "small", "echo")).text()).toBe("small");
});

test("what one tenant has under way takes no room from a function of that name of another", async () => {
  const limits = { ...DEFAULT_LIMITS, concurrency: 1, queue: 0 };
  const spec = fixture.wasmSpec("copy", COPY, { limits });
  const call = { init: { method: "POST", body: "x" }, exportName: "copy" };
  const of = (id: string) => fixture.invoke(spec, { ...call, tenant: { id } });
  const [one, busy, other] = await Promise.allSettled([of("a"), of("a"), of("b")]);
  expect([one.status, other.status]).toEqual(["fulfilled", "fulfilled"]);
  expect(busy).toMatchObject({ status: "rejected", reason: { status: 429 } });
});
