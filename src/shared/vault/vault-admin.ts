/**
 * What an operator does to the vault: looks at it, gives it new keys, makes a recovery code.
 *
 * A rotation begins by one transaction for each tenant: a new root key, sealed under every way that
 * will open the vault. From there on it can be interrupted anywhere: both the key before and the new
 * one open it, until the new one has been used.
 */
import type { TransactionSql } from "postgres";
import type { Events } from "../../core/ports/events.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { Rng } from "../../core/ports/rng.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { sharedErrors } from "../errors.ts";
import type { TenantDatabases } from "../tenant-database.ts";
import { freshUnlocker, type Master } from "./master.ts";
import { adoptNextKey, stageNextKey } from "./master-key.ts";
import type { OpenRoots } from "./open-roots.ts";
import type { PostgresVault } from "./postgres-vault.ts";
import { finishRotation } from "./reseal.ts";
import {
  countSecrets,
  dropUnlocks,
  insertRoot,
  insertUnlock,
  lockRotation,
  readRoots,
} from "./root-store.ts";
import {
  makeRecoveryCode,
  recoverySealer,
  recoveryUnlocker,
  sealRoot,
  type Unlocker,
} from "./unlocker.ts";

export interface VaultStatus {
  /** Where the master key comes from. */
  readonly source: "file" | "configuration" | "passphrase";
  /** Numbers of the root keys; more than one while a rotation is under way. */
  readonly roots: readonly number[];
  readonly secrets: number;
  readonly recovery_code: boolean;
  /** A new master key or passphrase waits to be used. */
  readonly pending: boolean;
}

export interface RotationReport {
  readonly roots: readonly number[];
  /** Secrets and earlier versions of them. */
  readonly resealed: number;
  /** `now`: nothing else to do. `restart`: the vault opens with both until a server starts with the new one. */
  readonly takes_effect: "now" | "restart";
}

export interface VaultAdmin {
  status(tenant: TenantCtx): Promise<VaultStatus>;
  /**
   * New root keys for all tenants. The master key in a file is replaced too; a recovery code stays.
   * @param next what the configuration will say from the next start on; null = as it is.
   */
  rotate(next: Master | null): Promise<RotationReport>;
  /**
   * Waits for a rotation of this server to end, and refuses others until what it returns is called:
   * a backup must hold the key's file and the database of one moment.
   */
  keepSteady(): Promise<() => void>;
  /** A new code; one before it opens nothing any more. */
  renewRecoveryCode(): Promise<string>;
}

export interface VaultAdminOptions {
  readonly vault: PostgresVault;
  readonly databases: TenantDatabases;
  readonly events: Events;
  readonly tenants: () => readonly TenantCtx[];
  readonly rng: Rng;
  readonly log: Logger;
}

const ROOT_BYTES = 32;

export function createVaultAdmin(options: VaultAdminOptions): VaultAdmin {
  let holds = 0;
  // One after the other in this server; across servers the database decides.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  };
  return {
    status: (tenant) => readStatus(options, tenant),
    rotate: (next) =>
      inTurn(() => {
        if (holds > 0) throw sharedErrors.vault_in_backup();
        return rotate(options, next);
      }),
    keepSteady: () =>
      inTurn(async () => {
        holds += 1;
        let isHeld = true;
        return () => {
          if (isHeld) holds -= 1;
          isHeld = false;
        };
      }),
    renewRecoveryCode: () => inTurn(() => renewRecoveryCode(options)),
  };
}

async function readStatus(
  { vault, databases }: VaultAdminOptions,
  tenant: TenantCtx,
): Promise<VaultStatus> {
  const sql = databases.for(tenant).system;
  const { roots, unlocks } = await readRoots(sql, tenant);
  return {
    source: sourceOf(vault.master()),
    roots,
    secrets: await countSecrets(sql, tenant),
    recovery_code: unlocks.some((row) => row.kind === "recovery"),
    pending: unlocks.some((row) => row.pending),
  };
}

function sourceOf(master: Master): VaultStatus["source"] {
  if (master.kind === "passphrase") return "passphrase";
  return master.file === null ? "configuration" : "file";
}

async function rotate(options: VaultAdminOptions, next: Master | null): Promise<RotationReport> {
  const { vault, databases, rng, log } = options;
  const file = next === null ? fileOf(vault.master()) : null;
  const staged: Master | null =
    file === null ? next : { kind: "key", key: await stageNextKey(file, rng), file };
  const pending = staged === null ? null : freshUnlocker(staged, rng);
  for (const tenant of options.tenants()) {
    const roots = await vault.roots(tenant);
    await databases.for(tenant).system.begin(async (tx) => {
      const root = await addRoot(tx, tenant, roots, pending, rng);
      await tell(options, tenant, tx, "vault.rotated", { root, key_changed: staged !== null });
    });
    await vault.reopen(tenant);
  }
  if (file !== null && staged) await adoptFile(options, file, staged);
  let resealed = 0;
  const numbers = new Set<number>();
  for (const tenant of options.tenants()) {
    const roots = await vault.roots(tenant);
    resealed += await finishRotation(databases.for(tenant).system, tenant, roots, log);
    numbers.add((await vault.reopen(tenant)).newest);
  }
  log.info("vault.rotated", { resealed, roots: [...numbers] });
  const takes_effect = next === null ? "now" : "restart";
  return { roots: [...numbers], resealed, takes_effect };
}

const fileOf = (master: Master) => (master.kind === "key" ? master.file : null);

/** The new key is in force for every tenant's database before the file says so. */
async function adoptFile(options: VaultAdminOptions, file: string, master: Master): Promise<void> {
  await adoptNextKey(file);
  for (const tenant of options.tenants()) await options.vault.reopen(tenant, master);
}

/**
 * One transaction: the new root exists with every way to it, or not at all.
 * @param pending opens the vault beside the others until its first use.
 */
async function addRoot(
  tx: TransactionSql,
  tenant: TenantCtx,
  opened: OpenRoots,
  pending: Unlocker | null,
  rng: Rng,
): Promise<number> {
  await lockRotation(tx);
  const { roots, unlocks } = await readRoots(tx, tenant);
  // Another server rotated since these were opened: what is not known here cannot be sealed anew.
  if (roots.some((root) => !opened.keys.has(root))) throw sharedErrors.vault_busy();
  const root = Math.max(...roots) + 1;
  if (!(await insertRoot(tx, tenant, root))) throw sharedErrors.vault_busy();
  const keys = new Map([...opened.keys, [root, rng.bytes(ROOT_BYTES)]]);
  const put = async (way: Unlocker, isPending: boolean) => {
    for (const [id, key] of keys) {
      const place = { tenantId: tenant.id, root: id };
      await insertUnlock(tx, place, way, isPending, sealRoot(way, place, key, rng));
    }
  };
  // An earlier choice that was never used gives way to this one.
  await dropUnlocks(tx, tenant, { recovery: false, pending: pending !== null });
  await put(opened.unlocker, false);
  if (pending) await put(pending, true);
  // Whoever has the code must be let in whatever becomes of this rotation.
  const known = unlocks.find((row) => row.kind === "recovery")?.kdf;
  if (known?.name === "x25519") await put(recoverySealer(known), false);
  return root;
}

/** What the event feed is told: never a key, never a code. */
function tell(
  { events }: VaultAdminOptions,
  tenant: TenantCtx,
  tx: TransactionSql,
  type: string,
  data: Readonly<Record<string, unknown>>,
): Promise<void> {
  return events.append(tenant, tx, [{ type, subject: "vault", data }]);
}

async function renewRecoveryCode(options: VaultAdminOptions): Promise<string> {
  const { vault, databases, rng, log } = options;
  const code = makeRecoveryCode(rng);
  const way = recoveryUnlocker(code);
  if (!way) throw new Error("a recovery code that cannot be read was made");
  for (const tenant of options.tenants()) {
    const roots = await vault.reopen(tenant);
    await databases.for(tenant).system.begin(async (tx) => {
      await putCode(tx, tenant, roots, way, rng);
      await tell(options, tenant, tx, "vault.recovery_code_made", {});
    });
  }
  log.info("vault.recovery_code_made", {});
  return code;
}

async function putCode(
  tx: TransactionSql,
  tenant: TenantCtx,
  opened: OpenRoots,
  way: Unlocker,
  rng: Rng,
): Promise<void> {
  await lockRotation(tx);
  await dropUnlocks(tx, tenant, { recovery: true, pending: false });
  for (const [root, key] of opened.keys) {
    const place = { tenantId: tenant.id, root };
    await insertUnlock(tx, place, way, false, sealRoot(way, place, key, rng));
  }
}
