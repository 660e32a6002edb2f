/**
 * Opens a tenant's root keys with what the operator gave: makes the first one, takes over the one of
 * earlier versions, follows a rotation that was interrupted, lets a recovery code in when the master
 * key is lost. A key that fits nothing is told before anything is written with it.
 */
import type { Sql } from "postgres";
import type { Logger } from "../../core/ports/log.ts";
import type { Rng } from "../../core/ports/rng.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { sharedErrors } from "../errors.ts";
import {
  type Derived,
  freshUnlocker,
  type Master,
  type UnlockRow,
  unlockersFor,
  unlockersOfCode,
} from "./master.ts";
import {
  insertRoot,
  insertUnlock,
  readLegacyCheck,
  readRoots,
  settleUnlock,
} from "./root-store.ts";
import { Seal } from "./seal.ts";
import { openRoot, sealRoot, type Unlocker } from "./unlocker.ts";

/** An opened vault of one tenant. */
export interface OpenRoots {
  /** The root under which is sealed from now on. */
  readonly newest: number;
  readonly keys: ReadonlyMap<number, Uint8Array>;
  readonly seals: ReadonlyMap<number, Seal>;
  /** By which it was opened. */
  readonly unlocker: Unlocker;
}

export interface OpenRootsOptions {
  readonly master: Master;
  /** `vault.recovery_code`; empty = none. */
  readonly recoveryCode: string;
  readonly derived: Derived;
  readonly rng: Rng;
  readonly log: Logger;
}

const ROOT_BYTES = 32;
const CHECK_TEXT = "reactor vault check";
/** Of versions before root keys. */
const FIRST = 1;

/** @throws vault_key_mismatch */
export async function openRoots(
  options: OpenRootsOptions,
  sql: Sql,
  tenant: TenantCtx,
): Promise<OpenRoots> {
  const { master, recoveryCode, rng } = options;
  const rows = await readRoots(sql, tenant);
  if (rows.roots.length === 0) {
    if (await makeFirst(options, sql, tenant, rng.bytes(ROOT_BYTES))) {
      options.log.info("vault.created", { tenant: tenant.id });
    }
    return openRoots(options, sql, tenant);
  }
  if (rows.unlocks.length === 0) {
    await adoptMasterKey(options, sql, tenant);
    return openRoots(options, sql, tenant);
  }
  const opened = openBy(
    unlockersFor(master, rows.unlocks, rng, options.derived),
    rows.unlocks,
    tenant,
    rng,
  );
  if (opened) return settle(options, sql, tenant, rows.unlocks, opened);
  const recovered = openBy(unlockersOfCode(recoveryCode), rows.unlocks, tenant, rng);
  if (!recovered) throw sharedErrors.vault_key_mismatch();
  return recover(options, sql, tenant, recovered);
}

/** The first of the ways that opens every root it has a row for; null when none does. */
function openBy(
  unlockers: readonly Unlocker[],
  rows: readonly UnlockRow[],
  tenant: TenantCtx,
  rng: Rng,
): OpenRoots | null {
  for (const unlocker of unlockers) {
    const own = rows.filter((row) => row.id === unlocker.id && row.kind === unlocker.kind);
    const keys = new Map<number, Uint8Array>();
    for (const { root, sealed } of own) {
      const key = tryOpen(unlocker, tenant, root, sealed);
      if (key) keys.set(root, key);
    }
    if (keys.size === 0 || keys.size < own.length) continue;
    const seals = new Map([...keys].map(([root, key]) => [root, new Seal(key, rng)]));
    return { newest: Math.max(...keys.keys()), keys, seals, unlocker };
  }
  return null;
}

/** Null for the wrong passphrase or a damaged row: GCM does not tell which. */
function tryOpen(
  unlocker: Unlocker,
  tenant: TenantCtx,
  root: number,
  sealed: Uint8Array,
): Uint8Array | null {
  try {
    return openRoot(unlocker, { tenantId: tenant.id, root }, sealed);
  } catch {
    return null;
  }
}

/** False when another server was quicker. */
async function makeFirst(
  { master, rng }: OpenRootsOptions,
  sql: Sql,
  tenant: TenantCtx,
  key: Uint8Array,
): Promise<boolean> {
  const unlocker = freshUnlocker(master, rng);
  return (await sql.begin(async (tx) => {
    // Waits for another server that is making it, and then finds it made.
    if (!(await insertRoot(tx, tenant, FIRST))) return false;
    const place = { tenantId: tenant.id, root: FIRST };
    await insertUnlock(tx, place, unlocker, false, sealRoot(unlocker, place, key, rng));
    return true;
  })) as boolean;
}

/** Before root keys the master key sealed the secrets itself: it becomes the first root. */
async function adoptMasterKey(
  options: OpenRootsOptions,
  sql: Sql,
  tenant: TenantCtx,
): Promise<void> {
  const { master, rng, log } = options;
  const check = await readLegacyCheck(sql, tenant);
  if (master.kind !== "key" || !check) throw sharedErrors.vault_key_mismatch();
  try {
    const place = { tenantId: tenant.id, path: "", version: 0 };
    if (new Seal(master.key, rng).open(place, check) !== CHECK_TEXT)
      throw new Error("another text");
  } catch (cause) {
    throw sharedErrors.vault_key_mismatch(cause);
  }
  const place = { tenantId: tenant.id, root: FIRST };
  const unlocker = freshUnlocker(master, rng);
  await insertUnlock(sql, place, unlocker, false, sealRoot(unlocker, place, master.key, rng));
  log.info("vault.root_adopted", { tenant: tenant.id });
}

/** The first use of a new way ends the old ones. */
async function settle(
  { log }: OpenRootsOptions,
  sql: Sql,
  tenant: TenantCtx,
  rows: readonly UnlockRow[],
  opened: OpenRoots,
): Promise<OpenRoots> {
  const { id, kind } = opened.unlocker;
  if (!rows.some((row) => row.id === id && row.pending)) return opened;
  await sql.begin((tx) => settleUnlock(tx, tenant, id));
  log.info("vault.key_changed", { tenant: tenant.id, kind });
  return opened;
}

/** The code let us in: the master key that is configured now opens the vault from here on. */
async function recover(
  { master, rng, log }: OpenRootsOptions,
  sql: Sql,
  tenant: TenantCtx,
  recovered: OpenRoots,
): Promise<OpenRoots> {
  const unlocker = freshUnlocker(master, rng);
  await sql.begin(async (tx) => {
    for (const [root, key] of recovered.keys) {
      const place = { tenantId: tenant.id, root };
      await insertUnlock(tx, place, unlocker, false, sealRoot(unlocker, place, key, rng));
    }
    await settleUnlock(tx, tenant, unlocker.id);
  });
  log.warn("vault.recovered", {
    tenant: tenant.id,
    hint: "Remove vault.recovery_code from the configuration, and make a new code",
  });
  return { ...recovered, unlocker };
}
