/**
 * The ways to open the vault, and rotation: whatever is interrupted, wherever, the vault opens and
 * every secret is read by exactly one root key.
 */
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Sql } from "postgres";
import { createPostgresEvents } from "../../src/shared/events/postgres-events.ts";
import { systemRng as rng } from "../../src/shared/rng.ts";
import type { Master } from "../../src/shared/vault/master.ts";
import { loadMasterKey } from "../../src/shared/vault/master-key.ts";
import { createPostgresVault, type PostgresVault } from "../../src/shared/vault/postgres-vault.ts";
import { Seal } from "../../src/shared/vault/seal.ts";
import { createVaultAdmin } from "../../src/shared/vault/vault-admin.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { openSharedDatabase, type SharedDatabase } from "../support/shared-database.ts";
import { failure } from "./opened.ts";

// A busy machine takes its time.
setDefaultTimeout(60_000);

const tenant = { id: "a" };
let shared: SharedDatabase;
let folder = "";
const log = createMemoryLog();

beforeEach(async () => {
  shared = await openSharedDatabase();
  folder = mkdtempSync(join(tmpdir(), "reactor-vault-"));
});
afterEach(async () => {
  await shared.close();
  rmSync(folder, { recursive: true, force: true });
});

const keyMaster = (key = rng.bytes(32)): Master => ({ kind: "key", key, file: null });
const passphrase = (text: string): Master => ({ kind: "passphrase", passphrase: text });

async function fileMaster(): Promise<Master> {
  const key = await loadMasterKey({ dataDir: folder, rng, log });
  return { kind: "key", key, file: join(folder, "vault.key") };
}

/** A server: what it has opened is its own, the connections are not. */
function server(master: Master, recoveryCode = "", databases = shared.databases) {
  const vault = createPostgresVault({ databases, master, recoveryCode, rng, log });
  const events = createPostgresEvents(databases, async () => {});
  const admin = createVaultAdmin({ vault, databases, events, tenants: () => [tenant], rng, log });
  return { vault, admin };
}

async function fill(vault: PostgresVault, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await vault.put(tenant, `s/${n}`, `value ${n}`);
}

async function readAll(vault: PostgresVault): Promise<string[]> {
  const paths = await vault.list(tenant, "s/");
  const values = await Promise.all(paths.map((path) => vault.get(tenant, path)));
  return values.map((secret) => secret?.value ?? "lost").sort();
}

const expected = (count: number) => Array.from({ length: count }, (_, n) => `value ${n}`).sort();

const rootsInUse = async () =>
  (
    await shared.sql<{ root: number }[]>`select distinct root from reactor.secrets order by root`
  ).map((row) => row.root);

describe("a rotation", () => {
  test("seals everything anew under a new root, and nothing opens with the old one", async () => {
    const master = keyMaster();
    const { vault, admin } = server(master);
    await fill(vault, 120);
    await vault.put(tenant, "s/0", "value 0");
    const before = await vault.roots(tenant);
    const report = await admin.rotate(null);
    expect(report).toEqual({ roots: [2], resealed: 121, takes_effect: "now" });
    expect(await readAll(vault)).toEqual(expected(120));
    expect(await rootsInUse()).toEqual([2]);
    expect(await readAll(server(master).vault)).toEqual(expected(120));
    const oldKey = before.keys.get(1) ?? new Uint8Array(32);
    const rows = await shared.sql<{ path: string; version: number; sealed: Uint8Array }[]>`
      select path, version, sealed from reactor.secrets`;
    const old = new Seal(oldKey, rng);
    for (const { path, version, sealed } of rows) {
      expect(() => old.open({ tenantId: tenant.id, path, version }, sealed)).toThrow();
    }
    expect(await admin.status(tenant)).toMatchObject({ roots: [2], secrets: 120, pending: false });
    const told = await shared.sql`select data from reactor.events where type = 'vault.rotated'`;
    expect(told.map((row) => row["data"])).toEqual([{ root: 2, key_changed: false }]);
  });

  test("is noticed by other servers at their next read and write, without a restart", async () => {
    const master = keyMaster();
    const [one, two] = [server(master), server(master)];
    await fill(one.vault, 3);
    expect(await readAll(two.vault)).toEqual(expected(3));
    await one.admin.rotate(null);
    expect(await two.vault.put(tenant, "s/3", "value 3")).toBe(1);
    expect(await readAll(two.vault)).toEqual(expected(4));
    await one.admin.rotate(null);
    expect(await readAll(two.vault)).toEqual(expected(4));
    await two.admin.rotate(null);
    expect(await readAll(one.vault)).toEqual(expected(4));
    expect(await rootsInUse()).toEqual([4]);
  });

  test("while others write loses nothing", async () => {
    const master = keyMaster();
    const [one, two] = [server(master), server(master)];
    await fill(one.vault, 20);
    let writes = 0;
    let done = false;
    const writer = async () => {
      while (!done || writes < 30) {
        await two.vault.put(tenant, `s/w${writes}`, `written ${writes}`);
        writes += 1;
      }
    };
    const writing = writer();
    for (let turn = 0; turn < 4; turn += 1) await one.admin.rotate(null);
    done = true;
    await writing;
    const all = await readAll(server(master).vault);
    expect(all.length).toBe(20 + writes);
    expect(all).not.toContain("lost");
    expect(await rootsInUse()).toEqual([5]);
  });

  test("by two servers at once ends with one newest root and every secret", async () => {
    const master = keyMaster();
    const [one, two] = [server(master), server(master)];
    await fill(one.vault, 30);
    await two.vault.roots(tenant);
    const results = await Promise.allSettled([one.admin.rotate(null), two.admin.rotate(null)]);
    expect(results.some(({ status }) => status === "fulfilled")).toBe(true);
    const { vault } = server(master);
    expect(await readAll(vault)).toEqual(expected(30));
    expect((await rootsInUse()).length).toBe(1);
  });

  test("waits for no backup: it is refused while one is written, and a backup waits for it", async () => {
    const { vault, admin } = server(keyMaster());
    await fill(vault, 2);
    const release = await admin.keepSteady();
    const other = await admin.keepSteady();
    expect((await failure(admin.rotate(null))).code).toBe("vault_in_backup");
    release();
    release();
    expect((await failure(admin.rotate(null))).code).toBe("vault_in_backup");
    other();
    const order: string[] = [];
    const rotating = admin.rotate(null).then(() => order.push("rotated"));
    const backup = admin.keepSteady().then(() => order.push("backup"));
    await Promise.all([rotating, backup]);
    expect(order).toEqual(["rotated", "backup"]);
  });

  test("goes past a damaged secret, which stays unreadable, and says so", async () => {
    const { vault, admin } = server(keyMaster());
    await fill(vault, 3);
    await shared.sql`update reactor.secrets set sealed = '\\x0102' where path = 's/1'`;
    await admin.rotate(null);
    expect((await failure(vault.get(tenant, "s/1"))).code).toBe("secret_unreadable");
    expect((await vault.get(tenant, "s/2"))?.value).toBe("value 2");
    expect(log.lines.some((line) => line.event === "vault.secret_unreadable")).toBe(true);
  });
});

/** Connections of which the n-th statement fails, and every one after it: the process has died. */
function dying(after: number) {
  const { sql } = shared;
  const state = { left: after };
  const alive = () => {
    state.left -= 1;
    if (state.left < 0) throw new Error("killed");
  };
  const wrap = (real: Sql): Sql =>
    new Proxy(real, {
      apply(target, self, args) {
        // Only a template is a statement; `sql.json` and lists are helpers.
        if (Array.isArray(args[0]) && "raw" in args[0]) alive();
        return Reflect.apply(target as never, self, args) as unknown;
      },
      get(target, name) {
        if (name === "begin") {
          return (work: (tx: Sql) => unknown) =>
            target.begin(async (tx) => {
              const result = await work(wrap(tx as unknown as Sql));
              // A death before the commit arrives is a rollback.
              alive();
              return result;
            });
        }
        return Reflect.get(target, name) as unknown;
      },
    });
  const mortal = wrap(sql);
  return { databases: { for: () => ({ system: mortal, direct: mortal }) }, state };
}

describe("a rotation that is cut off after any statement", () => {
  const COUNT = 3;

  test.each(["key", "file"])("of a %s: opens again, ends well", async (kind) => {
    const key = keyMaster();
    const current = () => (kind === "file" ? fileMaster() : key);
    const { vault, admin } = server(await current());
    await fill(vault, COUNT);
    const code = await admin.renewRecoveryCode();
    let cuts = 0;
    for (let after = 0; ; after += 1) {
      const { databases, state } = dying(1e9);
      const victim = server(await current(), "", databases);
      await victim.vault.roots(tenant);
      state.left = after;
      const ended = await victim.admin.rotate(null).then(
        () => true,
        (error: Error) => {
          if (error.message !== "killed") throw error;
          return false;
        },
      );
      const next = server(await current());
      expect(await readAll(next.vault)).toEqual(expected(COUNT));
      expect((await rootsInUse()).length).toBe(1);
      expect((await next.admin.status(tenant)).roots.length).toBe(1);
      await next.vault.put(tenant, "s/0", "value 0");
      if (ended) break;
      cuts += 1;
    }
    expect(cuts).toBeGreaterThan(15);
    // Written down before the first of them, and still worth its paper.
    expect(await readAll(server(keyMaster(), code).vault)).toEqual(expected(COUNT));
  });
});

describe("a master key in a file", () => {
  test("is replaced by a rotation; the old one opens nothing", async () => {
    const first = await fileMaster();
    const { vault, admin } = server(first);
    await fill(vault, 3);
    const before = readFileSync(join(folder, "vault.key"), "utf8");
    await admin.rotate(null);
    expect(readFileSync(join(folder, "vault.key"), "utf8")).not.toBe(before);
    expect(readdirSync(folder)).toEqual(["vault.key"]);
    expect(await readAll(vault)).toEqual(expected(3));
    expect(await readAll(server(await fileMaster()).vault)).toEqual(expected(3));
    expect((await failure(server(first).vault.get(tenant, "s/0"))).code).toBe("vault_key_mismatch");
    expect((await admin.status(tenant)).pending).toBe(false);
  });

  test("of which the next was only staged is still the one that opens", async () => {
    const { vault, admin } = server(await fileMaster());
    await fill(vault, 3);
    const { databases, state } = dying(1e9);
    const victim = server(await fileMaster(), "", databases);
    await victim.vault.roots(tenant);
    state.left = 3;
    await victim.admin.rotate(null).catch(() => undefined);
    expect(existsSync(join(folder, "vault.key.next"))).toBe(true);
    const again = server(await fileMaster());
    expect(await readAll(again.vault)).toEqual(expected(3));
    await again.admin.rotate(null);
    expect(readdirSync(folder)).toEqual(["vault.key"]);
    expect(await readAll(server(await fileMaster()).vault)).toEqual(expected(3));
    expect(await admin.status(tenant)).toMatchObject({ pending: false });
  });
});

describe("a configured key or passphrase", () => {
  test("opens beside its successor until that is used, and never after", async () => {
    const [old, next] = [keyMaster(), passphrase("five words drawn by dice")];
    const { vault, admin } = server(old);
    await fill(vault, 3);
    expect((await admin.rotate(next)).takes_effect).toBe("restart");
    expect(await readAll(server(old).vault)).toEqual(expected(3));
    expect((await admin.status(tenant)).pending).toBe(true);
    const wrong = server(passphrase("five words drawn by hand"));
    expect((await failure(wrong.vault.get(tenant, "s/0"))).code).toBe("vault_key_mismatch");
    expect(await readAll(server(next).vault)).toEqual(expected(3));
    expect((await failure(server(old).vault.get(tenant, "s/0"))).code).toBe("vault_key_mismatch");
    // The running server goes on with what it has opened.
    expect(await readAll(vault)).toEqual(expected(3));
  });

  test("a server with the old one goes on reading, and is told when it can write no more", async () => {
    const [old, next] = [keyMaster(), keyMaster()];
    const [one, two] = [server(old), server(old)];
    await fill(one.vault, 2);
    expect(await readAll(two.vault)).toEqual(expected(2));
    await one.admin.rotate(next);
    expect(await readAll(server(next).vault)).toEqual(expected(2));
    // It never saw the new root while the old key opened it.
    const error = await failure(two.vault.put(tenant, "s/2", "x"));
    expect(error.code).toBe("vault_key_mismatch");
  });

  test("a choice that was never used gives way to the next one", async () => {
    const [old, lost, kept] = [keyMaster(), keyMaster(), keyMaster()];
    const { vault, admin } = server(old);
    await fill(vault, 1);
    await admin.rotate(lost);
    await admin.rotate(kept);
    expect((await failure(server(lost).vault.get(tenant, "s/0"))).code).toBe("vault_key_mismatch");
    expect(await readAll(server(kept).vault)).toEqual(expected(1));
  });

  test("a passphrase means the same however its accents are typed, and nothing else does", async () => {
    const { vault } = server(passphrase("caf\u00e9 au lait \u00e0 cinq"));
    await fill(vault, 1);
    const other = server(passphrase("cafe\u0301 au lait a\u0300 cinq"));
    expect(await readAll(other.vault)).toEqual(expected(1));
    const close = server(passphrase("cafe au lait a cinq"));
    expect((await failure(close.vault.put(tenant, "x", "y"))).code).toBe("vault_key_mismatch");
    const [row] = await shared.sql`select kdf from reactor.vault_unlocks`;
    expect(row?.["kdf"]).toMatchObject({ name: "argon2id", memoryKib: 65_536, passes: 3 });
  });
});

describe("a recovery code", () => {
  test("lets a server in whose master key is lost, and gives the vault its present one", async () => {
    const { vault, admin } = server(keyMaster());
    await fill(vault, 3);
    const code = await admin.renewRecoveryCode();
    expect(code).toMatch(/^([0-9A-Z]{4}-){7}[0-9A-Z]{4}$/);
    const fresh = keyMaster();
    const spoken = code
      .toLowerCase()
      .replaceAll("-", " ")
      .replaceAll("0", "o")
      .replaceAll("1", "l");
    expect(await readAll(server(fresh, spoken).vault)).toEqual(expected(3));
    expect(await readAll(server(fresh).vault)).toEqual(expected(3));
    expect(log.lines.some((line) => line.event === "vault.recovered")).toBe(true);
  });

  test("of another vault, a wrong or a former one opens nothing", async () => {
    const { vault, admin } = server(keyMaster());
    await fill(vault, 1);
    const former = await admin.renewRecoveryCode();
    const code = await admin.renewRecoveryCode();
    const wrong = `${code.startsWith("0") ? "1" : "0"}${code.slice(1)}`;
    for (const bad of [former, wrong, "", "x", code.slice(1), `${code}0`, "U".repeat(32)]) {
      const error = await failure(server(keyMaster(), bad).vault.get(tenant, "s/0"));
      expect(error.code).toBe("vault_key_mismatch");
    }
  });

  test("stays good through rotations, until there is a new one", async () => {
    const { vault, admin } = server(keyMaster());
    await fill(vault, 2);
    const code = await admin.renewRecoveryCode();
    await admin.rotate(null);
    await admin.rotate(keyMaster());
    const { vault: saved, admin: next } = server(keyMaster(), code);
    expect(await readAll(saved)).toEqual(expected(2));
    const newer = await next.renewRecoveryCode();
    const late = await failure(server(keyMaster(), code).vault.get(tenant, "s/0"));
    expect(late.code).toBe("vault_key_mismatch");
    expect(await readAll(server(keyMaster(), newer).vault)).toEqual(expected(2));
  });

  test("opens nothing that was sealed for another, and no part of it can be changed", async () => {
    const { vault, admin } = server(keyMaster());
    await fill(vault, 1);
    const code = await admin.renewRecoveryCode();
    const [row] = await shared.sql<{ sealed: Buffer }[]>`
      select sealed from reactor.vault_unlocks where kind = 'recovery'`;
    const sealed = row?.sealed ?? Buffer.alloc(0);
    for (let at = 0; at < sealed.length; at += 5) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await shared.sql`update reactor.vault_unlocks set sealed = ${changed} where kind = 'recovery'`;
      const error = await failure(server(keyMaster(), code).vault.get(tenant, "s/0"));
      expect(error.code).toBe("vault_key_mismatch");
    }
    await shared.sql`update reactor.vault_unlocks set sealed = ${sealed} where kind = 'recovery'`;
    expect(await readAll(server(keyMaster(), code).vault)).toEqual(expected(1));
  });

  test("is nowhere: not in the tables, not in the log", async () => {
    const { vault, admin } = server(keyMaster());
    await fill(vault, 1);
    const code = await admin.renewRecoveryCode();
    const rows = await shared.sql`select t::text as text from reactor.vault_unlocks t`;
    const all = JSON.stringify([rows, log.lines]);
    expect(all).not.toContain(code);
    expect(all).not.toContain(Buffer.from(code.replaceAll("-", "")).toString("hex"));
  });
});

describe("a database of a version without root keys", () => {
  async function asBefore(key: Uint8Array): Promise<void> {
    const seal = new Seal(key, rng);
    const put = (path: string, version: number, value: string) =>
      seal.close({ tenantId: tenant.id, path, version }, value);
    await shared.sql`insert into reactor.vault_roots values (${tenant.id}, 1)`;
    await shared.sql`insert into reactor.vault_checks (tenant, sealed)
      values (${tenant.id}, ${put("", 0, "reactor vault check")})`;
    await shared.sql`insert into reactor.secrets (tenant, path, version, sealed)
      values (${tenant.id}, 's/0', 1, ${put("s/0", 1, "value 0")})`;
  }

  test("opens with its master key, which a rotation then frees of its second duty", async () => {
    const key = rng.bytes(32);
    await asBefore(key);
    const { vault, admin } = server(keyMaster(key));
    expect(await readAll(vault)).toEqual(expected(1));
    await vault.put(tenant, "s/1", "value 1");
    await admin.rotate(null);
    expect(await readAll(server(keyMaster(key)).vault)).toEqual(expected(2));
    expect(await rootsInUse()).toEqual([2]);
  });

  test("does not open with another", async () => {
    await asBefore(rng.bytes(32));
    for (const master of [keyMaster(), passphrase("five words drawn by dice")]) {
      const error = await failure(server(master).vault.put(tenant, "s/1", "x"));
      expect(error.code).toBe("vault_key_mismatch");
    }
    expect((await shared.sql`select 1 from reactor.vault_unlocks`).length).toBe(0);
  });
});

test("servers that open an empty vault at once agree on one root", async () => {
  const master = keyMaster();
  const many = Array.from({ length: 6 }, () => server(master).vault);
  await Promise.all(many.map((vault, n) => vault.put(tenant, `s/${n}`, `value ${n}`)));
  for (const vault of many) expect(await readAll(vault)).toEqual(expected(6));
  const stranger = server(keyMaster());
  expect((await failure(stranger.vault.get(tenant, "s/0"))).code).toBe("vault_key_mismatch");
});
