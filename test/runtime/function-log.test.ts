/** The log of a function: last words, why its process ended, and which call a line belongs to. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { FunctionSpec } from "../../src/core/ports/function-runtime.ts";
import { guest } from "./guests.ts";
import { DEFAULT_LIMITS, failureOf } from "./runtime-call.ts";
import { createFixture, type Fixture } from "./runtime-fixture.ts";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await createFixture();
});
afterAll(() => fixture.close());

const HOG = "const all = []; for (;;) all.push(new Uint8Array(1 << 20).fill(1));";

test.each([
  ["exits", "process.exit(3);", "The process ended with exit code 3"],
  ["loops", "for (;;);", "The process was killed: deadline (1500 ms)"],
  ["hogs", HOG, "The process was killed: memory (256 MiB)"],
  ["aborts", "process.abort();", "The process was ended by SIGABRT"],
  ["dies", `process.kill(process.pid, "SIGKILL");`, "The process was ended by SIGKILL"],
])("a process that %s at once: its last words, and why it ended", async (name, code, why) => {
  const spec = fixture.bunSpec(
    name,
    `export default () => { console.log("first words"); console.error("last words"); ${code} }`,
    { limits: { ...DEFAULT_LIMITS, deadlineMs: 1500 } },
  );
  await failureOf(fixture.invoke(spec, { requestId: `req-${name}` }));
  await fixture.line((line) => line.function === name && /^The process/.test(line.message));
  expect(fixture.lines.filter((line) => line.function === name)).toEqual(
    [
      ["info", "first words"],
      ["error", "last words"],
      ["error", why],
    ].map(([level, message]) =>
      expect.objectContaining({ level, message, requestId: `req-${name}` }),
    ),
  );
});

test("all that a turn said is told before the process exits", async () => {
  const spec = fixture.bunSpec(
    "chatty",
    `export default async () => { await Bun.sleep(1); for (let n = 0; n < 500; n++) console.log("n", n); process.exit(0); }`,
  );
  await failureOf(fixture.invoke(spec));
  await fixture.line((line) => line.message === "The process ended with exit code 0");
  expect(fixture.lines.filter((line) => line.message.startsWith("n ")).length).toBe(500);
});

test("a process that ends while its module is loaded is told of too", async () => {
  const spec = fixture.bunSpec("stillborn", `console.log("loading"); process.exit(4);`);
  await failureOf(fixture.invoke(spec));
  await fixture.line((line) => line.message === "The process ended with exit code 4");
  expect(fixture.lines.some((line) => line.message === "loading")).toBe(true);
});

test("one that is replaced says nothing of its end", async () => {
  const spec = fixture.bunSpec("replaced", "export default () => new Response()");
  await fixture.invoke(spec);
  await fixture.runtimes.bun.retire(spec.name, spec.version);
  expect(fixture.lines.filter((line) => line.function === "replaced")).toEqual([]);
});

test("why a call of a module failed is in its log", async () => {
  const code = guest(`
    (func (export "trap") (result i32) (unreachable))
    (func (export "loop") (result i32) (loop $l (br $l)) (i32.const 0))`);
  const spec = fixture.wasmSpec("module", code);
  const brief = { ...spec, limits: { ...DEFAULT_LIMITS, deadlineMs: 300 } };
  const fail = (from: FunctionSpec, exportName: string) =>
    failureOf(
      fixture.invoke(from, {
        ...{ exportName, requestId: `req-${exportName}` },
        init: { method: "POST", body: "" },
      }),
    );
  await fail(spec, "trap");
  await fail(brief, "loop");
  const trap = await fixture.line((line) => line.requestId === "req-trap");
  expect(trap).toMatchObject({ function: "module", level: "error" });
  expect(trap.message).toMatch(/^The call failed: .*unreachable/i);
  const loop = await fixture.line((line) => line.requestId === "req-loop");
  expect(loop).toMatchObject({ version: spec.version, level: "error" });
  expect(loop.message).toBe("The call was stopped: deadline (300 ms)");
});

test("what a stream and the listeners of a call say carries the call's id", async () => {
  const spec = fixture.bunSpec(
    "listener",
    `export default (request) => {
      request.signal.addEventListener("abort", () => console.log("aborted"));
      return new Response(new ReadableStream({
        async pull(c) { console.log("pulled"); c.enqueue(new Uint8Array(10)); await Bun.sleep(5); console.log("slept"); },
        cancel() { console.log("cancelled"); } })); }`,
  );
  const answer = await fixture.invoke(spec, { requestId: "req-heard" });
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  await reader.cancel();
  for (const said of ["pulled", "slept", "aborted", "cancelled"]) {
    const { requestId } = await fixture.line((line) => line.message === said);
    expect([said, requestId]).toEqual([said, "req-heard"]);
  }
});
