import { describe, expect, test } from "bun:test";
import { DEFAULT_TENANT } from "../../core/tenant.ts";
import { storePart } from "./deploy.ts";
import type { DeployStore } from "./deploy-store.ts";

const sha256 = (bytes: Uint8Array) => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");

/** Keeps the parts it is given. */
function memoryStore() {
  const parts = new Map<string, Uint8Array>();
  const store: DeployStore = {
    putPart: async (_, sum, bytes) => void parts.set(sum, bytes),
    heldParts: async (_, sums) => new Set(sums.filter((sum) => parts.has(sum))),
    readPart: async (_, sum) => parts.get(sum) ?? new Uint8Array(),
    record: async () => undefined,
  };
  return { parts, store };
}

describe("an uploaded part", () => {
  const bytes = new TextEncoder().encode("create table a ();");

  test("is kept under the sum of its bytes", async () => {
    const { parts, store } = memoryStore();
    await storePart(store, DEFAULT_TENANT, sha256(bytes), bytes);
    expect([...parts]).toEqual([[sha256(bytes), bytes]]);
  });

  test("is refused and not kept when it is not what was announced", async () => {
    const { parts, store } = memoryStore();
    const other = sha256(new TextEncoder().encode("drop table a;"));
    await expect(storePart(store, DEFAULT_TENANT, other, bytes)).rejects.toMatchObject({
      status: 422,
      code: "deploy_part_mismatch",
    });
    expect(parts.size).toBe(0);
  });
});
