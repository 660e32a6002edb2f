/** `reactor fn logs`: what is printed of a function's log, and that following it outlives a restart. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Bench, createBench } from "./fake-host.ts";
import { ADMIN_TOKEN, type FakeServer, startFakeServer } from "./fake-server.ts";

let bench: Bench;
let server: FakeServer;
beforeAll(() => {
  bench = createBench();
  server = startFakeServer();
});
afterAll(() => {
  server.stop();
  bench.remove();
});

const run = (argv: string[], more = {}) =>
  bench.run([...argv, "--url", server.url, "--token", ADMIN_TOKEN], more);

const TIME = "2026-01-01T00:00:00.000Z";
const PATH = "GET /fn/v1/_admin/hello/logs";

const stream = (...ids: string[]) => {
  const events = ids.map((id) => {
    const line = { id, time: TIME, level: "info", message: `line ${id}` };
    return `id: ${id}\nevent: log\ndata: ${JSON.stringify(line)}\n\n`;
  });
  const headers = { "content-type": "text/event-stream" };
  return new Response(`: open\n\n${events.join("")}`, { headers });
};

test("a stream that ends is asked for again, behind the last line that came", async () => {
  const asked: (string | null)[] = [];
  const aborter = new AbortController();
  server.answers.set(PATH, (request) => {
    asked.push(request.headers.get("last-event-id"));
    if (asked.length === 2) return Response.json({ code: "unavailable" }, { status: 503 });
    return asked.length === 1 ? stream("1", "2") : stream("3");
  });
  const { exit, stdout, stderr } = await run(["fn", "logs", "hello", "-f"], {
    interrupted: aborter.signal,
    onShown: (text: string) => void (text.includes("line 3") && aborter.abort()),
  });
  expect([exit, asked]).toEqual([0, [null, "2", "2"]]);
  const shown = stdout.trimEnd().split("\n");
  expect(shown.map((line) => JSON.parse(line).id)).toEqual(["1", "2", "3"]);
  expect(stderr).toContain("asking again in 0.5 s\n");
  expect(stderr).toContain("asking again in 1 s\n");
});

test("a log that cannot be followed, or no more, is an error", async () => {
  let calls = 0;
  server.answers.set(PATH, () => {
    calls += 1;
    return calls % 2 === 1 ? stream("1") : Response.json({ code: "not_found" }, { status: 404 });
  });
  expect((await run(["fn", "logs", "hello", "-f"])).exit).toBe(1);
  expect(calls).toBe(2);
  server.answers.set(PATH, () => Response.json({ code: "unavailable" }, { status: 503 }));
  expect((await run(["fn", "logs", "hello", "-f"])).exit).toBe(5);
});

test("a message of several lines is indented below its first", async () => {
  const message = "the function threw: Error: no\n    at a (x.ts:1:2)\n\u001b[2Jb";
  const lines = [{ id: "1", time: TIME, level: "error", message }];
  server.answers.set(PATH, () => Response.json({ lines }));
  const { stdout } = await run(["fn", "logs", "hello"], {
    isTerminal: true,
    env: { NO_COLOR: "1" },
  });
  expect(stdout).toBe(
    `${TIME} error the function threw: Error: no\n          at a (x.ts:1:2)\n      \\u001b[2Jb\n`,
  );
});
