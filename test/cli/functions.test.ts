/** `reactor fn`: versions, variables and new functions, against the admin contract from memory. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Bench, createBench } from "./fake-host.ts";
import { ADMIN_TOKEN, type FakeServer, SECRET_KEY, startFakeServer } from "./fake-server.ts";

let bench: Bench;
let server: FakeServer;
const bodies: unknown[] = [];

beforeAll(() => {
  bench = createBench();
  server = startFakeServer();
  const keep = (answer: object) => async (request: Request) => {
    bodies.push(await request.json());
    return Response.json(answer);
  };
  const share = { version: "b".repeat(64), percent: 10, by: "request" };
  server.answers.set(
    "POST /fn/v1/_admin/hello/promote",
    keep({ name: "hello", version: "a".repeat(64), share }),
  );
  for (const owner of ["_shared", "hello"]) {
    server.answers.set(`PATCH /fn/v1/_admin/${owner}/secrets`, keep({ secrets: [] }));
    server.answers.set(`PATCH /fn/v1/_admin/${owner}/env`, keep({ env: [] }));
    server.answers.set(`GET /fn/v1/_admin/${owner}/secrets`, () =>
      Response.json({ secrets: [{ name: "KEY", updated_at: "2026-01-01T00:00:00.000Z" }] }),
    );
  }
});

afterAll(() => {
  server.stop();
  bench.remove();
});

beforeEach(() => {
  bodies.length = 0;
});

const run = (argv: string[], more = {}) =>
  bench.run([...argv, "--url", server.url, "--token", ADMIN_TOKEN], more);

describe("reactor fn promote", () => {
  test("sends what was asked for, and says who gets the calls", async () => {
    const ran = await run(["fn", "promote", "hello", "--percent", "10", "--by", "caller"], {
      isTerminal: true,
    });
    expect(ran.exit).toBe(0);
    expect(bodies).toEqual([{ percent: 10, by: "caller" }]);
    expect(ran.stdout).toContain("hello is at aaaaaaaaaaaa, 10 % to bbbbbbbbbbbb by request");
  });

  test.each(["101", "-1", "ten", "1.234"])("%s is no part of a hundred", async (percent) => {
    const ran = await run(["fn", "promote", "hello", `--percent=${percent}`]);
    expect([ran.exit, bodies.length]).toEqual([1, 0]);
  });
});

describe("reactor fn secrets", () => {
  test("a value comes from standard input, without its line end", async () => {
    const ran = await run(["fn", "secrets", "set", "KEY", "--function", "hello"], {
      stdin: "sesame\n",
    });
    expect(ran.exit).toBe(0);
    expect(bodies).toEqual([{ KEY: "sesame" }]);
    expect(ran.stdout + ran.stderr).not.toContain("sesame");
  });

  test("on a terminal each is asked for", async () => {
    await run(["fn", "secrets", "set", "A", "B"], { secret: "typed", isTerminal: true });
    expect(bodies).toEqual([{ A: "typed", B: "typed" }]);
  });

  test("a value among the arguments is refused, and not repeated", async () => {
    const ran = await run(["fn", "secrets", "set", "KEY=sesame"]);
    expect([ran.exit, bodies.length]).toEqual([1, 0]);
    expect(ran.json()["error"]).toMatchObject({ code: "secret_in_arguments" });
    expect(ran.stdout).not.toContain("sesame");
  });

  test("two values do not fit into one input, and an empty one is none", async () => {
    expect((await run(["fn", "secrets", "set", "A", "B"], { stdin: "x" })).exit).toBe(1);
    expect((await run(["fn", "secrets", "set", "A"], { stdin: "\n" })).exit).toBe(1);
    expect((await run(["fn", "secrets", "set"])).exit).toBe(1);
    expect(bodies).toEqual([]);
  });

  test("a file of them is read as other tools read it", async () => {
    writeFileSync(
      join(bench.dir, ".env.test"),
      `# comment\nexport A=1\nB = "two \\"words\\"\\nline" # more\nC='raw \\n'\nD=x # no value\nE=\n`,
    );
    await run(["fn", "secrets", "set", "--env-file", ".env.test"]);
    expect(bodies).toEqual([{ A: "1", B: 'two "words"\nline', C: "raw \\n", D: "x", E: "" }]);
    writeFileSync(join(bench.dir, ".env.bad"), "A=1\nnonsense\n");
    const bad = await run(["fn", "secrets", "set", "--env-file", ".env.bad"]);
    expect(bad.json()["error"]).toMatchObject({ message: "Line 2 is not NAME=value" });
    expect((await run(["fn", "secrets", "set", "--env-file", "none"])).exit).toBe(1);
  });

  test("are listed by name and removed by name", async () => {
    const listed = await run(["fn", "secrets", "list"]);
    expect(listed.json()).toMatchObject({ data: { secrets: [{ name: "KEY" }] } });
    await run(["fn", "secrets", "unset", "KEY", "OTHER"]);
    expect(bodies).toEqual([{ KEY: null, OTHER: null }]);
  });
});

describe("reactor fn env", () => {
  test("takes pairs, and a pair without a value is refused", async () => {
    await run(["fn", "env", "set", "A=1", "B=x=y", "--function", "hello"]);
    expect(bodies).toEqual([{ A: "1", B: "x=y" }]);
    expect((await run(["fn", "env", "set", "A"])).exit).toBe(1);
  });

  test("no name is lost on the way", async () => {
    await run(["fn", "env", "set", "__proto__=1", "constructor=2"]);
    expect(Object.entries(bodies[0] as object)).toEqual([
      ["__proto__", "1"],
      ["constructor", "2"],
    ]);
  });
});

describe("reactor fn invoke", () => {
  const withKey = (...argv: string[]) =>
    bench.run(["fn", "invoke", ...argv, "--url", server.url, "--token", SECRET_KEY]);

  test("calls below a function's name", async () => {
    server.answers.set("POST /fn/v1/hello/a%20b", () => new Response("called"));
    const ran = await withKey("hello/a b?x=1");
    expect([ran.exit, JSON.parse(ran.stdout).data.body]).toEqual([0, "called"]);
  });

  test.each([
    "../../auth/v1/admin/users",
    "hello/../../../auth/v1/admin/users",
    "hello/./a",
    "_admin/hello",
    "",
    "/hello",
  ])("nothing else gets the secret key: %p", async (path) => {
    const before = server.calls.length;
    const ran = await withKey(path, "-X", "DELETE");
    expect([ran.exit, server.calls.length - before]).toEqual([1, 0]);
    expect(ran.stdout).toContain("is no path of a function");
  });
});

test("a secret key where the admin token is needed is called by its name", async () => {
  const ran = await bench.run(["status", "--url", server.url, "--token", SECRET_KEY]);
  expect(ran.exit).toBe(3);
  expect(ran.stdout).toContain("There is no admin token");
  expect(ran.stdout).toContain("the secret key does not do for this");
});

test("help names the choices of an option", async () => {
  const help = (await bench.run(["fn", "promote", "--help"])).stdout;
  expect(help).toContain("who then stays with one version (request, caller)");
});

describe("reactor fn new", () => {
  test("makes a function that deploys, never over another one", async () => {
    const dir = join(bench.dir, "project");
    mkdirSync(dir);
    writeFileSync(join(dir, "reactor.toml"), "");
    const made = await bench.run(["fn", "new", "hello"], { cwd: dir });
    expect(made.json()).toMatchObject({ data: { files: ["functions/hello.ts"] } });
    expect(readFileSync(join(dir, "functions/hello.ts"), "utf8")).toContain("Hello, $");
    expect((await bench.run(["fn", "new", "hello"], { cwd: dir })).exit).toBe(1);
    expect((await bench.run(["fn", "new", "../up"], { cwd: dir })).exit).toBe(1);
    const shout = await bench.run(["fn", "new", "shout", "-l", "assemblyscript"], { cwd: dir });
    expect(shout.json()).toMatchObject({ ok: true });
    const args = ["fn", "new", "loud", "-l", "assemblyscript"];
    const { stdout } = await bench.run(args, { cwd: dir, isTerminal: true });
    expect(stdout).toContain("npm install && npm run build) && reactor fn deploy loud");
    const deployed = await run(["fn", "deploy", "hello", "--no-promote"], { cwd: dir });
    expect(deployed.exit).toBe(0);
    expect(server.deploys.at(-1)?.sections.functions).toMatchObject([
      { name: "hello", promote: false },
    ]);
  });
});

describe("reactor fn delete", () => {
  test("asks first, and without a terminal wants --yes", async () => {
    server.answers.set("DELETE /fn/v1/_admin/hello", () => new Response(null, { status: 204 }));
    const asked = () => server.calls.filter((call) => call.startsWith("DELETE")).length;
    expect((await run(["fn", "delete", "hello"])).exit).toBe(1);
    expect((await run(["fn", "delete", "hello"], { answer: "hell", isTerminal: true })).exit).toBe(
      1,
    );
    expect(asked()).toBe(0);
    expect((await run(["fn", "delete", "hello"], { answer: "hello", isTerminal: true })).exit).toBe(
      0,
    );
    expect((await run(["fn", "delete", "hello", "--yes"])).exit).toBe(0);
    expect(asked()).toBe(2);
  });
});
