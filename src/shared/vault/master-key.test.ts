import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryLog } from "../../../test/support/memory-log.ts";
import { systemRng as rng } from "../rng.ts";
import { loadMasterKey } from "./master-key.ts";

describe("the master key", () => {
  let dataDir = "";
  const log = createMemoryLog();
  const load = (value = "") => loadMasterKey({ value, dataDir, rng, log });
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "reactor-key-"));
  });
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

  test("is made once, private, and the same for all who ask at once", async () => {
    const keys = await Promise.all(Array.from({ length: 8 }, () => load()));
    expect(new Set(keys.map((key) => Buffer.from(key).toString("hex"))).size).toBe(1);
    expect(keys[0]?.byteLength).toBe(32);
    expect(readdirSync(dataDir)).toEqual(["vault.key"]);
    expect(statSync(join(dataDir, "vault.key")).mode & 0o777).toBe(0o600);
    expect(await load()).toEqual(keys[0] ?? new Uint8Array());
  });

  test("can be given as hexadecimal or base64, and then makes no file", async () => {
    const bytes = rng.bytes(32);
    const buffer = Buffer.from(bytes);
    for (const text of ["hex", "base64", "base64url"] as const) {
      expect(await load(buffer.toString(text))).toEqual(bytes);
    }
    expect(readdirSync(dataDir)).toEqual([]);
  });

  test("of another form is refused without being shown", async () => {
    for (const text of ["x", "0".repeat(63), "0".repeat(65), "!".repeat(43), "A".repeat(44)]) {
      const error = await load(text).catch((e: unknown) => e);
      expect(error).toMatchObject({ code: "vault_key_invalid" });
      expect(JSON.stringify(error)).not.toContain(text.repeat(2));
    }
    writeFileSync(join(dataDir, "vault.key"), "");
    expect(load()).rejects.toMatchObject({ code: "vault_key_invalid" });
  });

  test("in a file that others can read is closed to them, with a warning", async () => {
    await load();
    const path = join(dataDir, "vault.key");
    chmodSync(path, 0o644);
    const before = readFileSync(path, "utf8");
    await load();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, "utf8")).toBe(before);
    expect(log.lines.some((line) => line.level === "warn")).toBe(true);
  });
});
