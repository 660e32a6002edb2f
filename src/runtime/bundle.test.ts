import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ReactorError } from "../core/errors.ts";
import { bundleFunction } from "./bundle.ts";

const dir = mkdtempSync(join(tmpdir(), "rx-bundle-"));
afterAll(() => rmSync(dir, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}

async function failure(entry: string): Promise<ReactorError> {
  return await bundleFunction(entry).then(
    () => {
      throw new Error("it was bundled");
    },
    (error: unknown) => error as ReactorError,
  );
}

test("a function and its imports become one module that leaves reactor outside", async () => {
  file("greeting.ts", `export const greeting: string = "hello";`);
  const entry = file(
    "good.ts",
    `import { reactor } from "reactor"; import { greeting } from "./greeting.ts";
     export default () => new Response(greeting + reactor.requestId);`,
  );
  const { code, sha256 } = await bundleFunction(entry);
  expect(code).toContain(`from "reactor"`);
  expect(code).toContain("hello");
  expect(code).not.toContain('greeting.ts"');
  expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  expect((await bundleFunction(entry)).sha256).toBe(sha256);
});

test("NODE_ENV is read when the function runs, and JSX is not that of development", async () => {
  const folder = join(dir, "jsx/node_modules/made-here");
  mkdirSync(folder, { recursive: true });
  file("jsx/node_modules/made-here/package.json", '{"name": "made-here"}');
  file("jsx/node_modules/made-here/jsx-runtime.js", 'export const jsx = () => "as it runs";');
  file("jsx/node_modules/made-here/jsx-dev-runtime.js", 'export const jsxDEV = () => "debugged";');
  const entry = file(
    "jsx/page.tsx",
    `/** @jsxImportSource made-here */
     export default () => new Response(<p>{process.env.NODE_ENV}</p>);`,
  );
  const { code } = await bundleFunction(entry);
  expect(code).toContain("process.env.NODE_ENV");
  expect(code).toContain("as it runs");
  expect(code).not.toContain("debugged");
});

test("a syntax error is named with file, line, column and the line's text", async () => {
  const error = await failure(file("bad.ts", "const a = 1;\nexport default (;\n"));
  expect(error).toMatchObject({ status: 422, code: "bundle_failed" });
  expect(error.details).toMatch(/bad\.ts:2:\d+: .+ \(export default \(;\)/);
});

test("an import that is not there is named, with what to do", async () => {
  const error = await failure(
    file("lost.ts", `import x from "not-installed-here"; export default x;`),
  );
  expect(error.details).toContain("not-installed-here");
  expect(error.details).toContain("lost.ts:1:");
  expect(error.hint).toContain("Install the package");
});
