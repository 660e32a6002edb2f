/** The ring of signing keys as it is kept: read from the vault, changed together with what is told of it. */
import type { TenantCtx } from "../../../core/tenant.ts";
import type { KeyRing } from "../../../shared/auth/key-ring.ts";
import { RING_PATH } from "../../../shared/project.ts";
import type { AuthState } from "../auth-state.ts";
import { record } from "../record.ts";
import type { JsonObject } from "../schema.ts";
import { inTransaction } from "../store.ts";
import { keyErrors } from "./errors.ts";

/** A changed ring, and what is told of it. */
export interface RingChange {
  readonly ring: KeyRing;
  /** Null = a note in the ring that nobody need hear of. */
  readonly news: RingNews | null;
}

export interface RingNews {
  /** Of the audit entry; the event is `auth.<action>`. */
  readonly action: "signing_key_rotated" | "signing_key_announced" | "signing_key_removed";
  readonly kid: string;
  readonly traits?: JsonObject;
}

interface Author {
  readonly name: string;
  readonly address: string;
}

const TRIES_MAX = 5;

/** The ring and its version in the vault. Loading the project makes the first one. */
export async function readRing(state: AuthState, tenant: TenantCtx) {
  await state.deps.project(tenant);
  const kept = await state.deps.vault.get(tenant, RING_PATH);
  if (!kept) throw new Error("the vault holds no signing keys");
  return { ring: JSON.parse(kept.value) as KeyRing, version: kept.version };
}

/**
 * Replaces the ring by what `decide` makes of it, with its audit entry and event in one transaction,
 * then tells every server. Decides again when another server was quicker. Null from `decide` = leave
 * it as it is.
 * @throws signing_keys_busy
 */
export async function changeRing(
  state: AuthState,
  tenant: TenantCtx,
  author: Author,
  decide: (ring: KeyRing) => Promise<RingChange | null>,
): Promise<KeyRing> {
  for (let attempt = 0; attempt < TRIES_MAX; attempt += 1) {
    const { ring, version } = await readRing(state, tenant);
    const change = await decide(ring);
    if (!change) return ring;
    if (await writeRing(state, tenant, author, change, version)) {
      await state.deps.projects.changed(tenant);
      return change.ring;
    }
  }
  throw keyErrors.signing_keys_busy();
}

async function writeRing(
  state: AuthState,
  tenant: TenantCtx,
  author: Author,
  change: RingChange,
  version: number,
): Promise<boolean> {
  const { vault } = state.deps;
  const text = JSON.stringify(change.ring);
  return inTransaction(state.sql(tenant), async (_store, tx) => {
    if ((await vault.replace(tenant, RING_PATH, text, version, tx)) === null) return false;
    if (change.news) {
      const { action, kid, traits } = change.news;
      const caller = { tenant, address: author.address };
      const by = { id: null, name: author.name };
      await record(state, tx, caller, by, action, kid, { kid, ...traits });
    }
    return true;
  });
}
