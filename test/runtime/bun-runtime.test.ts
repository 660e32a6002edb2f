/** Bun functions through real child processes: answers, streams, limits, crashes, redeploys. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundleFunction } from "../../src/runtime/bundle.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { until } from "../support/until.ts";
import { DEFAULT_LIMITS, failureOf } from "./runtime-call.ts";
import { createFixture, type Fixture } from "./runtime-fixture.ts";

let fixture: Fixture;
beforeAll(async () => {
  // Before the first process starts: those that wait for work must not have it either.
  process.env["SECRET_OF_THE_SERVER"] = "hunter2";
  fixture = await createFixture();
});
afterAll(() => fixture.close());

const ECHO = `export default { async fetch(request) {
  return Response.json({ method: request.method, url: request.url,
    headers: Object.fromEntries(request.headers), body: await request.text() });
} }`;

test("a function sees the request as it was sent and nothing of the transport", async () => {
  const spec = fixture.bunSpec("echo", ECHO);
  const answer = await fixture.invoke(spec, {
    url: "https://shop.example/a/b?c=1",
    init: {
      method: "POST",
      body: "hello",
      headers: { "x-mine": "1", "content-type": "text/plain", "content-length": "5" },
    },
  });
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({
    method: "POST",
    url: "https://shop.example/a/b?c=1",
    headers: {
      "x-mine": "1",
      "content-type": "text/plain",
      "content-length": "5",
      host: "shop.example",
    },
    body: "hello",
  });
});

test("a bare default function, status, headers and an empty answer pass through", async () => {
  const spec = fixture.bunSpec(
    "bare",
    `export default () => new Response(null, { status: 204, headers: { "x-a": "b" } })`,
  );
  const answer = await fixture.invoke(spec);
  expect(answer.status).toBe(204);
  expect(answer.headers.get("x-a")).toBe("b");
  expect(await answer.text()).toBe("");
});

test.each([
  ["a long message", `new Error("x".repeat(100_000))`, "xxx"],
  ["what cannot be read", "{ toString() { throw 1; } }", "cannot be read"],
])("a module that throws %s while it is loaded is told of", async (_, thrown, told) => {
  const code = `throw ${thrown}; export default () => new Response();`;
  const failure = await failureOf(fixture.invoke(fixture.bunSpec("no-load", code)));
  expect(failure).toMatchObject({ status: 500, code: "function_failed" });
  expect(failure.message).toContain(told);
});

test("an answer whose body was read already is a failure that names it, not a page of Bun's", async () => {
  const spec = fixture.bunSpec(
    "used",
    `export default async () => { const answer = new Response("x"); await answer.text(); return answer; }`,
  );
  const failure = await failureOf(fixture.invoke(spec));
  expect(failure).toMatchObject({ status: 500, code: "function_failed" });
  expect(failure.message).toMatch(/body already used/i);
  const line = await fixture.line((l) => l.function === "used" && l.level === "error");
  expect(line.message).toMatch(/body already used/i);
});

test("a body streams in and out while both sides still write", async () => {
  const spec = fixture.bunSpec(
    "upper",
    `export default (request) => new Response(request.body.pipeThrough(new TransformStream({
      transform(chunk, out) { out.enqueue(new TextEncoder().encode(new TextDecoder().decode(chunk).toUpperCase())); } })))`,
  );
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const encoder = new TextEncoder();
  void writer.write(encoder.encode("one "));
  const answer = await fixture.invoke(spec, { init: { method: "POST", body: readable } });
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe("ONE ");
  void writer.write(encoder.encode("two"));
  expect(new TextDecoder().decode((await reader.read()).value)).toBe("TWO");
  await writer.close();
  expect((await reader.read()).done).toBe(true);
});

test("20 MiB pass in and out unchanged", async () => {
  const spec = fixture.bunSpec("mirror", `export default (request) => new Response(request.body)`);
  const body = new Uint8Array(20 * 1024 * 1024).map((_, at) => at % 251);
  const answer = await fixture.invoke(spec, { init: { method: "POST", body } });
  expect(Bun.hash(await answer.bytes())).toBe(Bun.hash(body));
});

test("a throw is function_failed with its message, and the stack is in the log only", async () => {
  const spec = fixture.bunSpec(
    "thrower",
    `export default () => { throw new Error("no such genre") }`,
  );
  const failure = await failureOf(fixture.invoke(spec, { requestId: "req-throw" }));
  expect(failure).toMatchObject({ status: 500, code: "function_failed", message: "no such genre" });
  const line = await fixture.line((l) => l.requestId === "req-throw" && l.level === "error");
  expect(line.message).toContain("thrower.mjs:1");
});

test("an answer that is no Response is function_failed", async () => {
  const spec = fixture.bunSpec("forgetful", `export default () => {}`);
  const failure = await failureOf(fixture.invoke(spec));
  expect(failure.message).toBe("The function answered with undefined instead of a Response");
});

test("a module without a handler says what it must export", async () => {
  const failure = await failureOf(fixture.invoke(fixture.bunSpec("empty", "export const a = 1;")));
  expect(failure).toMatchObject({ status: 500, code: "function_failed" });
  expect(failure.message).toContain("export default");
});

test("an infinite loop is killed at its deadline and the next call works", async () => {
  const spec = fixture.bunSpec(
    "spinner",
    `export default (request) => { if (request.url.endsWith("spin")) for (;;) {} return new Response("ok"); }`,
    { limits: { ...DEFAULT_LIMITS, deadlineMs: 300 } },
  );
  const failure = await failureOf(fixture.invoke(spec, { url: "http://localhost/spin" }));
  expect(failure).toMatchObject({
    status: 504,
    code: "function_timeout",
    details: "Its deadline is 300 ms",
  });
  const patient = { ...spec, limits: DEFAULT_LIMITS };
  expect(await (await fixture.invoke(patient)).text()).toBe("ok");
});

test("a neighbour of a killed call: a POST gets 502 with Retry-After, a GET is asked again", async () => {
  const source = `export default async (request) => {
    const path = new URL(request.url).pathname;
    if (path === "/warm") return new Response(String(process.pid));
    if (path === "/hang") { console.log("hanging"); await new Promise(() => {}); }
    console.log("arrived", request.method);
    if (path === "/wait") await new Promise(() => {});
    return new Response(String(process.pid)); }`;
  const patient = fixture.bunSpec("neighbours", source);
  const brief = { ...patient, limits: { ...DEFAULT_LIMITS, deadlineMs: 3000 } };
  const pid = await (await fixture.invoke(patient, { url: "http://localhost/warm" })).text();
  const hanging = failureOf(fixture.invoke(brief, { url: "http://localhost/hang" }));
  await fixture.line((l) => l.message === "hanging");
  const init = { method: "POST", body: "x" };
  const post = failureOf(fixture.invoke(patient, { url: "http://localhost/wait", init }));
  const client = new AbortController();
  const get = failureOf(
    fixture.invoke(patient, { url: "http://localhost/wait", init: { signal: client.signal } }),
  );
  expect((await hanging).code).toBe("function_timeout");
  const refused = await post;
  expect(refused).toMatchObject({ status: 502, code: "function_crashed" });
  expect((refused as unknown as { headers: object }).headers).toEqual({ "Retry-After": "1" });
  const arrivals = () => fixture.lines.filter((l) => l.message === "arrived GET").length;
  await until("the GET arrives a second time", () => arrivals() === 2);
  client.abort();
  expect((await get).status).toBe(499);
  const after = await fixture.invoke(patient, { url: "http://localhost/warm" });
  expect(await after.text()).not.toBe(pid);
}, 60_000);

test("process.exit in a function is function_crashed and the next call gets a fresh process", async () => {
  const spec = fixture.bunSpec(
    "quitter",
    `export default (request) => { if (request.url.endsWith("quit")) process.exit(3); return new Response("here"); }`,
  );
  const failure = await failureOf(fixture.invoke(spec, { url: "http://localhost/quit" }));
  expect(failure).toMatchObject({ status: 502, code: "function_crashed" });
  expect(failure.details).toContain("exit code 3");
  expect(await (await fixture.invoke(spec)).text()).toBe("here");
});

test("a memory bomb is killed at its limit and the next call works", async () => {
  const spec = fixture.bunSpec(
    "bomb",
    `const kept = []; export default async (request) => { if (!request.url.endsWith("boom")) return new Response("calm");
      for (;;) { kept.push(new Uint8Array(8 << 20).fill(1)); await new Promise((go) => setTimeout(go, 5)); } }`,
    { limits: { ...DEFAULT_LIMITS, memoryBytes: 150 * 1024 * 1024 } },
  );
  const failure = await failureOf(fixture.invoke(spec, { url: "http://localhost/boom" }));
  expect(failure).toMatchObject({ status: 502, code: "function_out_of_memory" });
  expect((failure as { hint?: string }).hint).toStartWith("Raise memory_mb ");
  expect(await (await fixture.invoke(spec)).text()).toBe("calm");
});

test("the least memory that can be set is enough for a small function", async () => {
  const spec = fixture.bunSpec(
    "small",
    'export default async () => { await Bun.sleep(200); return new Response("small"); }',
    { limits: { ...DEFAULT_LIMITS, memoryBytes: 16 * 1024 * 1024 } },
  );
  for (let n = 0; n < 3; n += 1) expect(await (await fixture.invoke(spec)).text()).toBe("small");
});

test("100 parallel calls get their own answers from one process", async () => {
  const spec = fixture.bunSpec(
    "many",
    `export default async (request) => { await Bun.sleep(5); return new Response(process.pid + ":" + new URL(request.url).search); }`,
  );
  const calls = Array.from({ length: 100 }, (_, n) =>
    fixture.invoke(spec, { url: `http://localhost/?${n}` }).then((answer) => answer.text()),
  );
  const answers = await Promise.all(calls);
  expect(answers.map((text) => text.split(":?")[1])).toEqual(calls.map((_, n) => String(n)));
  expect(new Set(answers.map((text) => text.split(":")[0])).size).toBe(1);
});

test("more calls than may run and wait are refused with the limit", async () => {
  const narrow = await createFixture({ blanks: 0 });
  try {
    const limits = { ...DEFAULT_LIMITS, concurrency: 1, queue: 2 };
    const spec = narrow.bunSpec(
      "narrow",
      `let open; const gate = new Promise((go) => (open = go));
       export default async (r) => { if (r.url.endsWith("open")) open(); else { console.log("in"); await gate; } return new Response("ok"); }`,
      { limits },
    );
    const first = narrow.invoke(spec);
    await narrow.line((l) => l.message === "in");
    const waiting = [narrow.invoke(spec, { url: "http://localhost/open" }), narrow.invoke(spec)];
    const refused = await failureOf(narrow.invoke(spec));
    expect(refused).toMatchObject({ status: 429, code: "function_busy" });
    expect(refused.details).toBe("The limit is 1 at a time and 2 waiting");
    await narrow.runtimes.stop(50);
    const ends = await Promise.allSettled([first, ...waiting]);
    expect(ends.every((end) => end.status === "rejected")).toBe(true);
  } finally {
    await narrow.close();
  }
});

test("a redeploy under load drops no call", async () => {
  const source = (n: number) =>
    `export default async () => { await Bun.sleep(3); return new Response("v${n}"); }`;
  const versions = Array.from({ length: 6 }, (_, n) => fixture.bunSpec("redeployed", source(n)));
  let current = versions[0] as (typeof versions)[number];
  let running = true;
  const seen: string[] = [];
  const callers = Array.from({ length: 16 }, async () => {
    while (running) seen.push(await (await fixture.invoke(current)).text());
  });
  for (const version of versions.slice(1)) {
    const before = seen.length;
    while (seen.length < before + 40) await systemClock.sleep(2);
    const old = current;
    current = version;
    await fixture.runtimes.bun.retire("redeployed", old.version);
  }
  const before = seen.length;
  while (seen.length < before + 20) await systemClock.sleep(2);
  running = false;
  await Promise.all(callers);
  expect(seen.at(-1)).toBe("v5");
  expect(seen.every((text) => /^v[0-5]$/.test(text))).toBe(true);
});

test("a client that goes away is seen on request.signal", async () => {
  const spec = fixture.bunSpec(
    "watcher",
    `export default async (request) => { request.signal.addEventListener("abort", () => console.log("client gone"));
      console.log("watching"); await new Promise((done) => setTimeout(done, 10_000)); return new Response(""); }`,
  );
  const client = new AbortController();
  const call = failureOf(fixture.invoke(spec, { init: { signal: client.signal } }));
  await fixture.line((l) => l.message === "watching");
  client.abort();
  expect(await call).toMatchObject({ status: 499 });
  await fixture.line((l) => l.message === "client gone");
});

test("a reader that gives up on a stream is seen on request.signal", async () => {
  const spec = fixture.bunSpec(
    "ticker",
    `export default (request) => { request.signal.addEventListener("abort", () => console.log("reader gone"));
      return new Response(new ReadableStream({ async pull(c) { c.enqueue(new TextEncoder().encode("tick")); await Bun.sleep(5); } })); }`,
  );
  const answer = await fixture.invoke(spec);
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  await reader.cancel();
  await fixture.line((l) => l.message === "reader gone");
});

test("a function's environment is its own and nothing of the server's", async () => {
  const spec = fixture.bunSpec(
    "env",
    `import { reactor } from "reactor"; import { readFileSync } from "node:fs";
     const proc = () => { try { return readFileSync("/proc/self/environ", "latin1"); } catch { return "refused"; } };
     export default () => Response.json({ env: process.env, mine: reactor.env, config: reactor.config,
       proc: proc(), send: typeof process.send })`,
    { env: { GREETING: "hi" }, config: { tone: "warm" } },
  );
  const seen = (await (await fixture.invoke(spec)).json()) as Record<string, unknown>;
  const names = ["GREETING", "HOME", "NODE_ENV", "TMPDIR", "TZ"];
  expect(Object.keys(seen["env"] as object).sort()).toEqual(names);
  expect(seen["mine"]).toEqual({ GREETING: "hi" });
  expect(seen["config"]).toEqual({ tone: "warm" });
  expect(seen["proc"]).not.toContain("hunter2");
  expect(seen["send"]).toBe("undefined");
});

test("NODE_ENV is production unless the function's environment says otherwise", async () => {
  const path = join(fixture.dir, "node-env.ts");
  writeFileSync(path, "export default () => new Response(process.env.NODE_ENV)");
  const { code } = await bundleFunction(path);
  const answers = [{}, { NODE_ENV: "staging" }].map(async (env) =>
    (await fixture.invoke(fixture.bunSpec("node-env", code, { env }))).text(),
  );
  expect(await Promise.all(answers)).toEqual(["production", "staging"]);
});

test("a process is started without the server's environment", async () => {
  // Only root may look into a process that seals itself off.
  if (process.getuid?.() !== 0) return;
  const spec = fixture.bunSpec("bare", "export default () => new Response()");
  await fixture.invoke(spec);
  const { pid } = fixture.runtimes.bun.processes().find((one) => one.function === "bare") ?? {};
  const started = readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
  const names = started.map((pair) => pair.split("=", 1)[0]).filter(Boolean);
  const given = ["BUN_RUNTIME_TRANSPILER_CACHE_PATH", "HOME", "TMPDIR", "TZ"];
  expect(names.sort()).toEqual(given);
});

test("what a function prints is logged with level and request id, cut and capped", async () => {
  const spec = fixture.bunSpec(
    "talker",
    `import { reactor } from "reactor"; export default async (request) => { console.log("plain", { a: 1 }); await Bun.sleep(1);
      reactor.log.warn("careful"); console.error("x".repeat(10_000));
      if (request.url.endsWith("flood")) for (let n = 0; n < 5000; n++) console.log("flood", n);
      return new Response(reactor.requestId); }`,
  );
  expect(await (await fixture.invoke(spec, { requestId: "req-log" })).text()).toBe("req-log");
  const own = (level: string) =>
    fixture.line((l) => l.requestId === "req-log" && l.level === level);
  expect((await own("info")).message).toBe("plain { a: 1 }");
  expect((await own("warn")).message).toBe("careful");
  expect((await own("error")).message.length).toBeLessThan(8300);
  await fixture.invoke(spec, { url: "http://localhost/flood" });
  const count = () => fixture.lines.find((l) => l.message.endsWith("log lines were dropped"));
  while (!count()) await fixture.invoke(spec);
  expect(Number.parseInt(count()?.message ?? "", 10)).toBeGreaterThan(3900);
});

test("an error nobody caught is logged and takes nobody along", async () => {
  const spec = fixture.bunSpec(
    "careless",
    `export default () => { Promise.reject(new Error("lost promise")); setTimeout(() => { throw new Error("lost throw") }, 0);
      return new Response(String(process.pid)); }`,
  );
  const first = await (await fixture.invoke(spec)).text();
  await fixture.line((l) => l.message.includes("lost promise"));
  await fixture.line((l) => l.message.includes("lost throw"));
  expect(await (await fixture.invoke(spec)).text()).toBe(first);
});

test("a body over the limit is refused, declared or not", async () => {
  const limits = { ...DEFAULT_LIMITS, bodyInBytes: 100_000 };
  const spec = fixture.bunSpec(
    "small",
    `export default async (r) => new Response(String((await r.bytes()).length))`,
    { limits },
  );
  const declared = { method: "POST", body: new Uint8Array(100_001) };
  expect(
    (
      await failureOf(
        fixture.invoke(spec, { init: { ...declared, headers: { "content-length": "100001" } } }),
      )
    ).status,
  ).toBe(413);
  const chunks = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(new Uint8Array(60_000));
    },
  });
  const failure = await failureOf(fixture.invoke(spec, { init: { method: "POST", body: chunks } }));
  expect(failure).toMatchObject({ status: 413, code: "payload_too_large" });
});

test("reactor.fetch asks this server with the caller's credentials and refuses other hosts", async () => {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) =>
      Response.json([
        new URL(request.url).pathname,
        request.headers.get("authorization"),
        request.headers.get("apikey"),
        request.headers.get("x-request-id"),
        request.headers.get("x-reactor-org"),
      ]),
  });
  const wired = await createFixture({ gateway: () => ({ socket: null, url: server.url.origin }) });
  try {
    const spec = wired.bunSpec(
      "asker",
      `import { reactor } from "reactor"; export default async (r) => {
        const paths = ["/data/v1/invoice", "/data/v1/other", "//evil.example/", "/\\\\evil.example/", "https://evil.example/"];
        return Response.json(await Promise.all(paths.map(async (p) => { try { return await (await reactor.fetch(p, p.includes("other") ? { headers: { authorization: "Bearer other" } } : {})).json() } catch (e) { return String(e) } }))); }`,
    );
    const caller = { authorization: "Bearer abc", apikey: "key", org: "acme" };
    const answer = (await (
      await wired.invoke(spec, { requestId: "rid", caller })
    ).json()) as unknown[];
    expect(answer[0]).toEqual(["/data/v1/invoice", "Bearer abc", "key", "rid", "acme"]);
    // The organisation is the caller's: whoever is asked for instead has none of it.
    expect(answer[1]).toEqual(["/data/v1/other", "Bearer other", "key", "rid", null]);
    for (const refused of answer.slice(2)) expect(refused).toContain("takes a path of this server");
  } finally {
    await wired.close();
    await server.stop(true);
  }
});

test("an idle process is ended and the next call starts another", async () => {
  const brief = await createFixture();
  try {
    const code = "export default () => new Response(String(process.pid))";
    const spec = brief.bunSpec("brief", code, { limits: { ...DEFAULT_LIMITS, idleMs: 100 } });
    const first = Number(await (await brief.invoke(spec)).text());
    const gone = () => !brief.runtimes.processes().some((p) => p.pid === first);
    while (!gone()) await systemClock.sleep(20);
    expect(Number(await (await brief.invoke(spec)).text())).not.toBe(first);
  } finally {
    await brief.close();
  }
});

test("stop leaves no child process", async () => {
  const own = await createFixture({ blanks: 2 });
  await own.invoke(own.bunSpec("one", `export default () => new Response("1")`));
  const pids = own.runtimes.processes().map((p) => p.pid);
  expect(pids.length).toBeGreaterThan(1);
  await own.close();
  for (const pid of pids) expect(() => readFileSync(`/proc/${pid}/stat`)).toThrow();
});

/** As an ordinary user has it: the kernel bounds neither threads nor `tmp` for the function alone. */
async function withoutOwnUser(source: string): Promise<string | null> {
  const jail = { level: "standard", landlock: true, firstUid: null, namespaces: false } as const;
  const plain = await createFixture({ jail });
  try {
    return (await failureOf(plain.invoke(plain.bunSpec("greedy", source)))).details;
  } finally {
    await plain.close();
  }
}

test("a function that fills its TMPDIR is ended, whether with bytes or with files", async () => {
  const bytes = `import { appendFileSync } from "node:fs"; export default async () => { for (let n = 0; ; n += 1) {
    appendFileSync(process.env.TMPDIR + "/f" + (n % 10), new Uint8Array(1 << 20)); await Bun.sleep(1); } }`;
  expect(await withoutOwnUser(bytes)).toContain("its TMPDIR held more than");
  const files = `import { writeFileSync } from "node:fs"; export default async () => { for (let n = 0; ; n += 1) {
    writeFileSync(process.env.TMPDIR + "/f" + n, ""); if (n % 50 === 0) await Bun.sleep(1); } }`;
  expect(await withoutOwnUser(files)).toContain("its TMPDIR held more than");
}, 60_000);

test("a function that starts thread after thread is ended", async () => {
  const source = `export default async () => { const kept = []; const code = URL.createObjectURL(new Blob(["setInterval(() => {}, 1000)"]));
    for (;;) { kept.push(new Worker(code)); await Bun.sleep(5); } }`;
  expect(await withoutOwnUser(source)).toContain("threads");
}, 60_000);
