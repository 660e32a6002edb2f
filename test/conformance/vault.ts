/** What every Vault adapter must do. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Vault } from "../../src/core/ports/vault.ts";
import { failure } from "./opened.ts";

export interface OpenedVault {
  readonly vault: Vault;
  close(): Promise<void>;
}

const a = { id: "tenant-a" };
const b = { id: "tenant-b" };

export function vaultConformance(name: string, open: () => Promise<OpenedVault>): void {
  describe(`Vault (${name})`, () => {
    let opened: OpenedVault;
    let vault: Vault;
    beforeAll(async () => {
      opened = await open();
      vault = opened.vault;
    });
    afterAll(() => opened?.close());

    test("a secret comes back as it was put, with a version that grows", async () => {
      expect(await vault.get(a, "s/1")).toBeNull();
      expect(await vault.put(a, "s/1", "é😀\0\n")).toBe(1);
      expect(await vault.get(a, "s/1")).toEqual({ value: "é😀\0\n", version: 1 });
      expect(await vault.put(a, "s/1", "")).toBe(2);
      expect(await vault.get(a, "s/1")).toEqual({ value: "", version: 2 });
      for (let i = 3; i <= 25; i++) expect(await vault.put(a, "s/1", `v${i}`)).toBe(i);
      expect(await vault.get(a, "s/1")).toEqual({ value: "v25", version: 25 });
    });

    test("a deleted secret is gone, and its version does not come back", async () => {
      await vault.put(a, "gone", "1");
      await vault.put(a, "gone", "2");
      expect(await vault.delete(a, "gone")).toBe(true);
      expect(await vault.delete(a, "gone")).toBe(false);
      expect(await vault.get(a, "gone")).toBeNull();
      expect(await vault.list(a, "gone")).toEqual([]);
      expect(await vault.putIfAbsent(a, "gone", "3")).toEqual({ value: "3", version: 3 });
      expect(await vault.delete(a, "never")).toBe(false);
    });

    test("putIfAbsent keeps what is there", async () => {
      expect(await vault.putIfAbsent(a, "first", "1")).toEqual({ value: "1", version: 1 });
      expect(await vault.putIfAbsent(a, "first", "2")).toEqual({ value: "1", version: 1 });
    });

    test("replace writes only over the version it names", async () => {
      expect(await vault.replace(a, "swap", "x", 1, null)).toBeNull();
      await vault.put(a, "swap", "1");
      expect(await vault.replace(a, "swap", "2", 1, null)).toBe(2);
      expect(await vault.replace(a, "swap", "lost", 1, null)).toBeNull();
      expect(await vault.get(a, "swap")).toEqual({ value: "2", version: 2 });
      const many = Array.from({ length: 8 }, (_, i) => vault.replace(a, "swap", `${i}`, 2, null));
      const won = (await Promise.all(many)).filter((version) => version !== null);
      expect(won).toEqual([3]);
      await vault.delete(a, "swap");
      expect(await vault.replace(a, "swap", "x", 3, null)).toBeNull();
    });

    test("of many that put at once all agree on the first, and plain puts count up", async () => {
      const many = Array.from({ length: 16 }, (_, i) => vault.putIfAbsent(a, "race", `${i}`));
      const values = new Set((await Promise.all(many)).map((s) => `${s.version}:${s.value}`));
      expect(values.size).toBe(1);
      const puts = Array.from({ length: 16 }, (_, i) => vault.put(a, "puts", `${i}`));
      const versions = (await Promise.all(puts)).sort((x, y) => x - y);
      expect(versions).toEqual(Array.from({ length: 16 }, (_, i) => i + 1));
    });

    test("tenants have their own secrets", async () => {
      await vault.put(a, "apart", "a");
      expect(await vault.get(b, "apart")).toBeNull();
      await vault.put(b, "apart", "b");
      expect(await vault.delete(b, "apart")).toBe(true);
      expect((await vault.get(a, "apart"))?.value).toBe("a");
    });

    test("list gives live paths with the prefix, sorted", async () => {
      for (const path of ["l/b", "l/a", "l/a/x", "l_x", "l/a_b"]) await vault.put(a, path, "x");
      expect(await vault.list(a, "l/")).toEqual(["l/a", "l/a/x", "l/a_b", "l/b"]);
      expect(await vault.list(a, "l/a_")).toEqual(["l/a_b"]);
      expect(await vault.list(b, "l/")).toEqual([]);
    });

    test("paths and values outside the bounds are refused", async () => {
      const bad = ["", "/", "a/", "/a", "a//b", "A", "a b", "../a", "a/../b", "-a", "a\n", "é"];
      for (const path of [...bad, "x".repeat(257)]) {
        expect((await failure(vault.put(a, path, "x"))).code).toBe("secret_path_invalid");
        expect((await failure(vault.get(a, path))).code).toBe("secret_path_invalid");
      }
      const put = (value: string) => failure(vault.put(a, "bounds", value));
      expect((await put("x".repeat(65_537))).code).toBe("secret_value_invalid");
      expect((await put("\ud800")).code).toBe("secret_value_invalid");
      expect(await vault.put(a, `${"x".repeat(255)}/`.slice(0, 255), "x".repeat(65_536))).toBe(1);
    });
  });
}
