import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { untar } from "../../src/postgres/embedded/untar.ts";
import { type TarEntry, writeTar } from "./tar.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function unpacked(entries: readonly TarEntry[], sparse: boolean): string {
  const folder = join(mkdtempSync(join(tmpdir(), "reactor-tar-")), "x");
  folders.push(join(folder, ".."));
  untar(Buffer.from(writeTar(entries)), folder, { sparse });
  return folder;
}

const LONG = `${"a".repeat(90)}/${"b".repeat(90)}`;
const BODY = Buffer.concat([Buffer.from("start"), Buffer.alloc(300_000), Buffer.from("end")]);
const ENTRIES: readonly TarEntry[] = [
  { path: "empty-folder", mode: 0o700, body: null },
  { path: "bin/run", mode: 0o755, body: Buffer.from("#!") },
  { path: "nothing", mode: 0o644, body: Buffer.alloc(0) },
  { path: LONG, mode: 0o644, body: Buffer.from("long") },
  { path: "holes", mode: 0o644, body: BODY },
  { path: "zeros", mode: 0o644, body: Buffer.alloc(200_000) },
];

test.each([true, false])("what was packed is unpacked (sparse: %p)", (sparse) => {
  const folder = unpacked(ENTRIES, sparse);
  expect(statSync(join(folder, "empty-folder")).isDirectory()).toBe(true);
  expect(statSync(join(folder, "bin/run")).mode & 0o700).toBe(0o700);
  for (const { path, body } of ENTRIES) {
    if (body) expect(readFileSync(join(folder, path)).equals(Buffer.from(body))).toBe(true);
  }
});

test("the same members give the same archive, which other programs read", async () => {
  const archive = writeTar(ENTRIES);
  expect(Buffer.compare(archive, writeTar(ENTRIES))).toBe(0);
  const files = await new Bun.Archive(archive).files();
  expect(await files.get(LONG)?.text()).toBe("long");
});

test("an archive that ends early is refused", () => {
  const archive = Buffer.from(writeTar([{ path: "a", mode: 0o644, body: Buffer.alloc(2000) }]));
  const folder = mkdtempSync(join(tmpdir(), "reactor-tar-"));
  folders.push(folder);
  const cut = () => untar(archive.subarray(0, 1024), join(folder, "x"), { sparse: false });
  expect(cut).toThrow("the archive ends inside");
});
