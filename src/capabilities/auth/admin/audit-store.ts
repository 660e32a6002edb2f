/** SQL of the audit log as it is read and trimmed. Entries are written by `AuthStore.audit`. */
import type { Sql, TransactionSql } from "postgres";
import type { JsonObject } from "../schema.ts";

/** Null = whatever. */
export interface AuditFilter {
  /** Part of who did it, in any case. */
  readonly author: string | null;
  /** Part of the action's name. */
  readonly actionPart: string | null;
  readonly type: string | null;
  /** The whole name. */
  readonly action: string | null;
  /** Who did it, or to whom it was done. */
  readonly userId: string | null;
  readonly address: string | null;
  readonly after: Date | null;
  readonly before: Date | null;
}

export interface AuditRow {
  readonly id: string;
  readonly payload: JsonObject;
  readonly created_at: Date;
  readonly ip_address: string;
}

export interface AuditPage {
  readonly entries: readonly AuditRow[];
  readonly total: number;
}

/** Newest first. */
export async function listAuditEntries(
  sql: Sql | TransactionSql,
  filter: AuditFilter,
  page: { readonly limit: number; readonly offset: number },
): Promise<AuditPage> {
  const where = conditions(sql, filter).reduce((all, one) => sql`${all} and ${one}`, sql`true`);
  const entries = await sql<AuditRow[]>`
    select id, payload, created_at, ip_address from auth.audit_log_entries where ${where}
    order by created_at desc, id desc limit ${page.limit} offset ${page.offset}`;
  const [count] = await sql<{ total: number }[]>`
    select count(*)::float8 as total from auth.audit_log_entries where ${where}`;
  return { entries: [...entries], total: count?.total ?? 0 };
}

/**
 * Removes what is older, at most `limit`; the count. By the database's clock too: a server whose own
 * has run ahead removes nothing that is young.
 * @param before start of a day, UTC
 * @param keepDays what `before` was reckoned with
 */
export async function trimAuditEntries(
  sql: Sql,
  before: Date,
  keepDays: number,
  limit: number,
): Promise<number> {
  const { count } = await sql`
    delete from auth.audit_log_entries where id in (
      select id from auth.audit_log_entries
      where created_at < least(${before}::timestamptz, now() - make_interval(days => ${keepDays}))
      order by created_at limit ${limit})`;
  return count;
}

function conditions(sql: Sql | TransactionSql, filter: AuditFilter) {
  const holds = (name: string, text: string) =>
    sql`position(lower(${text}) in lower(coalesce(payload ->> ${name}, ''))) > 0`;
  const { author, actionPart, type, action, userId } = filter;
  return [
    ...(author === null
      ? []
      : [sql`(${holds("actor_username", author)} or ${holds("actor_name", author)})`]),
    ...(actionPart === null ? [] : [holds("action", actionPart)]),
    ...(type === null ? [] : [holds("log_type", type)]),
    ...(action === null ? [] : [sql`payload ->> 'action' = ${action}`]),
    ...(userId === null
      ? []
      : [
          sql`(payload ->> 'actor_id' = ${userId} or payload -> 'traits' ->> 'user_id' = ${userId})`,
        ]),
    ...(filter.address === null ? [] : [sql`ip_address = ${filter.address}`]),
    ...(filter.after === null ? [] : [sql`created_at >= ${filter.after}`]),
    ...(filter.before === null ? [] : [sql`created_at < ${filter.before}`]),
  ];
}
