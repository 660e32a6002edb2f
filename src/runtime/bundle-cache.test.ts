import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../test/support/until.ts";
import { createBundler } from "./bundle-cache.ts";

setDefaultTimeout(60_000);

const dir = mkdtempSync(join(tmpdir(), "rx-bundles-"));
const write = (name: string, text: string) => writeFileSync(join(dir, name), text);
const { bundle, files } = createBundler(dir);
const entry = join(dir, "functions/a.ts");

/** The bundle that is given again: what is quite new is not kept. */
async function settled(): Promise<{ readonly code: string }> {
  return await until("the bundle is kept", async () => {
    const first = await bundle(entry);
    return (await bundle(entry)) === first ? first : null;
  });
}

beforeAll(() => {
  mkdirSync(join(dir, "functions"));
  mkdirSync(join(dir, "lib/b"), { recursive: true });
  write("functions/a.ts", `import { b } from "../lib/b"; export default () => new Response(b);`);
  write("lib/b/index.ts", `export const b = "index";`);
});
afterAll(() => rmSync(dir, { recursive: true }));

test("a bundle of which nothing has changed is given again", async () => {
  expect((await settled()).code).toContain("index");
});

test("what it imports is a part of it", async () => {
  await settled();
  expect([...files()].sort()).toEqual([entry, join(dir, "lib/b/index.ts")]);
  write("lib/b/index.ts", `export const b = "other";`);
  expect((await bundle(entry)).code).toContain("other");
});

test("a new file may stand for another, and settings may lead elsewhere", async () => {
  await settled();
  write("lib/b.ts", `export const b = "nearer";`);
  await until("it is found", async () => (await bundle(entry)).code.includes("nearer"));
  const before = await settled();
  write("functions/tsconfig.json", "{}");
  expect(await bundle(entry)).not.toBe(before as never);
});

test("a fault is told each time, and not the bundle of before", async () => {
  await settled();
  write("lib/b.ts", "export const b = ;");
  for (const _ of [1, 2]) await expect(bundle(entry)).rejects.toThrow();
  // It is among the files, for a watch to see it mended.
  expect(files()).toContain(join(dir, "lib/b.ts"));
  write("lib/b.ts", `export const b = "mended";`);
  expect((await bundle(entry)).code).toContain("mended");
});

test("where a file is imported that is not there is told, and what the others import", async () => {
  const torn = join(dir, "functions/torn.tsx");
  write("functions/torn.tsx", `import { c } from "../lib/c"; export default () => <b>{c}</b>;`);
  write("lib/c.mts", `import { d } from "./d"; import "node:fs"; export const c = d;`);
  await expect(bundle(torn)).rejects.toThrow();
  for (const file of ["lib/c.mts", "lib/d.ts"]) expect(files()).toContain(join(dir, file));
});
