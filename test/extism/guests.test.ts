/**
 * Modules in C, Rust, AssemblyScript and WebAssembly text, in our runtime and in the unchanged Extism
 * SDK: output, errors, log lines and exits are the same. Where they are not, it stands here.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { CALL_FAILED } from "../../src/runtime/wasm/tell-failure.ts";
import { parseRange } from "../../src/shared/ip-address.ts";
import { createFixture, type Fixture } from "../runtime/runtime-fixture.ts";
import { CALLS, CONFIG, FAULTS, type GuestCall } from "./calls.ts";
import { compileGuests, GUEST_NAMES, type GuestName, type Guests } from "./compile-guests.ts";
import { askSdk, type SdkAnswer, type SdkOrder } from "./sdk.ts";

let fixture: Fixture;
let guests: Guests;
let web: Bun.Server<undefined>;

beforeAll(async () => {
  web = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const said = `${request.method} ${request.headers.get("x-said")} ${await request.text()}`;
      return new Response(said, { status: 418 });
    },
  });
  const loopback = parseRange("127.0.0.0/8");
  const openRanges = loopback ? [loopback] : [];
  fixture = await createFixture({ blanks: 0, wasmHosts: 1, openRanges });
  guests = await compileGuests();
}, 120_000);
afterAll(async () => {
  await fixture.close();
  await web.stop(true);
});

/** They import from WASI; the SDK under Bun gives a reactor no memory, so only a program is asked for it. */
const WASI: ReadonlySet<GuestName> = new Set(["c-reactor", "c-program"]);

const text = (value: string) => new TextEncoder().encode(value);
const call = (name: string, input = ""): GuestCall => ({ name, input: text(input) });
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

const said = (answers: readonly SdkAnswer[]) =>
  answers.map(({ output, error }) => error ?? Buffer.from(output ?? "", "hex").toString());

/** What our runtime answers, in the SDK's words. */
async function ours(guest: GuestName, calls: readonly GuestCall[]): Promise<SdkAnswer[]> {
  const spec = fixture.wasmSpec(guest, guests[guest], { config: CONFIG, egress: ["127.0.0.1"] });
  const ids: string[] = [];
  const answers: Omit<SdkAnswer, "logs">[] = [];
  for (const { name, input } of calls) {
    const requestId = crypto.randomUUID();
    ids.push(requestId);
    const init = { method: "POST", body: input };
    try {
      const answer = await fixture.invoke(spec, { exportName: name, requestId, init });
      answers.push({ output: hex(await answer.bytes()) });
    } catch (error) {
      expect(error).toMatchObject({ code: "function_failed", status: 500 });
      answers.push({ error: (error as Error).message });
    }
  }
  const mark = crypto.randomUUID();
  await fixture.invoke(spec, { exportName: "say", init: { method: "POST", body: mark } });
  await fixture.line(({ level, message }) => level === "error" && message === mark);
  const logsOf = (id: string | undefined) =>
    fixture.lines
      // What the runtime itself says of a failure comes from no module.
      .filter(({ requestId, message }) => requestId === id && !message.startsWith(CALL_FAILED))
      .map(({ level, message }) => [level, message] as const);
  return answers.map((answer, n) => ({ ...answer, logs: logsOf(ids[n]) }));
}

async function theirs(guest: GuestName, calls: readonly GuestCall[]) {
  const order: Omit<SdkOrder, "module"> = {
    config: CONFIG,
    wasi: WASI.has(guest),
    hosts: guest === "c-outside" ? ["127.0.0.1"] : null,
    calls: calls.map(({ name, input }) => ({ name, input: hex(input) })),
  };
  return await askSdk(guests[guest], order);
}

/** With what may be worded differently left out. */
function compared(calls: readonly GuestCall[], answers: readonly SdkAnswer[]) {
  return answers.map(({ output, error, logs }, n) => {
    const { name = "?", input } = calls[n] ?? {};
    const said = error?.replace("Plugin-originated error: ", "");
    const called = `${n} ${name}(${hex(input ?? text("")).slice(0, 40)})`;
    return { called, output, error: FAULTS.has(name) && said ? "a fault" : said, logs };
  });
}

test.each(GUEST_NAMES)(
  "%s answers byte for byte what the Extism SDK answers",
  async (guest) => {
    const run = await theirs(guest, CALLS);
    expect([run.exitCode, run.answers.length]).toEqual([0, CALLS.length]);
    const mine = compared(CALLS, await ours(guest, CALLS));
    for (const [n, expected] of compared(CALLS, run.answers).entries()) {
      expect(mine[n]).toEqual(expected);
    }
  },
  60_000,
);

test.each(GUEST_NAMES)(
  "%s: as Extism's own runtime does it, which its SDK does not",
  async (guest) => {
    const calls = [call("code", "abc"), call("partly", "abcdef"), call("partly", "ab")];
    // A code other than 0 is an error, and an output has the length that it was given.
    expect(said(await ours(guest, calls))).toEqual(["The plug-in returned 3", "abc", "a"]);
    expect(said((await theirs(guest, calls)).answers)).toEqual(["abc", "abcdef", "ab"]);
  },
);

test("requests to the web have the same answers, hosts that are not allowed are refused", async () => {
  const url = `http://127.0.0.1:${web.port}/x`;
  const ask = (name: string, more = {}) => call(name, JSON.stringify({ url, ...more }));
  const calls = [
    ask("ask"),
    ask("ask", { method: "DELETE", headers: { "X-Said": "this" } }),
    ask("post", { method: "POST", headers: { "x-said": "that" } }),
    ask("ask", { url: `http://localhost:${web.port}/x` }),
  ];
  const answers = ["418 GET null ", "418 DELETE this ", "POST that sent"];
  for (const given of [
    await ours("c-outside", calls),
    (await theirs("c-outside", calls)).answers,
  ]) {
    expect(said(given.slice(0, 3))).toEqual(answers);
    expect(given[3]?.error).toContain("localhost");
  }
});

test("what a program with WASI prints, and the code it exits with, are the same", async () => {
  const calls = [call("_start"), call("print", "this ☃"), call("leave", "abc")];
  const run = await theirs("c-program", calls);
  const mine = await ours("c-program", calls);
  const lines = mine.flatMap(({ logs }) => logs);
  const printed = (level: string) => lines.filter(([at]) => at === level).map(([, line]) => line);
  expect(printed("info")).toEqual(run.stdout.trimEnd().split("\n"));
  expect(printed("error")).toEqual(run.stderr.trimEnd().split("\n"));
  expect(lines).toHaveLength(3);
  expect([run.answers.length, run.exitCode]).toEqual([2, 3]);
  expect(said(mine.slice(2))).toEqual(["The module exited with code 3"]);
});

test("a module with WASI sees no files, no environment and no input, but time and randomness", async () => {
  expect(said(await ours("c-reactor", [call("world")]))).toEqual(["closed no home time 1 random"]);
});

test("after an exit the next call has an instance of its own, and a program has one for each", async () => {
  const calls = [call("called"), call("leave"), call("called")];
  expect(said(await ours("c-reactor", calls))).toEqual(["1", "before it left", "1"]);
  const twice = [call("_start"), call("_start")];
  expect(said(await ours("c-program", twice))).toEqual(["program 1", "program 1"]);
});
