/**
 * Idempotency in `reactor.idempotency`, by the database's clock. A claim is one upsert that succeeds
 * for the first request, or after an earlier claim or answer has lapsed; everyone else is told what
 * the standing row says.
 */
import { createHash } from "node:crypto";
import type { IdempotencyBegin, IdempotencyStore } from "../../core/ports/idempotency.ts";
import type { Ids } from "../../core/ports/ids.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import type { Sweeper, TenantDatabases } from "../tenant-database.ts";
import { CLAIM_MS, checkAnswer, checkIdempotencyKey } from "./idempotency-rules.ts";

interface ClaimRow {
  readonly fingerprint: string;
  readonly status: number | null;
  readonly headers: string | null;
  readonly body: Uint8Array | null;
}

/** A row can vanish between the upsert and the look at it; then it is free, and asked for again. */
const ATTEMPTS_MAX = 10;

export function createPostgresIdempotency(
  databases: TenantDatabases,
  ids: Ids,
): IdempotencyStore & Sweeper {
  return {
    async begin(tenant, scope, key, fingerprint, ttlMs, claimMs = CLAIM_MS) {
      checkIdempotencyKey(key);
      const id = rowId(tenant, scope, key);
      const token = ids.token(16);
      for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        if (await claim(databases, tenant, { id, fingerprint, token, ttlMs, claimMs })) {
          return { state: "new", token };
        }
        const standing = await look(databases, tenant, id, fingerprint);
        if (standing) return standing;
      }
      return { state: "busy" };
    },
    async complete(tenant, scope, key, token, answer) {
      checkAnswer(answer);
      await databases.for(tenant).system`
        update reactor.idempotency
        set status = ${answer.status}, headers = ${JSON.stringify(answer.headers)},
          body = ${answer.body}, expires_at = now() + ttl_ms * interval '1 millisecond'
        where id = ${rowId(tenant, scope, key)} and token = ${token} and status is null`;
    },
    async abandon(tenant, scope, key, token) {
      await databases.for(tenant).system`
        delete from reactor.idempotency
        where id = ${rowId(tenant, scope, key)} and token = ${token} and status is null`;
    },
    async sweep(tenant) {
      const rows = await databases.for(tenant).system`
        delete from reactor.idempotency where id in (
          select id from reactor.idempotency
          where tenant = ${tenant.id} and expires_at <= now() limit 10000 for update skip locked)`;
      return rows.count;
    },
  };
}

interface Claim {
  readonly id: Uint8Array;
  readonly fingerprint: string;
  readonly token: string;
  readonly ttlMs: number;
  readonly claimMs: number;
}

async function claim(
  databases: TenantDatabases,
  tenant: TenantCtx,
  { id, fingerprint, token, ttlMs, claimMs }: Claim,
): Promise<boolean> {
  const { count } = await databases.for(tenant).system`
    insert into reactor.idempotency as i (id, tenant, fingerprint, token, ttl_ms, expires_at)
    values (${id}, ${tenant.id}, ${fingerprint}, ${token}, ${Math.ceil(ttlMs)},
      now() + ${claimMs}::float8 * interval '1 millisecond')
    on conflict (id) do update set
      fingerprint = excluded.fingerprint, token = excluded.token, ttl_ms = excluded.ttl_ms,
      status = null, headers = null, body = null, expires_at = excluded.expires_at
    where i.expires_at <= now()`;
  return count === 1;
}

async function look(
  databases: TenantDatabases,
  tenant: TenantCtx,
  id: Uint8Array,
  fingerprint: string,
): Promise<IdempotencyBegin | null> {
  const [row] = await databases.for(tenant).system<ClaimRow[]>`
    select fingerprint, status, headers, body from reactor.idempotency
    where id = ${id} and expires_at > now()`;
  if (!row) return null;
  if (row.fingerprint !== fingerprint) return { state: "mismatch" };
  if (row.status === null || row.body === null) return { state: "busy" };
  const headers = JSON.parse(row.headers ?? "{}") as Record<string, string>;
  const body = new Uint8Array(row.body);
  return { state: "done", answer: { status: row.status, headers, body } };
}

function rowId(tenant: TenantCtx, scope: string, key: string): Uint8Array {
  return createHash("sha256")
    .update(JSON.stringify([tenant.id, scope, key]))
    .digest();
}
