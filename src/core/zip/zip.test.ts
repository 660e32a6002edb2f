import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isZip, readZip, unzipFile, unzipFileSync, ZipRefused } from "./read-zip.ts";
import { type FileToZip, writeZip } from "./write-zip.ts";
import { zipFolder } from "./zip-folder.ts";

const file = (path: string, text = "text", isExecutable = false): FileToZip => ({
  path,
  content: Buffer.from(text),
  isExecutable,
});
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** The archive with bytes changed, counted from the first or last place where `mark` stands. */
function patched(zip: Uint8Array, mark: string, at: number, bytes: readonly number[]): Uint8Array {
  const copy = Buffer.from(zip);
  const from = mark === CENTRAL || mark === END ? copy.lastIndexOf(mark) : copy.indexOf(mark);
  copy.set(bytes, from + at);
  return copy;
}
const LOCAL = "PK\x03\x04";
const CENTRAL = "PK\x01\x02";
const END = "PK\x05\x06";

function refusalOf(zip: Uint8Array): string {
  try {
    for (const one of readZip(zip)) unzipFileSync(one);
  } catch (error) {
    expect(error).toBeInstanceOf(ZipRefused);
    return (error as Error).message;
  }
  return "taken";
}

test("what was packed comes out, with modes, and the same files make the same bytes", async () => {
  const files = [file("a/b.js", "1".repeat(5000)), file("run", "#!", true), file("é.txt", "")];
  const zip = writeZip(files);
  expect(writeZip(files.toReversed())).toEqual(zip);
  expect(isZip(zip)).toBe(true);
  const read = readZip(zip);
  expect(read.map(({ path, isExecutable }) => [path, isExecutable])).toEqual([
    ["a/b.js", false],
    ["run", true],
    ["é.txt", false],
  ]);
  const texts = await Promise.all(read.map(async (one) => textOf(await unzipFile(one))));
  expect(texts).toEqual(["1".repeat(5000), "#!", ""]);
});

test("what is no archive is told apart", () => {
  for (const bytes of ["", "PK", "export default 1", "{}"]) {
    expect(isZip(Buffer.from(bytes))).toBe(false);
  }
  expect(refusalOf(Buffer.from(`${LOCAL}${"x".repeat(100)}`))).toContain("no zip archive");
});

describe("names that lead elsewhere", () => {
  const names = ["../x", "a/../../x", "/etc/x", "a//b", "a/./b", "a\\..\\x", "x\0y", "..", "a/.."];
  test.each(names)("%j is refused", (name) => {
    expect(refusalOf(writeZip([file(name)]))).not.toBe("taken");
  });

  test("a name twice, and a file where a folder is", () => {
    expect(refusalOf(writeZip([file("a"), file("a")]))).toContain("twice");
    expect(refusalOf(writeZip([file("a"), file("a/b")]))).toContain("a file and a folder");
  });

  test("names that are too long", () => {
    expect(refusalOf(writeZip([file("n".repeat(256))]))).toContain("too long");
    expect(refusalOf(writeZip([file("nn/".repeat(400))]))).toContain("too long");
  });
});

describe("entries that are no files", () => {
  const withMode = (mode: number) =>
    patched(writeZip([file("a")]), CENTRAL, 38, [0, 0, mode & 0xff, mode >> 8]);
  test.each([0o120777, 0o020666, 0o010644, 0o140755, 0o040755])("mode %o is refused", (mode) => {
    expect(refusalOf(withMode(mode))).toMatch(/symbolic link|neither a file nor a folder/);
  });

  test("encrypted ones, and ways to pack that are not known", () => {
    const zip = writeZip([file("a")]);
    expect(refusalOf(patched(zip, CENTRAL, 8, [1]))).toContain("encrypted");
    expect(refusalOf(patched(zip, CENTRAL, 10, [12]))).toContain("use deflate");
  });
});

describe("bombs and damage", () => {
  const zeros = (bytes: number) => ({ ...file("zeros"), content: new Uint8Array(bytes) });

  test("far more than its own size", () => {
    expect(refusalOf(writeZip([zeros(15 * 1024 * 1024)]))).toBe("taken");
    expect(refusalOf(writeZip([zeros(17 * 1024 * 1024)]))).toContain("100 times");
  });

  test("more than the table says is not unpacked, however much it would be", () => {
    const zip = patched(writeZip([zeros(1_000_000)]), CENTRAL, 24, [16, 0, 0, 0]);
    expect(refusalOf(zip)).toContain("damaged");
  });

  test("contents that overlap", () => {
    const two = Buffer.from(writeZip([file("a"), file("b")]));
    const [first, second] = [two.indexOf(CENTRAL), two.lastIndexOf(CENTRAL)];
    two.copy(two, second + 42, first + 42, first + 46);
    expect(refusalOf(two)).toContain("overlaps");
  });

  test("another checksum, a cut, something before it, a wrong count", () => {
    const zip = writeZip([file("a", "some text")]);
    expect(refusalOf(patched(zip, CENTRAL, 16, [1, 2, 3, 4]))).toContain("checksum");
    expect(refusalOf(zip.subarray(0, -1))).not.toBe("taken");
    expect(refusalOf(Buffer.concat([Buffer.from("#!/bin/sh\n"), zip]))).not.toBe("taken");
    expect(refusalOf(patched(zip, END, 8, [2, 0, 2, 0]))).not.toBe("taken");
    expect(refusalOf(patched(zip, END, 10, [255, 255]))).toContain("zip64");
    expect(refusalOf(patched(zip, CENTRAL, 42, [255, 255, 0, 0]))).toContain("not where");
    expect(refusalOf(patched(zip, LOCAL, 26, [255, 255]))).toContain("cut off");
  });

  test("more files than are taken", () => {
    const many = Array.from({ length: 20_001 }, (_, n) => file(`f${n}`, ""));
    expect(refusalOf(writeZip(many))).toContain("at most 20000");
  });

  test("no change of a byte makes anything but a refusal or files", () => {
    const zip = writeZip([file("a/b", "some text"), file("c", "more", true)]);
    for (let at = 0; at < zip.length; at += 1) {
      for (const value of [0, 1, 0x2e, 0x2f, 0x7f, 0x80, 0xff]) {
        const copy = Buffer.from(zip);
        copy[at] = value;
        refusalOf(copy);
      }
    }
  });
});

describe("a folder", () => {
  const made: string[] = [];
  const folder = () => {
    const dir = mkdtempSync(join(tmpdir(), "reactor-zip-"));
    made.push(dir);
    return dir;
  };
  afterAll(() => {
    for (const dir of made) rmSync(dir, { recursive: true, force: true });
  });

  test("is packed with what is below it, but for what begins with a dot", () => {
    const dir = folder();
    mkdirSync(join(dir, "node_modules/left"), { recursive: true });
    writeFileSync(join(dir, "index.mjs"), "x");
    writeFileSync(join(dir, ".env"), "SECRET=1");
    writeFileSync(join(dir, "bootstrap"), "#!/bin/sh", { mode: 0o755 });
    writeFileSync(join(dir, "node_modules/left/index.js"), "y");
    symlinkSync("left", join(dir, "node_modules/right"));
    const files = readZip(zipFolder(dir)).map(
      ({ path, isExecutable }) => `${path} ${isExecutable}`,
    );
    expect(files).toEqual([
      "bootstrap true",
      "index.mjs false",
      "node_modules/left/index.js false",
      "node_modules/right/index.js false",
    ]);
  });

  test("a link that leads out of it, or to a folder above, is refused", () => {
    const [out, loop] = [folder(), folder()];
    symlinkSync("/etc", join(out, "etc"));
    expect(() => zipFolder(out)).toThrow("leads out");
    symlinkSync(".", join(loop, "again"));
    expect(() => zipFolder(loop)).toThrow("link to itself");
  });
});
