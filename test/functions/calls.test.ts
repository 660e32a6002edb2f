/** What a call may be, what it is refused, and what it leaves behind: log lines, invocations, metrics. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { until } from "../support/until.ts";
import {
  type FunctionsDatabase,
  type FunctionsWorld,
  openFunctionsDatabase,
  startFunctions,
} from "./world.ts";

const bytesTool = readFileSync(
  join(import.meta.dir, "../fixtures/project/functions/bytes-tool/bytes-tool.wasm"),
);
let database: FunctionsDatabase;
let world: FunctionsWorld;

beforeAll(async () => {
  database = await openFunctionsDatabase();
  world = await startFunctions(database);
});

afterAll(async () => {
  await world?.stop();
  await database?.close();
});

const post = (path: string, body: BodyInit, headers: Record<string, string> = {}) =>
  world.call(path, { method: "POST", body, headers });
const codeOf = async (answer: Response) => {
  const body = (await answer.json()) as { code: string; details: string | null };
  return { status: answer.status, code: body.code, details: body.details };
};

describe("a call of a WASM function", () => {
  beforeAll(() => world.deploy("bytes-tool", bytesTool, { config: { greeting: "salve" } }));

  test("gives input bytes and takes output bytes, whatever they are", async () => {
    const every = Uint8Array.from({ length: 256 }, (_, n) => n);
    const answer = await post("/fn/v1/bytes-tool", every);
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(every.toReversed());
  });

  test("a plug-in error is 500 with its message", async () => {
    const answer = await post("/fn/v1/bytes-tool/fail", "today");
    expect(answer.status).toBe(500);
    expect(await answer.json()).toMatchObject({
      code: "function_failed",
      message: "no luck: today",
    });
  });

  test("a trap is 500 and the next call works", async () => {
    expect((await post("/fn/v1/bytes-tool/trap", "")).status).toBe(500);
    expect(await (await post("/fn/v1/bytes-tool", "ab")).text()).toBe("ba");
  });

  test("a loop without end is stopped by the deadline, which the answer names", async () => {
    await world.deploy("spinner", bytesTool, { deadline_ms: 300, entry: "spin" });
    const { status, code, details } = await codeOf(await post("/fn/v1/spinner", ""));
    expect({ status, code }).toEqual({ status: 504, code: "function_timeout" });
    expect(details).toContain("300 ms");
    expect(await (await post("/fn/v1/bytes-tool", "ab")).text()).toBe("ba");
  });

  test("config reaches the module", async () => {
    expect(await (await post("/fn/v1/bytes-tool/config", "")).text()).toBe("salve");
  });

  test("other methods, unknown exports and deeper paths are refused", async () => {
    const get = await world.call("/fn/v1/bytes-tool");
    expect([get.status, get.headers.get("allow")]).toEqual([405, "POST"]);
    expect((await post("/fn/v1/bytes-tool/nothing", "")).status).toBe(404);
    expect((await post("/fn/v1/bytes-tool/fail/more", "")).status).toBe(404);
  });
});

describe("a call of a TypeScript function", () => {
  test("a deadline is 504 and names it; a throw is 500 with its message; an exit is 502", async () => {
    await world.deploy("slow", "export default () => new Promise(() => {});", { deadline_ms: 200 });
    await world.deploy("throws", 'export default () => { throw new Error("no luck today"); };');
    await world.deploy("exits", "export default () => process.exit(3);");
    const slow = await codeOf(await world.call("/fn/v1/slow"));
    expect(slow).toMatchObject({ status: 504, code: "function_timeout" });
    expect(slow.details).toContain("200 ms");
    const thrown = await world.call("/fn/v1/throws");
    expect(await thrown.json()).toMatchObject({
      code: "function_failed",
      message: "no luck today",
    });
    expect(thrown.headers.get("X-Reactor-Function")).toBe("throws");
    const exited = await codeOf(await world.call("/fn/v1/exits"));
    expect(exited).toMatchObject({ status: 502, code: "function_crashed" });
  });

  test("a body over the limit is 413 and names it, announced or not", async () => {
    await world.deploy(
      "takes",
      "export default async (r) => new Response((await r.bytes()).length);",
      {
        body_in_mb: 1,
      },
    );
    const big = new Uint8Array(1_048_577);
    const announced = await codeOf(await post("/fn/v1/takes", big));
    expect(announced).toMatchObject({ status: 413, code: "body_too_large" });
    expect(announced.details).toContain("1048576");
    let sent = 0;
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent > 2_000_000) return controller.close();
        sent += 65_536;
        controller.enqueue(new Uint8Array(65_536));
      },
    });
    expect(await codeOf(await post("/fn/v1/takes", stream))).toMatchObject({ status: 413 });
    expect(await (await post("/fn/v1/takes", new Uint8Array(1_048_576))).text()).toBe("1048576");
  });

  test("bodies stream both ways: the answer begins before the request ends", async () => {
    await world.deploy("pipe", "export default (r) => new Response(r.body);");
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const first = writer.write(new TextEncoder().encode("first"));
    const answer = await post("/fn/v1/pipe", readable);
    await first;
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("first");
    await writer.write(new TextEncoder().encode("second"));
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("second");
    await writer.close();
    expect((await reader.read()).done).toBe(true);
  });

  test("a caller who goes away is seen by the function", async () => {
    await world.deploy(
      "waits",
      `export default (r) => new Promise(() => {
         console.log("begun");
         r.signal.addEventListener("abort", () => console.log("caller has gone"));
       });`,
    );
    const gone = new AbortController();
    const answer = world.call("/fn/v1/waits", { signal: gone.signal });
    const messages = async () => {
      const { lines } = (await (await world.call("/fn/v1/_admin/waits/logs")).json()) as {
        lines: { message: string }[];
      };
      return lines.map((line) => line.message);
    };
    await until("the call has begun", async () => (await messages()).includes("begun"));
    gone.abort();
    expect((await answer).status).toBe(499);
    await until("it was told", async () => (await messages()).includes("caller has gone"));
  });
});

describe("a repeated POST with an Idempotency-Key", () => {
  beforeAll(() =>
    world.deploy(
      "counts",
      `let n = 0;
       export default async (r) => {
         const body = await r.text();
         if (body === "big") return new Response("x".repeat(2_000_000));
         if (body === "cookies") {
           const headers = [["set-cookie", "a=1"], ["set-cookie", "b=2"]];
           return new Response("", { headers });
         }
         if (body === "breaks") {
           return new Response(new ReadableStream({
             start(c) { c.enqueue(new Uint8Array(1)); setTimeout(() => c.error(new Error("broken")), 1); },
           }));
         }
         if (body === "fail") throw new Error("attempt " + ++n);
         return new Response(body + ++n, { status: 201, headers: { "x-own": "1" } });
       };`,
    ),
  );
  const keyed = (key: string, body: string) =>
    post("/fn/v1/counts", body, { "idempotency-key": key });

  test("takes effect once", async () => {
    const first = await keyed("k-1", "a");
    const text = await first.text();
    const again = await keyed("k-1", "a");
    expect([again.status, again.headers.get("x-own"), await again.text()]).toEqual([
      201,
      "1",
      text,
    ]);
    expect(again.headers.get("Idempotency-Replayed")).toBe("true");
    expect(await (await keyed("k-2", "a")).text()).not.toBe(text);
  });

  test("another request under the same key, and a key that is none, are refused", async () => {
    await keyed("k-3", "a");
    expect(await codeOf(await keyed("k-3", "b"))).toMatchObject({
      status: 422,
      code: "idempotency_key_reused",
    });
    expect((await keyed("k".repeat(256), "a")).status).toBe(400);
  });

  test("a failure is not kept, and an answer too large to keep arrives whole", async () => {
    expect((await keyed("k-4", "fail")).status).toBe(500);
    expect((await keyed("k-4", "fail")).status).toBe(500);
    expect((await (await keyed("k-5", "big")).text()).length).toBe(2_000_000);
  });

  test("an answer that breaks off is not kept, and one with cookies is given again with all of them", async () => {
    const broken = async () => (await keyed("k-7", "breaks")).status;
    expect([await broken(), await broken()]).toEqual([500, 500]);
    await keyed("k-8", "cookies");
    const again = await keyed("k-8", "cookies");
    expect(again.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
  });

  test("a body too large to compare is refused", async () => {
    expect((await keyed("k-6", "x".repeat(1_100_000))).status).toBe(413);
  });

  test("a body that stops arriving is refused at the deadline", async () => {
    await world.deploy("hurried", "export default () => new Response()", { deadline_ms: 200 });
    const body = new ReadableStream({ start: (c) => c.enqueue(new Uint8Array(3)) });
    const answer = await post("/fn/v1/hurried", body, { "idempotency-key": "k-9" });
    expect(await codeOf(answer)).toEqual({
      status: 408,
      code: "function_upload_timeout",
      details: "The deadline of the call is 200 ms",
    });
  });

  test("what is refused before the function is recorded as other refusals are", async () => {
    await world.deploy("refuses", "export default () => new Response('once')");
    const call = (body: string) => post("/fn/v1/refuses", body, { "idempotency-key": "k-1" });
    const answers = [await call("a"), await call("a"), await call("b")];
    answers.push(await call("x".repeat(1_100_000)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 422, 413]);
    expect(answers.at(-1)?.headers.get("X-Reactor-Function")).toBe("refuses");
    const list = await world.call("/fn/v1/_admin/refuses/invocations");
    const { invocations } = (await list.json()) as { invocations: { error_code: string | null }[] };
    expect(invocations.map(({ error_code }) => error_code)).toEqual([
      "idempotency_body_too_large",
      "idempotency_key_reused",
      null,
    ]);
  });
});

describe("what an answer may hold", () => {
  test("one that is announced as too large is 502, one that turns out to be is broken off", async () => {
    const code = `export default (request) => {
      if (request.url.endsWith("known")) return new Response(new Uint8Array(2 * 1024 * 1024));
      const part = new Uint8Array(65_536);
      return new Response(new ReadableStream({ pull(c) { c.enqueue(part); } }));
    };`;
    await world.deploy("large", code, { body_out_mb: 1 });
    const known = await world.call("/fn/v1/large/known");
    expect([known.status, await known.json()]).toMatchObject([
      502,
      { code: "answer_too_large", details: "Its body_out limit is 1048576 bytes" },
    ]);
    const streamed = await world.call("/fn/v1/large");
    await expect(streamed.bytes()).rejects.toThrow();
    const page = (await (await world.call("/fn/v1/_admin/large/invocations")).json()) as {
      invocations: { error_code: string }[];
    };
    expect(page.invocations.map((row) => row.error_code)).toEqual([
      "answer_too_large",
      "answer_too_large",
    ]);
  });
});

describe("an answer's headers", () => {
  test("a length that a stream announces holds: others than so many bytes are broken off", async () => {
    const code = `export default (request) => {
      const [, length, body] = new URL(request.url).pathname.split("/");
      const stream = new ReadableStream({ start(c) { c.enqueue(body); c.close(); } });
      return new Response(stream, { headers: { "content-length": length } });
    };`;
    await world.deploy("announces", code);
    const whole = await world.call("/fn/v1/announces/3/abc");
    expect([whole.headers.get("content-length"), await whole.text()]).toEqual(["3", "abc"]);
    for (const path of ["/5/abc", "/2/abc"]) {
      const lie = await world.call(`/fn/v1/announces${path}`);
      await expect(lie.bytes()).rejects.toThrow("announced");
    }
    const silent = await world.call("/fn/v1/announces/-1/abc");
    expect([silent.headers.get("content-length"), await silent.text()]).toEqual([null, "abc"]);
  });

  test("what belongs to the connection or to the server is not the function's to say", async () => {
    const code = `export default () => new Response("x", { headers: {
      connection: "close", "keep-alive": "1", "transfer-encoding": "chunked", te: "x", trailer: "x", upgrade: "h2c",
      date: "never", "x-reactor-version": "mine", "X-Reactor-Else": "y", "x-mine": "z" } });`;
    await world.deploy("says", code);
    const { headers } = await world.call("/fn/v1/says");
    const own = [...headers.keys()].filter((name) => !/^(content|x-reactor-(f|v|d|c))/.test(name));
    expect(own).toEqual(["x-mine"]);
    expect(headers.get("x-reactor-version")).not.toBe("mine");
  });

  test("headers of 60 KB come back, and of 70 KB are a failure that says so", async () => {
    const code = `export default (request) => new Response("x", { headers: {
      "x-long": "y".repeat(Number(new URL(request.url).pathname.slice(1))) } });`;
    await world.deploy("long-headers", code);
    const long = await world.call("/fn/v1/long-headers/60000");
    expect([long.status, long.headers.get("x-long")?.length]).toEqual([200, 60_000]);
    const longer = await world.call("/fn/v1/long-headers/70000");
    expect([longer.status, await longer.text()]).toEqual([500, expect.stringContaining("headers")]);
    const head = { headers: { "x-sent": "y".repeat(60_000) } };
    expect((await world.call("/fn/v1/long-headers/1", head)).status).toBe(200);
  });
});

describe("what a call leaves behind", () => {
  test("log lines are followed as they come and can be taken up where one left off", async () => {
    await world.deploy(
      "talks",
      'export default (r) => { console.warn("for", r.url); return new Response(); };',
    );
    await world.call("/fn/v1/talks?n=1");
    await until("the first line is kept", async () => (await logLines("talks")).length === 1);
    const stop = new AbortController();
    const tail = await world.call("/fn/v1/_admin/talks/logs?follow=1", { signal: stop.signal });
    expect(tail.headers.get("content-type")).toBe("text/event-stream");
    const events = readEvents(tail);
    const first = await nextEvent(events);
    expect(first).toMatchObject({
      level: "warn",
      function: "talks",
      message: "for http://localhost/?n=1",
    });
    await world.call("/fn/v1/talks?n=2");
    const second = await nextEvent(events);
    expect(second.message).toBe("for http://localhost/?n=2");
    expect(second.request_id).toMatch(/^[0-9a-f-]{36}$/);
    stop.abort();
    const resumed = await world.call("/fn/v1/_admin/talks/logs?follow=1", {
      headers: { "last-event-id": first.id },
    });
    const rest = readEvents(resumed);
    expect((await nextEvent(rest)).id).toBe(second.id);
    await rest.return(undefined);
  });

  test("a log that is followed from its end, or from a time, tells only what comes after", async () => {
    await world.deploy(
      "tells",
      "export default (r) => { console.log(r.url); return new Response(); };",
    );
    await world.call("/fn/v1/tells?n=1");
    const last = await until("a line is kept", async () => (await logLines("tells"))[0]);
    const headers = { "last-event-id": last.id };
    const path = "/fn/v1/_admin/tells/logs?follow=1";
    const tails = [
      readEvents(await world.call(path, { headers })),
      readEvents(await world.call(`${path}&since=2999-01-01T00:00:00Z`)),
    ];
    await world.call("/fn/v1/tells?n=2");
    for (const tail of tails) {
      expect((await nextEvent(tail)).message).toBe("http://localhost/?n=2");
      await tail.return(undefined);
    }
  });

  test("a log that is taken up is told whole, however much was missed", async () => {
    await world.deploy(
      "long",
      "export default () => { for (let n = 0; n < 250; n += 1) console.log(n); return new Response(); };",
    );
    await world.call("/fn/v1/long");
    await until("all is kept", async () => (await logLines("long", "limit=1000")).length === 250);
    const tail = readEvents(
      await world.call("/fn/v1/_admin/long/logs?follow=1", { headers: { "last-event-id": "0" } }),
    );
    for (let n = 0; n < 250; n += 1) expect((await nextEvent(tail)).message).toBe(String(n));
    await tail.return(undefined);
  });

  test("HEAD does not follow the log, and ends at once", async () => {
    const url = "/fn/v1/_admin/talks/logs?follow=1";
    const answer = await world.call(url, { method: "HEAD" });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toStartWith("application/json");
  });

  test("a page of the log: since an id, since a time, and nonsense", async () => {
    const [line] = await logLines("talks");
    expect(await logLines("talks", `since=${line?.id}`)).toHaveLength(1);
    expect(await logLines("talks", "since=2999-01-01T00:00:00Z")).toHaveLength(0);
    expect(await logLines("talks", "limit=1")).toHaveLength(1);
    expect((await world.call("/fn/v1/_admin/talks/logs?since=yesterday")).status).toBe(400);
    const following = async (value: string) => {
      const { status, headers } = await world.call(`/fn/v1/_admin/talks/logs?follow=${value}`);
      return [status, headers.get("content-type")?.split(";")[0]];
    };
    expect(await following("false")).toEqual([200, "application/json"]);
    expect(await following("")).toEqual([400, "application/json"]);
    expect((await world.call("/fn/v1/_admin/nobody/logs")).status).toBe(404);
  });

  test("text that Postgres cannot hold is kept in a form that it can", async () => {
    await world.deploy(
      "odd",
      'export default () => { console.log("a\\u0000b\\ud800"); return new Response(); };',
    );
    await world.call("/fn/v1/odd");
    const line = await until("the line is kept", async () => (await logLines("odd"))[0]);
    expect(line.message).toBe("a\ufffdb\ufffd");
  });

  test("a function that forges the ids of its lines takes nobody's lines along", async () => {
    const forge = `const json = JSON.stringify;
      export default () => {
        JSON.stringify = (value) => json(value?.t === "log"
          ? { t: "log", lines: [["info", "\\u0000 \\ud800", "forged"]] } : value);
        console.log("x");
        return new Response();
      };`;
    await world.deploy("forges", forge);
    await world.deploy(
      "honest",
      'export default () => { console.log("mine"); return new Response(); };',
    );
    await Promise.all([world.call("/fn/v1/forges"), world.call("/fn/v1/honest")]);
    const line = await until("the line is kept", async () => (await logLines("honest"))[0]);
    expect(line.message).toBe("mine");
    const forged = await until("the other too", async () => (await logLines("forges"))[0]);
    expect(forged.request_id).toBe("\ufffd \ufffd");
  });

  test("each call is a row with its status, and counted", async () => {
    const rows = await until("the invocations are written", async () => {
      const found = await world.sql<{ status: number; error_code: string | null; cold: boolean }[]>`
        select status, error_code, cold from functions.invocations where name = 'throws'`;
      return found.length > 0 ? found : null;
    });
    expect([...rows]).toEqual([{ status: 500, error_code: "function_failed", cold: true }]);
    expect(world.metrics()).toContain(
      'reactor_function_invocations_total{function="throws",version="active",status="5xx"} 1',
    );
  });
});

describe("who may do what", () => {
  test("a function needs a credential unless it is open", async () => {
    await world.deploy("closed", "export default () => new Response('in');");
    await world.deploy("open", "export default () => new Response('in');", { verify_jwt: false });
    expect((await world.call("/fn/v1/closed", {}, "")).status).toBe(401);
    expect((await world.call("/fn/v1/closed", {}, "anon")).status).toBe(200);
    expect((await world.call("/fn/v1/open", {}, "")).status).toBe(200);
  });

  test.each([
    ["GET", ""],
    ["GET", "/closed"],
    ["GET", "/closed/versions"],
    ["GET", "/closed/logs"],
    ["GET", "/closed/logs?follow=1"],
    ["POST", "/closed/rollback"],
    ["DELETE", "/closed"],
  ])("%s /fn/v1/_admin%s is for the secret key", async (method, path) => {
    const as = async (role: string) =>
      (await world.call(`/fn/v1/_admin${path}`, { method }, role)).status;
    expect([await as(""), await as("anon"), await as("authenticated")]).toEqual([401, 403, 403]);
  });
});

test("the routes describe what they answer", () => {
  const statusesOf = (method: string, path: string) => {
    const route = world.mounted.plugin.routes.find(
      (one) => one.method === method && one.path === path,
    );
    return Object.keys(route?.hooks.detail.responses).map(Number);
  };
  expect(statusesOf("DELETE", "/fn/v1/_admin/:name")).toEqual([204, 401, 403, 404]);
  expect(statusesOf("POST", "/fn/v1/_admin/:name/promote")).toContain(409);
  expect(statusesOf("PATCH", "/fn/v1/_admin/:name/env")).toContain(422);
});

describe("what cannot be deployed", () => {
  const item = (name: string, settings: object) => ({
    name,
    sha256: "0".repeat(64),
    sizeBytes: 1,
    settings: { runtime: "bun", ...settings },
  });

  test("a plan names every fault of every function", async () => {
    const plan = world.deployer.plan(DEFAULT_TENANT, [
      item("Bad Name", {}),
      item("good", { memry_mb: 1, deadline_ms: "long" }),
      item("twin", {}),
      item("twin", {}),
    ]);
    await expect(plan).rejects.toMatchObject({
      status: 422,
      code: "function_invalid",
      details:
        "'Bad Name' is not a name: it must match ^[a-z][a-z0-9_-]{0,62}$; " +
        "'good': 'memry_mb' is not a setting of a function; did you mean 'memory_mb'?; " +
        "'good': deadline_ms must be an integer from 1 to 900000; 'twin' is there twice",
    });
  });

  test("code that is damaged, no module, too large, or without its entry", async () => {
    const bytes = new TextEncoder().encode("x");
    const damaged = world.deployer.apply(DEFAULT_TENANT, item("damaged", {}), bytes);
    await expect(damaged).rejects.toMatchObject({ code: "code_mismatch" });
    const noModule = world.deploy("no-module", new Uint8Array([1, 2, 3]));
    await expect(noModule).rejects.toMatchObject({ status: 422 });
    const huge = { ...item("huge", {}), sizeBytes: 33 * 1_048_576 };
    const tooLarge = world.deployer.plan(DEFAULT_TENANT, [huge]);
    await expect(tooLarge).rejects.toMatchObject({ code: "code_too_large" });
    const noEntry = world.deploy("no-entry", bytesTool, { entry: "missing" });
    await expect(noEntry).rejects.toMatchObject({ code: "function_invalid" });
    expect(await world.deployer.names(DEFAULT_TENANT)).not.toContain("no-entry");
  });
});

interface Line {
  readonly id: string;
  readonly level: string;
  readonly message: string;
  readonly request_id: string | null;
}

async function logLines(name: string, query = ""): Promise<Line[]> {
  const answer = await world.call(`/fn/v1/_admin/${name}/logs?${query}`);
  return ((await answer.json()) as { lines: Line[] }).lines;
}

/** Data of the events of an SSE answer. */
async function* readEvents(answer: Response): AsyncGenerator<Line> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1];
      text = text.slice(end + 2);
      if (data) yield JSON.parse(data) as Line;
    }
  }
}

async function nextEvent(events: AsyncGenerator<Line>): Promise<Line> {
  const { value, done } = await events.next();
  if (done) throw new Error("the stream ended");
  return value;
}
