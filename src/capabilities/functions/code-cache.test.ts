import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../shared/clock.ts";
import { createIds } from "../../shared/ids.ts";
import { systemRng } from "../../shared/rng.ts";
import { CodeCache, hashOf } from "./code-cache.ts";

const ids = createIds(systemClock, systemRng);
const bytes = new TextEncoder().encode("export default () => new Response('hi')");
const code = { runtime: "bun" as const, codeSha256: hashOf(bytes) };
let dir = "";

beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), "reactor-code-")), "functions");
});
afterEach(() => rmSync(join(dir, ".."), { recursive: true, force: true }));

describe("the code cache", () => {
  test("brings code once for many callers, readable by its owner only", async () => {
    const cache = new CodeCache(dir, ids);
    let fetched = 0;
    const fetchCode = async () => {
      fetched += 1;
      return bytes;
    };
    const paths = await Promise.all([1, 2, 3].map(() => cache.pathOf(code, fetchCode)));
    expect(new Set(paths)).toEqual(new Set([join(dir, `${code.codeSha256}.js`)]));
    expect(fetched).toBe(1);
    expect(statSync(paths[0] ?? "").mode & 0o777).toBe(0o600);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(readdirSync(dir)).toEqual([`${code.codeSha256}.js`]);
  });

  test("a file that does not have its hash is brought again by the next process", async () => {
    const path = await new CodeCache(dir, ids).pathOf(code, async () => bytes);
    writeFileSync(path, "export default () => new Response('changed')");
    await new CodeCache(dir, ids).pathOf(code, async () => bytes);
    expect(await Bun.file(path).text()).toBe(new TextDecoder().decode(bytes));
  });

  test("damaged code is not written, and the next caller tries again", async () => {
    const cache = new CodeCache(dir, ids);
    const wrong = async () => new Uint8Array([1]);
    await expect(cache.pathOf(code, wrong)).rejects.toThrow("is damaged");
    await cache.pathOf(code, wrong).catch(() => undefined);
    expect(existsSync(join(dir, `${code.codeSha256}.js`))).toBe(false);
    expect(await cache.pathOf(code, async () => bytes)).toEndWith(".js");
  });

  test("a sweep removes what is not used and leaves foreign files alone", async () => {
    const path = await new CodeCache(dir, ids).pathOf(code, async () => bytes);
    const old = join(dir, `${"0".repeat(64)}.wasm`);
    writeFileSync(old, "");
    writeFileSync(join(dir, "README"), "");
    await new CodeCache(dir, ids).sweep((sha256) => sha256 === code.codeSha256);
    expect([existsSync(path), existsSync(old)]).toEqual([true, false]);
    expect(existsSync(join(dir, "README"))).toBe(true);
  });

  test("what this process has brought goes at the second sweep without a use, and can be brought again", async () => {
    const cache = new CodeCache(dir, ids);
    const path = await cache.pathOf(code, async () => bytes);
    await cache.sweep(() => false);
    await cache.sweep(() => true);
    await cache.sweep(() => false);
    expect(existsSync(path)).toBe(true);
    await cache.sweep(() => false);
    expect(existsSync(path)).toBe(false);
    await cache.pathOf(code, async () => bytes);
    expect(existsSync(path)).toBe(true);
  });
});
