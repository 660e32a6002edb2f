import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { systemClock } from "../../src/shared/clock.ts";
import { createIds } from "../../src/shared/ids.ts";
import { loadProject } from "../../src/shared/project.ts";
import { systemRng } from "../../src/shared/rng.ts";
import { createMemoryVault } from "../../src/shared/vault/memory-vault.ts";
import { createPostgresVault } from "../../src/shared/vault/postgres-vault.ts";
import { silentLog } from "../support/postgres.ts";
import { openSharedDatabase, type SharedDatabase } from "../support/shared-database.ts";
import { failure } from "./opened.ts";
import { vaultConformance } from "./vault.ts";

const rng = systemRng;
const parts = (key: Uint8Array) => ({
  master: { kind: "key", key, file: null } as const,
  ...{ rng, log: silentLog },
});

vaultConformance("memory", async () => ({ vault: createMemoryVault(), close: async () => {} }));

vaultConformance("postgres", async () => {
  const { databases, close } = await openSharedDatabase();
  return { vault: createPostgresVault({ databases, ...parts(rng.bytes(32)) }), close };
});

describe("Vault (postgres)", () => {
  const a = { id: "a" };
  let shared: SharedDatabase;
  const masterKey = rng.bytes(32);
  const open = (key = masterKey) =>
    createPostgresVault({ databases: shared.databases, ...parts(key) });
  beforeAll(async () => {
    shared = await openSharedDatabase();
  });
  afterAll(() => shared?.close());

  test("nothing readable is stored, and equal secrets are not recognisable", async () => {
    const vault = open();
    await vault.put(a, "plain/1", "CANARY-SECRET");
    await vault.put(a, "plain/2", "CANARY-SECRET");
    const rows = await shared.sql<{ sealed: Buffer }[]>`
      select sealed from reactor.secrets where path like 'plain/%'`;
    const [one, two] = rows.map((row) => row.sealed);
    expect(rows).toHaveLength(2);
    for (const { sealed } of rows) expect(sealed.includes("CANARY")).toBe(false);
    expect(one).not.toEqual(two ?? Buffer.alloc(0));
  });

  test("a sealed row does not open in another place", async () => {
    const vault = open();
    for (const path of ["moved/from", "moved/to"]) await vault.put(a, path, path);
    await vault.put({ id: "b" }, "moved/from", "of b");
    const put = (tenant: string, path: string, version: number) => shared.sql`
      update reactor.secrets set sealed = (
        select sealed from reactor.secrets
        where tenant = 'a' and path = 'moved/from' and version = 1)
      where tenant = ${tenant} and path = ${path} and version = ${version}`;
    await put("a", "moved/to", 1);
    expect((await failure(vault.get(a, "moved/to"))).code).toBe("secret_unreadable");
    await put("b", "moved/from", 1);
    expect((await failure(vault.get({ id: "b" }, "moved/from"))).code).toBe("secret_unreadable");
    await vault.put(a, "moved/from", "second");
    await put("a", "moved/from", 2);
    expect((await failure(vault.get(a, "moved/from"))).code).toBe("secret_unreadable");
    expect(await vault.put(a, "moved/from", "anew")).toBe(3);
    expect((await vault.get(a, "moved/from"))?.value).toBe("anew");
  });

  test("a change of any byte is noticed", async () => {
    const vault = open();
    await vault.put(a, "bytes", "x");
    const [row] = await shared.sql<{ sealed: Buffer }[]>`
      select sealed from reactor.secrets where path = 'bytes'`;
    const sealed = row?.sealed ?? Buffer.alloc(0);
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 0x01;
      await shared.sql`update reactor.secrets set sealed = ${changed} where path = 'bytes'`;
      expect((await failure(vault.get(a, "bytes"))).code).toBe("secret_unreadable");
    }
    await shared.sql`update reactor.secrets set sealed = '\\x01' where path = 'bytes'`;
    expect((await failure(vault.get(a, "bytes"))).code).toBe("secret_unreadable");
  });

  test("another master key is refused before it writes, with what to do", async () => {
    await open().put(a, "keyed", "x");
    const wrong = open(rng.bytes(32));
    for (const call of [wrong.get(a, "keyed"), wrong.put(a, "keyed", "y")]) {
      const error = await failure(call);
      expect(error.code).toBe("vault_key_mismatch");
      expect(error.hint).toContain("vault.key");
    }
    expect(await open().get(a, "keyed")).toEqual({ value: "x", version: 1 });
  });

  test("a replaced secret leaves no earlier version", async () => {
    const vault = open();
    await vault.put(a, "state", "1");
    await vault.put(a, "state", "2");
    await vault.replace(a, "state", "3", 2, null);
    const rows = await shared.sql`select version from reactor.secrets where path = 'state'`;
    expect(rows.map((row) => row["version"])).toEqual([3]);
  });

  test("a deleted secret leaves no sealed text", async () => {
    const vault = open();
    await vault.put(a, "erased", "1");
    await vault.put(a, "erased", "2");
    await vault.delete(a, "erased");
    const [row] = await shared.sql`
      select count(sealed)::int as sealed from reactor.secrets where path = 'erased'`;
    expect(row?.["sealed"]).toBe(0);
  });

  test("servers that boot at once make one project", async () => {
    const tenant = { id: "booting" };
    const ids = createIds(systemClock, rng);
    const boots = Array.from({ length: 6 }, () =>
      loadProject({ vault: open(), tenant, ids, publicUrl: "" }),
    );
    const projects = (await Promise.all(boots)).map((project) => JSON.stringify(project));
    expect(new Set(projects).size).toBe(1);
    const again = await loadProject({ vault: open(), tenant, ids, publicUrl: "" });
    expect(JSON.stringify(again)).toBe(projects[0] ?? "");
  });
});
