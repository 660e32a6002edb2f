import { afterAll, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { holdsMore } from "./folder-usage.ts";

const root = mkdtempSync(join(tmpdir(), "rx-usage-"));
afterAll(() => rmSync(root, { recursive: true }));

test("bytes and entries count at every depth; holes and what links lead to do not", async () => {
  const deep = join(root, "a/b/c");
  mkdirSync(deep, { recursive: true });
  writeFileSync(join(deep, "file"), new Uint8Array(300_000));
  writeFileSync(join(root, "hole"), "");
  truncateSync(join(root, "hole"), 10 ** 9);
  symlinkSync("/", join(root, "everything"));
  expect(await holdsMore(root, { bytes: 500_000, entries: 6 })).toBe(false);
  expect(await holdsMore(root, { bytes: 200_000, entries: 6 })).toBe(true);
  expect(await holdsMore(root, { bytes: 500_000, entries: 5 })).toBe(true);
});

test("a folder that is gone holds nothing", async () => {
  expect(await holdsMore(join(root, "gone"), { bytes: 0, entries: 0 })).toBe(false);
});

test("what goes away while it is counted hides nothing of the rest", async () => {
  const folder = join(root, "fleeting");
  mkdirSync(folder);
  const names = Array.from({ length: 1_000 }, (_, n) => join(folder, `f${n}`));
  for (const name of names) writeFileSync(name, new Uint8Array(4_096));
  const looking = holdsMore(folder, { bytes: 1_000_000, entries: 2_000 });
  for (const name of names.slice(0, 500)) {
    unlinkSync(name);
    await new Promise(setImmediate);
  }
  expect(await looking).toBe(true);
});
