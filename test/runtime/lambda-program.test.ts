/**
 * Programs of their own for AWS Lambda: what the Runtime API tells them, what they answer, how they are
 * ended, and what those that mean harm reach.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { planJail } from "../../src/runtime/jail/jail-plan.ts";
import { planPrograms } from "../../src/runtime/jail/program-plan.ts";
import {
  ALLOWED_PROBES,
  bootstrapZip,
  buildProgram,
  compiler,
  PROBES,
  processesOf,
  SHELL_BOOTSTRAP,
} from "../support/lambda-program.ts";
import { until } from "../support/until.ts";
import { DEFAULT_LIMITS, failureOf } from "./runtime-call.ts";
import { createFixture, type Fixture } from "./runtime-fixture.ts";

const LIMITS = { ...DEFAULT_LIMITS, concurrency: 1 };

let fixture: Fixture;
beforeAll(async () => {
  fixture = await createFixture();
});
afterAll(() => fixture.close());

/** Folder of the code, in an environment. */
const rootIn = (text: string) => /LAMBDA_TASK_ROOT=(.+)/.exec(text)?.[1] ?? "?";

const isPossible = (await planPrograms(planJail([import.meta.dir]))).prefix !== null;

describe.skipIf(!isPossible || !compiler)("a program in C", () => {
  let zip: Uint8Array;
  beforeAll(async () => {
    zip = bootstrapZip(await buildProgram());
  });
  const program = (name: string, more: object = {}) =>
    fixture.lambdaSpec(name, zip, { limits: LIMITS, ...more });
  const at = (path: string, init?: RequestInit) =>
    init ? { url: `http://localhost${path}`, init } : { url: `http://localhost${path}` };
  const textOf = async (answer: Promise<Response>) => (await answer).text();
  /** Alive and well: it still answers, with the names of its environment. */
  const answers = async (spec: ReturnType<typeof program>) =>
    expect(await textOf(fixture.invoke(spec, at("/facts")))).toContain("AWS_LAMBDA");

  test("is told what AWS tells, and what it prints belongs to the request", async () => {
    const env = {
      MINE: "a value",
      AWS_LAMBDA_FUNCTION_NAME: "not-this",
      LD_PRELOAD: "/no/where.so",
    };
    const spec = program("facts", { env, entry: "some.handler" });
    const headers = { "x-amz-client-context": Buffer.from('{"a": 1}').toString("base64") };
    const call = { ...at("/facts", { headers }), requestId: "facts-1" };
    const earliest = Date.now() + LIMITS.deadlineMs;
    const text = await textOf(fixture.invoke(spec, call));
    const [arn, deadline, trace, context, ...lines] = text.trim().split("\n");
    expect(arn).toBe("arn:aws:lambda:local:000000000000:function:facts");
    expect(Number(deadline)).toBeGreaterThanOrEqual(earliest - 1);
    expect(Number(deadline)).toBeLessThanOrEqual(Date.now() + LIMITS.deadlineMs);
    expect(trace).toMatch(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$/);
    expect(context).toBe('{"a":1}');
    const seen = Object.fromEntries(
      lines.map((line) => [line.split("=")[0], line.slice(line.indexOf("=") + 1)]),
    );
    expect(seen).toMatchObject({
      ...{ MINE: "a value", LD_PRELOAD: "/no/where.so", _HANDLER: "some.handler", TZ: ":UTC" },
      ...{ AWS_LAMBDA_FUNCTION_NAME: "facts", AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "256" },
      ...{ AWS_LAMBDA_FUNCTION_VERSION: spec.version, AWS_LAMBDA_RUNTIME_API: "127.0.0.1:9001" },
    });
    expect(seen["LAMBDA_TASK_ROOT"]).toContain("/code/");
    expect(Object.keys(seen).filter((name) => /BUN|REACTOR|OLDPWD/.test(name))).toEqual([]);
    const line = await fixture.line(({ message }) => message === "in /facts");
    expect(line).toMatchObject({ requestId: "facts-1", level: "info" });
  });

  test("its errors are failures, and it goes on", async () => {
    const spec = program("errs");
    const failure = await failureOf(fixture.invoke(spec, at("/error")));
    expect(failure).toMatchObject({ status: 500, code: "function_failed", message: "no good" });
    const said = await fixture.line(({ message }) => message.includes("no good"));
    expect(said.message).toBe("the function threw: Mine: no good");
    expect((await failureOf(fixture.invoke(spec, at("/go")))).message).toBe("as Go");
    await fixture.line(({ message }) => message.includes("at run (a.go:7)"));
    await answers(spec);
  });

  test("it streams with a head of its own, and a stream that fails on the way is cut", async () => {
    const spec = program("streams");
    const answer = await fixture.invoke(spec, at("/stream"));
    expect([answer.status, await answer.text()]).toEqual([202, "one two"]);
    await failureOf(textOf(fixture.invoke(spec, at("/broken"))));
    await fixture.line(({ message }) => message.includes("on the way"));
    await answers(spec);
  });

  test("a caller that goes away before or within the answer keeps nobody from the next one", async () => {
    const spec = program("leaves");
    await answers(spec);
    for (const path of ["/facts", "/stream"]) {
      const leave = new AbortController();
      const early = fixture.invoke(spec, at(path, { signal: leave.signal }));
      queueMicrotask(() => leave.abort());
      // A call that is over in a moment is over before anybody looks whether its caller is there.
      const left = (answer: Response) => answer.body?.cancel();
      const status = await early.then(left, (error: { status: number }) => error.status);
      expect([undefined, 499]).toContain(status as number);
      await answers(spec);
    }
    const reader = (await fixture.invoke(spec, at("/stream"))).body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("one");
    await reader?.cancel();
    await answers(spec);
  });

  test("a second answer, another's id and other paths are refused, the first answer counts", async () => {
    const spec = program("twice");
    expect(await textOf(fixture.invoke(spec, at("/twice")))).toBe("first");
    const line = await fixture.line(({ message }) => /^\d+ \d+ \d+ \d+$/.test(message));
    expect(line.message).toBe("400 400 202 400");
    await answers(spec);
  });

  test("an answer that is too large to be held is refused, and it is told", async () => {
    const spec = program("large");
    const failure = await failureOf(fixture.invoke(spec, at("/large")));
    expect(failure).toMatchObject({ status: 500, code: "function_failed" });
    expect(failure.message).toContain("67108864 bytes");
    await fixture.line(({ message }) => message === "large 413");
    await answers(spec);
  });

  test("calls come one after the other, and in as many processes as there may be", async () => {
    const spec = program("many", { instances: { min: 0, max: 2 } });
    const calls = Array.from({ length: 12 }, () => textOf(fixture.invoke(spec, at("/facts"))));
    for (const text of await Promise.all(calls)) expect(text).toContain("AWS_LAMBDA");
    expect(processesOf("/code/").length).toBeGreaterThan(0);
  });

  test("one that answers and ends takes no call along that it has not seen", async () => {
    const spec = program("last");
    const init = { method: "POST", body: "x", headers: { "content-length": "1" } };
    const calls = Array.from({ length: 6 }, (_, n) =>
      textOf(fixture.invoke(spec, n % 2 === 0 ? at("/last") : at("/last", init))),
    );
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 6 }, () => "last"));
  });

  test("one that ends is a crash, and the next call has another process", async () => {
    const spec = program("ends");
    for (const [path, code] of [
      ["/exit", 3],
      ["/crash", 134],
    ] as const) {
      const failure = await failureOf(fixture.invoke(spec, at(path)));
      expect(failure).toMatchObject({ status: 502, code: "function_crashed" });
      expect(failure.details).toContain(`exit code ${code}`);
      await answers(spec);
    }
  });

  test("one that cannot begin says so, and one that ends before it asks", async () => {
    const init = await failureOf(fixture.invoke(program("init", { env: { NO_START: "1" } })));
    expect(init).toMatchObject({ status: 500, code: "function_failed" });
    expect(init.message).toContain("cannot begin");
    const early = await failureOf(fixture.invoke(program("early", { env: { EXIT: "7" } })));
    expect(early.message).toContain("exit code 7 before it asked");
  });

  const BRIEF = { limits: { ...LIMITS, deadlineMs: 1_500 } };
  const LEFT = ["/silent", "/spin", "/bomb", "/daemon"];
  test.each(LEFT)("%s leaves no process behind", async (path) => {
    // A zip of its own has a folder of its own, which its processes are known by.
    const own = bootstrapZip(await buildProgram(), { [`own${path}`]: "" });
    const spec = fixture.lambdaSpec("left", own, { limits: LIMITS });
    const folder = rootIn(await textOf(fixture.invoke(spec, at("/facts"))));
    expect(processesOf(`${folder}/bootstrap`)).toHaveLength(1);
    if (path === "/daemon") {
      await fixture.invoke(spec, at(path));
      await until("its daemon is there", () => processesOf(`${folder}/bootstrap`).length > 1);
      await fixture.runtimes.lambda.retire(spec.name, spec.version);
    } else {
      const failure = await failureOf(fixture.invoke({ ...spec, ...BRIEF }, at(path)));
      // A bomb has either too many processes or no time left, whichever is seen first.
      const codes =
        path === "/bomb" ? ["function_timeout", "function_crashed"] : ["function_timeout"];
      expect(codes).toContain(failure.code);
    }
    await until("all of it has ended", () => processesOf(folder).length === 0);
    await answers(spec);
  });

  test("processes that ended with no parent left do not stand in the way of new ones", async () => {
    const spec = program("orphans");
    const made = async () => Number(await textOf(fixture.invoke(spec, at("/orphans"))));
    for (let n = 0; n < 4; n += 1) await until("50 can be made", async () => (await made()) === 50);
  });

  test.each(["/eat", "/eat-apart"])("%s is ended at its memory", async (path) => {
    const spec = program(`eat${path.length}`, {
      limits: { ...LIMITS, memoryBytes: 64 * 1024 * 1024 },
    });
    const failure = await failureOf(fixture.invoke(spec, at(path)));
    expect(failure).toMatchObject({ status: 502, code: "function_out_of_memory" });
    await answers(spec);
  });

  test("it reaches its own code, its tmp and the Runtime API, and nothing else", async () => {
    const secret = join(fixture.dir, "secret");
    writeFileSync(secret, "a secret", { mode: 0o644 });
    const listener = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => new Response("reached"),
    });
    const other = await textOf(
      fixture.invoke(program("beside", { env: { X: "1" } }), at("/facts")),
    );
    const beside = rootIn(other);
    const spec = fixture.lambdaSpec(
      "probes",
      bootstrapZip(await buildProgram(), { "own.txt": "" }),
      {
        limits: LIMITS,
      },
    );
    const files = [
      ...[
        "/etc/passwd",
        "/etc/shadow",
        "/proc/1/environ",
        "/proc/1/mem",
        `/proc/${process.pid}/environ`,
      ],
      ...[
        secret,
        spec.codePath,
        join(beside, "bootstrap"),
        join(beside, ".."),
        fixture.dir,
        "/root",
      ],
      ...["/var/log", "/home", "/dev/mem", "/sys/kernel", `tcp:${listener.port}`],
    ];
    const call = at("/probe", {
      method: "POST",
      body: files.join(","),
      headers: { "content-type": "text/plain" },
    });
    const text = await textOf(fixture.invoke(spec, call));
    await listener.stop(true);
    const found = Object.fromEntries(
      text
        .trim()
        .split("\n")
        .map((line) => line.split("=")),
    );
    for (const name of ALLOWED_PROBES) expect([name, found[name]]).toEqual([name, "done"]);
    const reached = Object.keys(found).filter(
      (name) => found[name] === "done" && !ALLOWED_PROBES.includes(name),
    );
    expect(reached).toEqual([]);
    expect(Object.keys(found).length).toBe(files.length + PROBES);
    expect(existsSync("/tmp/reactor-program-was-here")).toBe(false);
    await answers(spec);
  });
});

describe.skipIf(!isPossible || !Bun.which("curl"))("a program for the shell", () => {
  test("answers, with the system's programs", async () => {
    const zip = bootstrapZip(SHELL_BOOTSTRAP, {
      "answer.sh": `cat > /dev/null; echo '{"statusCode":201,"body":"from a shell"}'`,
    });
    const spec = fixture.lambdaSpec("shell", zip, { limits: LIMITS });
    for (let n = 0; n < 3; n += 1) {
      const answer = await fixture.invoke(spec);
      expect([answer.status, await answer.text()]).toEqual([201, "from a shell"]);
    }
  });
});

test.skipIf(!isPossible)("what is no program says what it is not", async () => {
  const why = async (name: string, text: string) =>
    (
      await failureOf(
        fixture.invoke(fixture.lambdaSpec(name, bootstrapZip(text), { limits: LIMITS })),
      )
    ).message;
  expect(await why("textfile", "just a text")).toContain("before it asked");
  await fixture.line(({ message }) => message.includes("its first line is no #!"));
  await why("nointerpreter", "#!/no/such/thing\n");
  await fixture.line(({ message }) => message.includes("is not there"));
});

test("where the jail would not hold it is not run, and it is said why", async () => {
  const jail = planJail([import.meta.dir]);
  const refused = [
    { ...jail, landlock: false, level: "weak" as const },
    { ...jail, landlock: false, firstUid: null, namespaces: false, level: "none" as const },
  ];
  for (const plan of refused) expect((await planPrograms(plan)).prefix).toBeNull();
  const weak = await createFixture({ jail: { ...jail, landlock: false, level: "weak" } });
  try {
    const spec = weak.lambdaSpec("refused", bootstrapZip("#!/bin/sh\n"), { limits: LIMITS });
    const failure = await failureOf(weak.invoke(spec));
    expect(failure).toMatchObject({ status: 503, code: "program_not_jailed" });
    expect(failure.details).toContain("Landlock");
  } finally {
    await weak.close();
  }
});
