/** A project on its way to a running server, and what is done with its functions there. */
import { beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ordinaryUser, type RunningExecutable } from "../support/executable.ts";
import { executableBench } from "../support/executable-bench.ts";

const bench = executableBench("shared");
const SLUGIFY = resolve(import.meta.dir, "../../functions/slugify/slugify.wasm");

let server: RunningExecutable;
let project: string;
let target: string[];

interface Phase {
  readonly section: string;
  readonly status: string;
  readonly changes: readonly { name: string; action: string }[];
}

interface Answer {
  readonly ok: boolean;
  readonly error?: { readonly code: string; readonly message: string };
  readonly data: Record<string, unknown>;
}

/** The server runs in a folder of its own, as another person; the project is elsewhere. */
beforeAll(async () => {
  const user = process.getuid?.() === 0 ? { user: ordinaryUser } : {};
  server = await bench.start(bench.folder(user.user), ["serve", "--port", "0"], user);
  project = await bench.project();
  mkdirSync(join(project, "functions/slugify"));
  copyFileSync(SLUGIFY, join(project, "functions/slugify/slugify.wasm"));
  target = ["--url", server.url, "--token", server.status.admin_token];
});

async function reactor(...args: string[]): Promise<{ code: number | string; answer: Answer }> {
  const { code, stdout, stderr } = await bench.run(project, [...args, ...target]);
  try {
    return { code, answer: JSON.parse(stdout) as Answer };
  } catch {
    throw new Error(`${args.join(" ")}: ${code} ${stdout} ${stderr}`);
  }
}

async function deploy(...more: string[]) {
  const { code, answer } = await reactor("deploy", ...more);
  const { status, phases } = answer.data as { status: string; phases: Phase[] };
  const changes = phases.flatMap(({ section, changes }) =>
    changes.map(({ name, action }) => `${section} ${name} ${action}`),
  );
  return { code, status, changes };
}

function call(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { apikey: server.status.secret_key, ...init.headers };
  return fetch(`${server.url}${path}`, { method: "POST", ...init, headers });
}

describe("deploy", () => {
  test("a dry run tells what would change and changes nothing", async () => {
    expect(await deploy("--dry-run")).toEqual({
      code: 0,
      status: "planned",
      changes: [
        "migrations 0001_notes create",
        "functions hello create",
        "functions slugify create",
      ],
    });
    expect((await call("/fn/v1/hello")).status).toBe(404);
    expect((await call("/data/v1/notes", { method: "GET" })).status).toBe(404);
  });

  test("brings migrations, TypeScript and WASM, and a second one finds nothing to do", async () => {
    expect(await deploy()).toMatchObject({ code: 0, status: "complete" });
    expect(await (await call("/fn/v1/hello", { body: '{"name":"Ada"}' })).json()).toEqual({
      message: "Hello, Ada!",
    });
    expect(await (await call("/data/v1/notes", { method: "GET" })).json()).toEqual([]);
    const { changes } = await deploy();
    expect(changes.filter((change) => !change.endsWith(" unchanged"))).toEqual([]);
  });

  test("a part that is not right leaves the rest as reported, and the next deploy goes on", async () => {
    const migration = join(project, "migrations/0002_bad.sql");
    writeFileSync(migration, "create table public.bad (id nonsense);");
    const { code, answer } = await reactor("deploy");
    expect({ code, ok: answer.ok, status: answer.data["status"] }).toEqual({
      code: 4,
      ok: false,
      status: "partial",
    });
    expect(answer.error?.message).toContain("0002_bad.sql:1");
    rmSync(migration);
    expect(await deploy()).toMatchObject({ code: 0, status: "complete" });
  });

  test("a function that is not right is refused here, with its place", async () => {
    const file = join(project, "functions/broken.ts");
    writeFileSync(file, "export default {\n  fetch( };\n");
    const { code, answer } = await reactor("deploy");
    rmSync(file);
    expect({ code, error: answer.error?.code }).toEqual({ code: 4, error: "bundle_failed" });
    expect(answer.error?.message).toContain("broken.ts:2:");
  });

  test("a wrong token is exit 3", async () => {
    const args = ["deploy", "--url", server.url, "--token", "rct_admin_wrong"];
    expect((await bench.run(project, args)).code).toBe(3);
  });
});

describe("a WASM function", () => {
  test("is called by its name alone and by its export", async () => {
    expect(await (await call("/fn/v1/slugify", { body: "Émile's Café" })).text()).toBe(
      "emiles-cafe",
    );
    const byExport = await call("/fn/v1/slugify/slugify", { body: "Motörhead & Girlschool" });
    expect(await byExport.text()).toBe("motorhead-girlschool");
    expect((await call("/fn/v1/slugify/absent", { body: "x" })).status).toBe(404);
  });

  test("a plug-in error is 500 with its message", async () => {
    const refused = await call("/fn/v1/slugify", { body: "!!!" });
    expect(refused.status).toBe(500);
    const { message } = (await refused.json()) as { message: string };
    expect(message).toContain("there is nothing in this text to make a slug of");
  });
});

describe("fn", () => {
  const hello = (text: string) =>
    `import { reactor } from "reactor";
export default { fetch() { reactor.log.info("said ${text}"); return new Response("${text}"); } };\n`;

  async function put(text: string) {
    writeFileSync(join(project, "functions/hello.ts"), hello(text));
    const { code } = await reactor("fn", "deploy", "hello");
    expect(code).toBe(0);
  }

  async function invoke(): Promise<unknown> {
    const { answer } = await reactor("fn", "invoke", "hello");
    return answer.data["body"];
  }

  test("list names them with their runtime", async () => {
    const { answer } = await reactor("fn", "list");
    const rows = answer.data["functions"] as { name: string; runtime: string }[];
    expect(rows.map(({ name, runtime }) => `${name} ${runtime}`)).toEqual([
      "hello bun",
      "slugify wasm",
    ]);
  });

  test("deploy, invoke, logs and rollback of one", async () => {
    await put("one");
    expect(await invoke()).toBe("one");
    await put("two");
    expect(await invoke()).toBe("two");
    expect((await reactor("fn", "rollback", "hello")).code).toBe(0);
    expect(await invoke()).toBe("one");
    const { answer } = await reactor("fn", "logs", "hello");
    const said = JSON.stringify(answer.data);
    expect(said.indexOf("said one")).toBeGreaterThan(-1);
    expect(said.indexOf("said two")).toBeGreaterThan(said.indexOf("said one"));
  });

  test("invoke of a function there is not is an error of the caller", async () => {
    const { code, answer } = await reactor("fn", "invoke", "absent");
    expect(answer.ok).toBe(false);
    expect(code).toBe(1);
  });
});

describe("the server as others see it", () => {
  test("doctor finds nothing failed and explains each check", async () => {
    const { code, answer } = await reactor("doctor");
    const checks = answer.data["checks"] as { name: string; status: string; message: string }[];
    expect(code).toBe(0);
    expect(checks.filter(({ status }) => status === "failed")).toEqual([]);
    const names = checks.map(({ name }) => name);
    for (const name of ["database", "durability", "jail", "disk", "clock", "keys", "ports"]) {
      expect(names).toContain(name);
    }
    expect(checks.every(({ message }) => message.length > 5)).toBe(true);
  });

  test("logs are read over HTTP", async () => {
    const { code, answer } = await reactor("logs", "--limit", "500");
    expect(code).toBe(0);
    const lines = answer.data["lines"] as { event: string }[];
    expect(lines.map(({ event }) => event)).toContain("http.request");
  });

  test("a context keeps the address and the verified token", async () => {
    const home = bench.folder();
    const run = (...args: string[]) => bench.run(home, args);
    expect((await run("context", "add", "prod", "--url", server.url)).code).toBe(0);
    const token = ["--context", "prod", "--token"];
    expect((await run("login", ...token, "rct_admin_wrong")).code).toBe(3);
    expect((await run("login", ...token, server.status.admin_token)).code).toBe(0);
    expect((await run("context", "use", "prod")).code).toBe(0);
    expect((await run("whoami")).stdout).toContain(server.url);
    expect((await run("logout")).code).toBe(0);
    expect((await run("status")).code).toBe(3);
  });
});
