/** What stands on a table: constraints, indexes, statistics, replica identity, row security. */
import type { TransactionSql } from "postgres";
import { address, type DdlObject, ddlObject } from "./ddl-object.ts";
import { userSchema } from "./read-types.ts";

/** `alter table` or `alter foreign table`, and the name. */
interface OnTable {
  oid: number;
  table: string;
  word: string;
}

const WORD = `case c.relkind when 'f' then 'foreign table' else 'table' end`;

export async function readConstraints(tx: TransactionSql): Promise<DdlObject[]> {
  const rows = await tx<
    (OnTable & { name: string; sql: string; is_foreign_key: boolean; index: number })[]
  >`
    select k.oid::bigint::float8 as oid, format('%I.%I', n.nspname, c.relname) as table,
      ${tx.unsafe(WORD)} as word, format('%I', k.conname) as name,
      pg_catalog.pg_get_constraintdef(k.oid) as sql, k.contype = 'f' as is_foreign_key,
      case when k.contype in ('p', 'u', 'x') then k.conindid else 0 end::bigint::float8 as index
    from pg_catalog.pg_constraint k
    join pg_catalog.pg_class c on c.oid = k.conrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where k.contype in ('p', 'u', 'c', 'x', 'f') and k.conparentid = 0
      and (k.conislocal or k.coninhcount = 0) and ${userSchema(tx, "n")}`;
  return rows.map(({ oid, table, word, name, sql, is_foreign_key, index }) =>
    ddlObject({
      kind: is_foreign_key ? "foreign key" : "constraint",
      name: `${name} on ${table}`,
      title: `constraint ${name} on ${table}`,
      addresses: [
        address("pg_constraint", oid),
        ...(index === 0 ? [] : [address("pg_class", index)]),
      ],
      create: [`alter ${word} ${table} add constraint ${name} ${sql};`],
      drop: [`alter ${word} ${table} drop constraint ${name};`],
      dropsWith: [`table ${table}`],
      inline: is_foreign_key ? null : `constraint ${name} ${sql}`,
    }),
  );
}

/** Those of constraints and those that follow a partitioned table's come by themselves. */
export async function readIndexes(tx: TransactionSql): Promise<DdlObject[]> {
  const rows = await tx<{ oid: number; name: string; owner: string; sql: string }[]>`
    select i.oid::bigint::float8 as oid, format('%I.%I', n.nspname, i.relname) as name,
      case when c.relkind = 'm' then 'view ' else 'table ' end
        || format('%I.%I', cn.nspname, c.relname) as owner,
      case when i.relkind = 'I' then replace(pg_catalog.pg_get_indexdef(i.oid), ' ON ONLY ', ' ON ')
        else pg_catalog.pg_get_indexdef(i.oid) end as sql
    from pg_catalog.pg_index x
    join pg_catalog.pg_class i on i.oid = x.indexrelid
    join pg_catalog.pg_namespace n on n.oid = i.relnamespace
    join pg_catalog.pg_class c on c.oid = x.indrelid
    join pg_catalog.pg_namespace cn on cn.oid = c.relnamespace
    where ${userSchema(tx, "n")} and c.relkind in ('r', 'p', 'm')
      and not exists (select from pg_catalog.pg_inherits h where h.inhrelid = i.oid)
      and not exists (select from pg_catalog.pg_constraint k
        where k.conindid = i.oid and k.contype in ('p', 'u', 'x'))`;
  return rows.map(({ oid, name, owner, sql }) =>
    ddlObject({
      kind: "index",
      name,
      addresses: [address("pg_class", oid)],
      create: [`${sql};`],
      drop: [`drop index ${name};`],
      dropsWith: [owner],
    }),
  );
}

export async function readStatistics(tx: TransactionSql): Promise<DdlObject[]> {
  const rows = await tx<{ oid: number; name: string; table: string; sql: string }[]>`
    select s.oid::bigint::float8 as oid, format('%I.%I', n.nspname, s.stxname) as name,
      format('%I.%I', cn.nspname, c.relname) as table,
      pg_catalog.pg_get_statisticsobjdef(s.oid) as sql
    from pg_catalog.pg_statistic_ext s
    join pg_catalog.pg_namespace n on n.oid = s.stxnamespace
    join pg_catalog.pg_class c on c.oid = s.stxrelid
    join pg_catalog.pg_namespace cn on cn.oid = c.relnamespace
    where ${userSchema(tx, "n")}`;
  return rows.map(({ oid, name, table, sql }) =>
    ddlObject({
      kind: "statistics",
      name,
      addresses: [address("pg_statistic_ext", oid)],
      create: [`${sql};`],
      drop: [`drop statistics ${name};`],
      dropsWith: [`table ${table}`],
    }),
  );
}

interface SecurityRow {
  table: string;
  enabled: boolean;
  forced: boolean;
  replica_identity: string;
  identity_index: string | null;
  index_oid: number | null;
}

export async function readTableSettings(tx: TransactionSql): Promise<DdlObject[]> {
  const rows = await tx<SecurityRow[]>`
    select format('%I.%I', n.nspname, c.relname) as table, c.relrowsecurity as enabled,
      c.relforcerowsecurity as forced, c.relreplident as replica_identity,
      (select format('%I', i.relname) from pg_catalog.pg_index x
        join pg_catalog.pg_class i on i.oid = x.indexrelid
        where x.indrelid = c.oid and x.indisreplident) as identity_index,
      (select x.indexrelid::bigint::float8 from pg_catalog.pg_index x
        where x.indrelid = c.oid and x.indisreplident) as index_oid
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and ${userSchema(tx, "n")}`;
  return rows.flatMap((row) => [...rowSecurity(row), ...replicaIdentity(row)]);
}

function rowSecurity({ table, enabled, forced }: SecurityRow): DdlObject[] {
  const setting = (word: string, place: number) =>
    ddlObject({
      kind: "row security",
      name: `${word} on ${table}`,
      place,
      create: [`alter table ${table} ${word} row level security;`],
      drop: [
        `alter table ${table} ${word === "force" ? "no force" : "disable"} row level security;`,
      ],
      dropsWith: [`table ${table}`],
      standsOn: [`table ${table}`],
    });
  return [...(enabled ? [setting("enable", 0)] : []), ...(forced ? [setting("force", 1)] : [])];
}

const IDENTITY: Readonly<Record<string, string>> = { n: "nothing", f: "full" };

function replicaIdentity(row: SecurityRow): DdlObject[] {
  const { table, replica_identity: kind, identity_index: index, index_oid: oid } = row;
  if (kind === "d" || (kind === "i" && index === null)) return [];
  const what = kind === "i" ? `using index ${index}` : (IDENTITY[kind] ?? "default");
  const create = [`alter table ${table} replica identity ${what};`];
  return [
    ddlObject({
      kind: "replica identity",
      name: `of ${table}`,
      create,
      drop: [`alter table ${table} replica identity default;`],
      dropsWith: [`table ${table}`],
      standsOn: [`table ${table}`, ...(oid === null ? [] : [address("pg_class", oid)])],
      alter: () => ({ statements: create, rebuilds: false }),
    }),
  ];
}
