import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readFunctionSettings } from "./function-settings.ts";
import { discoverFunctions, readPart } from "./functions-project.ts";
import { zipFolder } from "./zip/zip-folder.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function project(...files: string[]): string {
  const dir = mkdtempSync(join(tmpdir(), "reactor-project-"));
  folders.push(dir);
  for (const file of files) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), "");
  }
  return dir;
}

function found(dir: string, list: Record<string, unknown>[] = []) {
  const { functions, faults } = discoverFunctions(dir, list);
  const files = functions.map(
    (f) => `${f.name}=${f.path.slice(dir.length + 1)}:${f.settings.runtime}`,
  );
  return { files, faults };
}

describe("finding a project's functions", () => {
  test("a project without a functions folder has none", () => {
    expect(found(project("reactor.toml"))).toEqual({ files: [], faults: [] });
  });

  test("each of the four places is found, helpers and tests are not", () => {
    const dir = project(
      "functions/hello.ts",
      "functions/hello.test.ts",
      "functions/types.d.ts",
      "functions/_shared/cors.ts",
      "functions/report/index.ts",
      "functions/report/rows.ts",
      "functions/plain.wasm",
      "functions/slugify/assembly/index.ts",
      "functions/slugify/built.wasm",
      "functions/notes.md",
    );
    expect(found(dir)).toEqual({
      files: [
        "hello=functions/hello.ts:bun",
        "plain=functions/plain.wasm:wasm",
        "report=functions/report/index.ts:bun",
        "slugify=functions/slugify/built.wasm:wasm",
      ],
      faults: [],
    });
  });

  test("zips and folders for AWS Lambda are found, and folders are packed only when they may be", () => {
    const dir = project(
      "functions/packed.zip",
      "functions/program/bootstrap",
      "functions/shop/index.mjs",
      "functions/shop/node_modules/left/index.js",
      "functions/source/index.ts",
      "functions/plain/index.mjs",
    );
    const list = ["shop", "source"].map((name) => ({ name, runtime: "lambda" }));
    expect(found(dir, list)).toEqual({
      files: [
        "packed=functions/packed.zip:lambda",
        "program=functions/program:lambda",
        "shop=functions/shop:lambda",
        "source=functions/source/index.ts:lambda",
      ],
      faults: [],
    });
    const named = { name: "far", path: "functions/plain", runtime: "lambda" };
    expect(found(dir, [...list, named]).files).toContain("far=functions/plain:lambda");
    expect(found(dir, [{ name: "packed", runtime: "bun" }]).faults).toHaveLength(1);
  });

  test("two files for one name are a conflict that names both", () => {
    const { faults } = found(project("functions/a.ts", "functions/a/index.ts"));
    expect(faults).toEqual([
      "function 'a' has two files, functions/a/index.ts and functions/a.ts: remove one, or name one as path in [[functions]]",
    ]);
  });

  test("two modules in one folder are a conflict until the list names one", () => {
    const dir = project("functions/a/x.wasm", "functions/a/y.wasm");
    expect(found(dir).faults).toHaveLength(1);
    expect(found(dir, [{ name: "a", path: "functions/a/y.wasm" }])).toEqual({
      files: ["a=functions/a/y.wasm:wasm"],
      faults: [],
    });
  });

  test("a file that the list gives another name is not found under its own", () => {
    const dir = project("functions/hello.ts", "src/far.ts");
    const list = [
      { name: "greet", path: "functions/hello.ts" },
      { name: "far", path: "src/far.ts" },
    ];
    expect(found(dir, list)).toEqual({
      files: ["far=src/far.ts:bun", "greet=functions/hello.ts:bun"],
      faults: [],
    });
  });

  test("a file is two functions when the list has both names", () => {
    const dir = project("functions/hello.ts", "functions/count/index.ts", "functions/two/x.wasm");
    const list = [
      { name: "greet", path: "functions/hello.ts" },
      { name: "hello" },
      { name: "sum", path: "functions/count" },
      { name: "count" },
      { name: "other", path: "functions/two/x.wasm" },
    ];
    expect(found(dir, list)).toEqual({
      files: [
        "count=functions/count/index.ts:bun",
        "greet=functions/hello.ts:bun",
        "hello=functions/hello.ts:bun",
        "other=functions/two/x.wasm:wasm",
        "sum=functions/count/index.ts:bun",
      ],
      faults: [],
    });
  });

  test("a name that cannot be a path segment is refused", () => {
    const { files, faults } = found(project("functions/Hello.ts", "functions/9.wasm"));
    expect(files).toEqual([]);
    expect(faults).toEqual([
      "functions/9.wasm: a name must match ^[a-z][a-z0-9_-]{0,62}$",
      "functions/Hello.ts: a name must match ^[a-z][a-z0-9_-]{0,62}$",
    ]);
  });

  test("the list is checked: names, paths, twins, kinds and keys, all at once", () => {
    const dir = project("functions/hello.ts", "functions/data.json");
    const { faults } = found(dir, [
      { path: "x.ts" },
      { name: "hello", memry_mb: 64, deadline_ms: 0, runtime: "wasm" },
      { name: "hello" },
      { name: "helo" },
      { name: "out", path: "../other/x.ts" },
      { name: "gone", path: "functions/gone.ts" },
      { name: "odd", path: "functions/data.json" },
    ]);
    expect(faults).toEqual([
      "[[functions]] number 1: name must match ^[a-z][a-z0-9_-]{0,62}$",
      "[[functions]] names 'hello' twice",
      "function 'out': path must name a file inside the project",
      "function 'gone': there is no functions/gone.ts",
      "function 'odd': functions/data.json is neither TypeScript, JavaScript, .wasm, .zip nor .lambda.json",
      "[[functions]] names 'helo', but there is none of functions/helo.ts, functions/helo/index.ts, functions/helo.wasm, functions/helo.zip, functions/helo.lambda.json, functions/helo/bootstrap, nor a folder functions/helo for runtime = \"lambda\"; did you mean 'hello'?",
      "function 'hello': 'memry_mb' is not a setting of a function; did you mean 'memory_mb'?",
      "function 'hello': deadline_ms must be an integer from 1 to 900000",
    ]);
  });

  test("a description of a function on AWS Lambda is one, by its name or by path", () => {
    const dir = project("functions/orders.lambda.json", "aws/other.lambda.json");
    expect(found(dir, [{ name: "bills", path: "aws/other.lambda.json" }])).toEqual({
      files: ["bills=aws/other.lambda.json:lambda", "orders=functions/orders.lambda.json:lambda"],
      faults: [],
    });
  });

  test("source may be a handler for AWS Lambda, when the list says so; a module may not", () => {
    const dir = project("functions/hello.ts", "functions/old/index.cjs", "functions/plain.wasm");
    const list = [
      { name: "hello", runtime: "lambda" },
      { name: "old", runtime: "lambda", path: "functions/old/index.cjs", entry: "index.main" },
    ];
    expect(found(dir, list)).toEqual({
      files: [
        "hello=functions/hello.ts:lambda",
        "old=functions/old/index.cjs:lambda",
        "plain=functions/plain.wasm:wasm",
      ],
      faults: [],
    });
    expect(found(dir, [{ name: "plain", runtime: "lambda" }]).faults).toHaveLength(1);
  });

  test("a runtime that the file contradicts is refused", () => {
    const { faults } = found(project("functions/hello.ts"), [{ name: "hello", runtime: "wasm" }]);
    expect(faults).toEqual([`function 'hello': runtime is "wasm", but functions/hello.ts is bun`]);
  });

  test("settings reach the function, the rest keep their defaults", () => {
    const dir = project("functions/hello.ts");
    const env = { GREETING: "hi" };
    const list = [{ name: "hello", env, verify_jwt: false, deadline_ms: 500 }];
    const [hello] = discoverFunctions(dir, list).functions;
    expect(hello?.settings).toEqual({
      runtime: "bun",
      entry: null,
      config: {},
      env,
      description: "",
      verify_jwt: false,
      forward_authorization: false,
      deadline_ms: 500,
      memory_mb: null,
      body_in_mb: null,
      body_out_mb: null,
      concurrency: null,
      isolation: null,
      service: null,
      queue: null,
      min_instances: null,
      max_instances: null,
      idle_s: null,
      egress: null,
    });
  });
});

describe("settings", () => {
  test.each([
    ["env", { "A-B": "x" }],
    ["env", { A: 1 }],
    ["env", { A: "x\0" }],
    ["config", { a: "\ud800" }],
    ["config", ["a"]],
    ["config", Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`k${n}`, ""]))],
    ["description", "x".repeat(1001)],
    ["entry", "no spaces allowed"],
    ["verify_jwt", "yes"],
    ["memory_mb", 15],
    ["concurrency", 1.5],
    ["__proto__x", 1],
    ["constructor", 1],
    ["entry", "main"],
    ["handler", "index.handler"],
  ])("%s is refused when it cannot be used", (key, value) => {
    expect(readFunctionSettings({ [key]: value }).faults).toHaveLength(1);
  });
});

test.each([
  ["http://x.com", "has a scheme"],
  ["x.com/v1", "is no host"],
  ["x.com:443", "has a port"],
])("of egress, %s is named with the reason", (host, reason) => {
  const [fault] = readFunctionSettings({ egress: ["api.good.com", host] }).faults;
  expect(fault).toContain(`"${host}" ${reason}`);
});

test("a file named .zip is read as a zip or not at all", () => {
  const dir = project();
  const path = join(dir, "znot.zip");
  const zip = zipFolder(packable());
  writeFileSync(path, zip);
  expect(readPart(path)).toEqual(Buffer.from(zip));
  for (const bad of [Buffer.from("not a zip"), Buffer.from("hello"), damaged(zip)]) {
    writeFileSync(path, bad);
    expect(() => readPart(path)).toThrow(
      /^znot\.zip: .*(?:no zip archive|not where the archive says)/,
    );
  }
});

function packable(): string {
  const dir = project("index.js");
  writeFileSync(join(dir, "index.js"), "exports.handler = async () => 1;");
  return dir;
}

function damaged(zip: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(zip);
  copy[0] = 0;
  return copy;
}
