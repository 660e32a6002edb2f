/** All SQL of the single actions that keys asked for. */
import type { Sql, TransactionSql } from "postgres";
import type { AskedAction } from "../../../core/ports/auth.ts";
import type { ActionRow, KeyOwner } from "./schema.ts";

export function createActionStore(sql: Sql | TransactionSql) {
  return {
    /** The open one for the same request, or a new one; null while the key has `max` open. */
    async ask(id: string, keyId: string, action: AskedAction, now: Date, until: Date, max: number) {
      const { digest, method, target, headers, body, bodyBytes } = action;
      await sql`delete from auth.api_key_actions where key_id = ${keyId} and expires_at <= ${now}`;
      const [row] = await sql<ActionRow[]>`
        insert into auth.api_key_actions
          (id, key_id, digest, method, target, headers, body, body_bytes, status, created_at, expires_at)
        select ${id}, ${keyId}, ${digest}, ${method}, ${target}, ${headers}, ${body}, ${bodyBytes},
          'pending', ${now}, ${until}
        where (select count(*) from auth.api_key_actions where key_id = ${keyId}) < ${max}
        on conflict (key_id, digest) where status = 'pending' do nothing returning *`;
      if (row) return row;
      const [open] = await sql<ActionRow[]>`
        select * from auth.api_key_actions
        where key_id = ${keyId} and digest = ${digest} and status = 'pending'`;
      return open ?? null;
    },
    async find(id: string) {
      const [row] = await sql<ActionRow[]>`select * from auth.api_key_actions where id = ${id}`;
      return row ?? null;
    },
    /** One that was approved, which it stays. True once: the approval is gone with it. */
    async use(id: string, now: Date) {
      const { count } = await sql`
        delete from auth.api_key_actions where id = ${id} and expires_at > ${now}`;
      return count > 0;
    },
    /** Those that wait, of all keys of an owner, oldest first; at most `limit`. */
    async waiting({ userId, orgId }: KeyOwner, now: Date, limit: number) {
      return sql<(ActionRow & { readonly key_name: string })[]>`
        select a.*, k.name as key_name from auth.api_key_actions a
        join auth.api_keys k on k.id = a.key_id
        where k.user_id is not distinct from ${userId} and k.org_id is not distinct from ${orgId}
          and a.status = 'pending' and a.expires_at > ${now} and k.status <> 'revoked'
        order by a.created_at, a.id limit ${limit}`;
    },
    /** False when it does not wait any more. */
    async decide(id: string, status: "approved" | "denied", until: Date, now: Date) {
      const { count } = await sql`
        update auth.api_key_actions set status = ${status}, expires_at = ${until}
        where id = ${id} and status = 'pending' and expires_at > ${now}`;
      return count > 0;
    },
    async purge(before: Date) {
      await sql`delete from auth.api_key_actions where expires_at <= ${before}`;
    },
  };
}
