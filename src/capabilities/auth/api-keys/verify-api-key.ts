/**
 * Whom an API key proves. What the database said is kept for less than a second, so a revocation, a
 * ban, a removal or an expiry ends a key within that time on every server, told or not.
 */
import { timingSafeEqual } from "node:crypto";
import type { Sql } from "postgres";
import { coreErrors, ReactorError } from "../../../core/errors.ts";
import type { AskedAction, Principal } from "../../../core/ports/auth.ts";
import type { Clock } from "../../../core/ports/clock.ts";
import type { TenantCtx } from "../../../core/tenant.ts";
import type { ApiKeys } from "../../../shared/auth/create-local-auth.ts";
import { isAllowedRole } from "../../../shared/auth/verify-token.ts";
import { LruMap } from "../../../shared/lru-map.ts";
import { PerTenant } from "../../../shared/per-tenant.ts";
import { isBanned } from "../accounts/is-banned.ts";
import { FACTS_MAX } from "../orgs/org-claims.ts";
import { createOrgStore } from "../orgs/store.ts";
import { keyErrors } from "./errors.ts";
import { type ApprovalParts, findApproval } from "./find-approval.ts";
import { keyClaims } from "./key-claims.ts";
import type { KeyMeter } from "./key-meter.ts";
import { hashSecret, KEY_PREFIX, type KeyParts, parseKey } from "./key-text.ts";
import type { KeyUsage } from "./key-usage.ts";
import type { KeyWithOwner } from "./schema.ts";
import { createApiKeyStore } from "./store.ts";

export interface KeyVerifierOptions {
  readonly clock: Clock;
  sql(tenant: TenantCtx): Sql;
  readonly meter: KeyMeter;
  readonly usage: KeyUsage;
  readonly approvals: ApprovalParts;
}

interface Verified {
  readonly row: KeyWithOwner;
  readonly principal: Principal;
}

interface Kept {
  /** Monotonic milliseconds at which the database was asked. */
  readonly at: number;
  readonly verified: Promise<Verified>;
}

/** With one round trip to the database less than a second. */
const KEPT_MS = 800;
const KEPT_MAX = 10_000;

export function createKeyVerifier(options: KeyVerifierOptions): ApiKeys {
  const { clock, meter, usage } = options;
  const kept = new PerTenant(() => new LruMap<string, Kept>(KEPT_MAX));

  const lookUp = (tenant: TenantCtx, text: string): Promise<Verified> => {
    const parts = parseKey(text);
    if (!parts) throw keyErrors.key_unknown();
    const known = kept.of(tenant);
    const name = Buffer.from(hashSecret(text)).toString("base64");
    const found = known.get(name);
    if (found && clock.monotonic() < found.at + KEPT_MS) return found.verified;
    const verified = readKey(options, tenant, parts).catch(asOutage);
    known.set(name, { at: clock.monotonic(), verified });
    verified.catch((error: unknown) => {
      // That there is no such key is kept too; that the database was away is not.
      if (isOutage(error)) known.delete(name);
    });
    return verified;
  };

  return {
    prefix: KEY_PREFIX,
    async verify(tenant, text, { rechecks = false, action = null } = {}) {
      const approved =
        action && (await readApproved(options, tenant, text, action).catch(asOutage));
      const { row, principal } = approved ?? (await lookUp(tenant, text));
      if (clock.now() >= principal.expiresAt) throw keyErrors.key_expired();
      if (rechecks) return principal;
      await meter.take(tenant, row).catch(asOutage);
      // Last: whoever is refused keeps the approval.
      await approved?.use().catch(asOutage);
      usage.touch(tenant, row.id);
      return principal;
    },
  };
}

/** What the database did not answer is nobody's fault. */
function asOutage(error: unknown): never {
  throw error instanceof ReactorError ? error : coreErrors.unavailable("Authentication", error);
}

const isOutage = (error: unknown) => error instanceof ReactorError && error.status === 503;

interface Approved extends Verified {
  /** Uses the approval up. @throws approval_invalid */
  use(): Promise<void>;
}

/** For one request of a key that waits for approval; null = one that does not. */
async function readApproved(
  options: KeyVerifierOptions,
  tenant: TenantCtx,
  text: string,
  action: AskedAction,
): Promise<Approved | null> {
  const parts = parseKey(text);
  const row = parts && (await findRow(options, tenant, parts));
  if (row?.status !== "pending") return null;
  const now = options.clock.now();
  checkStanding(row, now);
  const sql = options.sql(tenant);
  const use = await findApproval(options.approvals, sql, tenant, row, action, new Date(now));
  const { principal } = await verified(options, tenant, row);
  return { row, principal: Object.freeze({ ...principal, keepMs: 0 }), use };
}

async function readKey(
  options: KeyVerifierOptions,
  tenant: TenantCtx,
  parts: KeyParts,
): Promise<Verified> {
  const row = await findRow(options, tenant, parts);
  if (row.status === "pending") throw keyErrors.key_pending();
  checkStanding(row, options.clock.now());
  return verified(options, tenant, row);
}

async function findRow(
  { sql }: KeyVerifierOptions,
  tenant: TenantCtx,
  { id, secret }: KeyParts,
): Promise<KeyWithOwner> {
  const rows = await createApiKeyStore(sql(tenant)).findWithOwner(id);
  const hash = hashSecret(secret);
  const row = rows.find((one) => timingSafeEqual(one.secret_hash, hash));
  if (!row) throw keyErrors.key_unknown();
  return row;
}

async function verified(
  { sql, meter }: KeyVerifierOptions,
  tenant: TenantCtx,
  row: KeyWithOwner,
): Promise<Verified> {
  // Not from what the directory keeps: the two times would add up.
  const facts =
    row.user_id === null ? [] : await createOrgStore(sql(tenant)).factsOf(row.user_id, FACTS_MAX);
  const claims = keyClaims(row, facts);
  const principal: Principal = Object.freeze({
    role: String(claims["role"]),
    userId: row.user_id,
    claims: JSON.stringify(claims),
    expiresAt: endOf(row),
    scopes: Object.freeze([...row.scopes]),
    keyId: row.id,
    // Elsewhere nobody counts for us: there each request of a metered key is asked about.
    keepMs: meter.isMetered(row) ? 0 : KEPT_MS,
  });
  return { row, principal };
}

/** But for its approval. @throws bad_credential */
function checkStanding(row: KeyWithOwner, now: number): void {
  if (row.status === "revoked") throw keyErrors.key_revoked();
  if (now >= endOf(row)) throw keyErrors.key_expired();
  if (row.user_id === null) return;
  const hasRole = isAllowedRole(row.owner_role);
  const owner = { banned_until: row.owner_banned_until };
  if (isBanned(owner, new Date(now)) || row.owner_deleted_at !== null || !hasRole)
    throw keyErrors.key_owner_gone();
}

function endOf({ expires_at: key, secret_expires_at: secret }: KeyWithOwner): number {
  return Math.min(key?.getTime() ?? Infinity, secret?.getTime() ?? Infinity);
}
