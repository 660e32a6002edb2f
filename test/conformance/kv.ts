/** What every Kv adapter must do. `clock.advance` lets the adapter's own clock pass. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Kv } from "../../src/core/ports/kv.ts";
import type { Sweeper } from "../../src/shared/tenant-database.ts";
import { failure, type OpenedClock } from "./opened.ts";

export interface OpenedKv {
  readonly kv: Kv & Sweeper;
  readonly clock: OpenedClock;
  close(): Promise<void>;
}

const a = { id: "tenant-a" };
const b = { id: "tenant-b" };
const bytes = (text: string) => new TextEncoder().encode(text);

export function kvConformance(name: string, open: () => Promise<OpenedKv>): void {
  describe(`Kv (${name})`, () => {
    let opened: OpenedKv;
    let kv: Kv & Sweeper;
    beforeAll(async () => {
      opened = await open();
      kv = opened.kv;
    });
    afterAll(() => opened?.close());

    test("a value comes back as the bytes that were put", async () => {
      const value = Uint8Array.from({ length: 256 }, (_, i) => i);
      await kv.put(a, "bytes", value);
      expect((await kv.get(a, "bytes"))?.value).toEqual(value);
      await kv.put(a, "empty", new Uint8Array());
      expect((await kv.get(a, "empty"))?.value).toEqual(new Uint8Array());
      expect(await kv.get(a, "absent")).toBeNull();
    });

    test("the caller's buffer may change after put", async () => {
      const value = bytes("before");
      await kv.put(a, "copied", value);
      value.fill(0);
      expect((await kv.get(a, "copied"))?.value).toEqual(bytes("before"));
    });

    test("tenants do not see each other's keys", async () => {
      await kv.put(a, "shared-name", bytes("a"));
      expect(await kv.get(b, "shared-name")).toBeNull();
      await kv.put(b, "shared-name", bytes("b"));
      expect((await kv.get(a, "shared-name"))?.value).toEqual(bytes("a"));
      expect(await kv.delete(b, "shared-name")).toBe(true);
      expect(await kv.list(a, "shared-name")).toEqual(["shared-name"]);
    });

    test("ifVersion writes only over the version it names", async () => {
      const first = await kv.put(a, "cas", bytes("1"), { ifVersion: 0 });
      expect(first).toBeGreaterThan(0);
      expect(await kv.put(a, "cas", bytes("x"), { ifVersion: 0 })).toBeNull();
      const second = await kv.put(a, "cas", bytes("2"), { ifVersion: first ?? -1 });
      expect(second).not.toBe(first);
      expect(await kv.put(a, "cas", bytes("x"), { ifVersion: first ?? -1 })).toBeNull();
      expect((await kv.get(a, "cas"))?.value).toEqual(bytes("2"));
      expect(await kv.put(a, "never", bytes("x"), { ifVersion: 7 })).toBeNull();
    });

    test("a version is never given twice, not even after a delete", async () => {
      const first = await kv.put(a, "again", bytes("1"));
      await kv.delete(a, "again");
      const second = await kv.put(a, "again", bytes("2"), { ifVersion: 0 });
      expect(second).not.toBe(first);
    });

    test("of many writers with the same ifVersion one wins", async () => {
      const version = (await kv.put(a, "race", bytes("start"))) ?? -1;
      const attempts = Array.from({ length: 16 }, (_, i) =>
        kv.put(a, "race", bytes(String(i)), { ifVersion: version }),
      );
      const won = (await Promise.all(attempts)).filter((v) => v !== null);
      expect(won).toHaveLength(1);
      const absent = Array.from({ length: 16 }, (_, i) =>
        kv.put(a, "race-absent", bytes(String(i)), { ifVersion: 0 }),
      );
      expect((await Promise.all(absent)).filter((v) => v !== null)).toHaveLength(1);
    });

    test("an entry ends with its lifetime and counts as absent from then on", async () => {
      await kv.put(a, "ttl/1", bytes("x"), { ttlMs: 60_000 });
      await kv.put(a, "ttl/2", bytes("x"), { ttlMs: 120_000 });
      await kv.put(a, "ttl/3", bytes("x"));
      await opened.clock.advance(59_000);
      expect(await kv.list(a, "ttl/")).toEqual(["ttl/1", "ttl/2", "ttl/3"]);
      await opened.clock.advance(2_000);
      expect(await kv.get(a, "ttl/1")).toBeNull();
      expect(await kv.delete(a, "ttl/1")).toBe(false);
      await kv.put(a, "ttl/1", bytes("x"), { ttlMs: 1_000 });
      await opened.clock.advance(2_000);
      expect(await kv.list(a, "ttl/")).toEqual(["ttl/2", "ttl/3"]);
      expect(await kv.put(a, "ttl/1", bytes("new"), { ifVersion: 0 })).toBeGreaterThan(0);
      expect((await kv.get(a, "ttl/1"))?.value).toEqual(bytes("new"));
    });

    test("an expired version cannot be written over", async () => {
      const version = (await kv.put(a, "lapsed", bytes("x"), { ttlMs: 1_000 })) ?? -1;
      await opened.clock.advance(2_000);
      expect(await kv.put(a, "lapsed", bytes("y"), { ifVersion: version })).toBeNull();
    });

    test("a put without a lifetime removes an earlier one", async () => {
      await kv.put(a, "kept", bytes("x"), { ttlMs: 1_000 });
      await kv.put(a, "kept", bytes("y"));
      await opened.clock.advance(10_000);
      expect((await kv.get(a, "kept"))?.value).toEqual(bytes("y"));
    });

    test("sweep drops expired entries of its tenant and nothing else", async () => {
      await kv.put(b, "swept", bytes("x"), { ttlMs: 1_000 });
      await kv.put(b, "stays", bytes("x"), { ttlMs: 1_000_000 });
      await opened.clock.advance(2_000);
      await kv.sweep(a);
      expect(await kv.sweep(b)).toBe(1);
      expect(await kv.sweep(b)).toBe(0);
      expect(await kv.get(b, "stays")).not.toBeNull();
    });

    test("list goes in byte order, by prefix, in pages", async () => {
      // U+FF5E sorts before U+1F600 in UTF-8 but after it in UTF-16.
      const keys = [
        "o/a",
        "o/a/b",
        "o/b",
        "o/b%",
        "o/b_c",
        "o/\uff5e",
        "o/\u{1f600}",
        "o/\u{10ffff}x",
      ];
      for (const key of [...keys].reverse()) await kv.put(a, key, bytes(key));
      await kv.put(a, "p", bytes("outside"));
      await kv.put(a, "o", bytes("outside"));
      expect(await kv.list(a, "o/")).toEqual(keys);
      expect(await kv.list(a, "o/b")).toEqual(["o/b", "o/b%", "o/b_c"]);
      expect(await kv.list(a, "o/", { limit: 3 })).toEqual(keys.slice(0, 3));
      expect(await kv.list(a, "o/", { after: "o/b", limit: 2 })).toEqual(keys.slice(3, 5));
      expect(await kv.list(a, "o/", { after: "o/\u{10ffff}x" })).toEqual([]);
      expect(await kv.list(a, "o/zzz")).toEqual([]);
    });

    test("keys and values outside the bounds are refused", async () => {
      const put = (key: string, size = 1) => failure(kv.put(a, key, new Uint8Array(size)));
      expect((await put("")).code).toBe("kv_key_invalid");
      expect((await put("nul\0")).code).toBe("kv_key_invalid");
      expect((await put("\ud800")).code).toBe("kv_key_invalid");
      expect((await put("é".repeat(257))).code).toBe("kv_key_invalid");
      expect((await put("big", 1_048_577)).code).toBe("kv_value_too_large");
      expect(await kv.put(a, "é".repeat(256), new Uint8Array(1_048_576))).toBeGreaterThan(0);
      expect(await kv.list(a, "é".repeat(256))).toEqual(["é".repeat(256)]);
    });
  });
}
