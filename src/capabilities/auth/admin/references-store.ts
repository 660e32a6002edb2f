/**
 * SQL over whatever refers to a person: every table with a foreign key on `auth.users (id)`, found in
 * the catalogue, so that tables of the app count without being told of.
 */
import type { Sql, TransactionSql } from "postgres";
import type { JsonObject } from "../schema.ts";

/** What PostgreSQL does with a row when its person goes. */
export type OnDelete = "cascade" | "set_null" | "set_default" | "restrict";

/** A column that holds people's ids. */
export interface Reference {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  readonly onDelete: OnDelete;
}

/** `schema.table`, for people and as a key; not for SQL. */
export const tableName = ({ schema, table }: Reference) => `${schema}.${table}`;

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
const target = ({ schema, table }: Reference) => `${quoted(schema)}.${quoted(table)}`;

export function createReferencesStore(sql: Sql | TransactionSql) {
  return {
    async list(): Promise<readonly Reference[]> {
      return sql<Reference[]>`
        select n.nspname as schema, c.relname as "table", a.attname as "column",
          case k.confdeltype when 'c' then 'cascade' when 'n' then 'set_null'
            when 'd' then 'set_default' else 'restrict' end as "onDelete"
        from pg_constraint k
        join pg_class c on c.oid = k.conrelid
        join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
        join pg_attribute u on u.attrelid = k.confrelid and u.attnum = k.confkey[1]
        where k.contype = 'f' and k.confrelid = 'auth.users'::regclass and k.conparentid = 0
          and cardinality(k.conkey) = 1 and u.attname = 'id'
        order by 1, 2, 3`;
    },
    async count(reference: Reference, userId: string): Promise<number> {
      const [row] = await sql.unsafe<{ total: number }[]>(
        `select count(*)::float8 as total from ${target(reference)}
         where ${quoted(reference.column)} = $1`,
        [userId],
      );
      return row?.total ?? 0;
    },
    async rows(reference: Reference, userId: string, limit: number): Promise<JsonObject[]> {
      const found = await sql.unsafe<{ row: JsonObject }[]>(
        `select to_jsonb(t) as row from ${target(reference)} t
         where t.${quoted(reference.column)} = $1 limit ${limit}`,
        [userId],
      );
      return found.map(({ row }) => row);
    },
    async deleteRows(reference: Reference, userId: string): Promise<void> {
      await sql.unsafe(`delete from ${target(reference)} where ${quoted(reference.column)} = $1`, [
        userId,
      ]);
    },
    /** @param to another person's id, or null. */
    async moveRows(reference: Reference, from: string, to: string | null): Promise<number> {
      const { count } = await sql.unsafe(
        `update ${target(reference)} set ${quoted(reference.column)} = $2
         where ${quoted(reference.column)} = $1`,
        [from, to],
      );
      return count;
    },
    /** Takes what says who somebody was out of what the log and the feed keep of them. */
    async forget(userId: string, names: readonly string[], tenant: string): Promise<void> {
      const without = (text: ReturnType<typeof sql>) =>
        names.reduce(
          (rest, name) => sql`replace(${rest}, ${JSON.stringify(name)}, '"erased"')`,
          text,
        );
      const isAuthor = sql`(payload ->> 'actor_id' = ${userId}
        or payload ->> 'actor_username' = any(${[...names]}))`;
      await sql`
        update auth.audit_log_entries
        set payload = (${without(sql`payload::text`)})::json,
            ip_address = case when ${isAuthor} then '' else ip_address end
        where ${isAuthor} or payload -> 'traits' ->> 'user_id' = ${userId}`;
      await sql`
        update reactor.events set data = (${without(sql`data::text`)})::jsonb
        where tenant = ${tenant} and type like 'auth.%'
          and (subject = ${userId} or data ->> 'user_id' = ${userId})`;
    },
  };
}
