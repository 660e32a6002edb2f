/** Views, rules, triggers and policies. */
import type { TransactionSql } from "postgres";
import { address, type DdlObject, ddlObject } from "./ddl-object.ts";
import { option } from "./read-tables.ts";
import { userSchema } from "./read-types.ts";

interface ViewRow {
  oid: number;
  row_type: number;
  array_type: number;
  rule: number;
  name: string;
  materialized: boolean;
  options: string[];
  sql: string;
  columns: string[];
}

export async function readViews(tx: TransactionSql): Promise<DdlObject[]> {
  const rows = await tx<ViewRow[]>`
    select c.oid::bigint::float8 as oid, c.reltype::bigint::float8 as row_type,
      y.typarray::bigint::float8 as array_type, r.oid::bigint::float8 as rule,
      format('%I.%I', n.nspname, c.relname) as name, c.relkind = 'm' as materialized,
      coalesce(c.reloptions, '{}') as options,
      rtrim(pg_catalog.pg_get_viewdef(c.oid), '; ') as sql,
      array(select format('%I %s', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod))
        from pg_catalog.pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 order by a.attnum) as columns
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_type y on y.oid = c.reltype
    join pg_catalog.pg_rewrite r on r.ev_class = c.oid and r.rulename = '_RETURN'
    where c.relkind in ('v', 'm') and ${userSchema(tx, "n")}`;
  return rows.map(viewObject);
}

function viewObject(row: ViewRow): DdlObject {
  const { name, materialized, columns } = row;
  const word = materialized ? "materialized view" : "view";
  const options = row.options.length === 0 ? "" : ` with (${row.options.map(option).join(", ")})`;
  const text = (create: string) => `${create} ${word} ${name}${options} as\n${row.sql.trimEnd()};`;
  return ddlObject({
    kind: "view",
    name,
    title: `${word} ${name}`,
    addresses: [
      address("pg_class", row.oid),
      address("pg_type", row.row_type),
      address("pg_type", row.array_type),
      address("pg_rewrite", row.rule),
    ],
    create: [text("create")],
    drop: [`drop ${word} ${name};`],
    facts: { materialized, columns, options },
    // `or replace` may only add columns at the end, and does not take options away.
    alter: (from) => {
      const old = from.facts as { materialized: boolean; columns: string[]; options: string };
      const isReplaceable =
        !materialized &&
        !old.materialized &&
        (old.options === "" || old.options === options) &&
        old.columns.every((column, i) => column === columns[i]);
      return isReplaceable ? { statements: [text("create or replace")], rebuilds: false } : null;
    },
  });
}

interface OnRelation {
  oid: number;
  name: string;
  relation: string;
  is_view: boolean;
  sql: string;
  /** O origin, D disabled, R replica, A always. */
  enabled: string;
}

/** Of triggers and rules that are not as they were made. */
export const STATES: Readonly<Record<string, string>> = {
  D: "disable",
  R: "enable replica",
  A: "enable always",
};

function onRelation(kind: "rule" | "trigger", catalog: string, row: OnRelation): DdlObject {
  const { name, relation, enabled } = row;
  const state = STATES[enabled];
  const switched = state === undefined ? [] : [`alter table ${relation} ${state} ${kind} ${name};`];
  return ddlObject({
    kind,
    name: `${name} on ${relation}`,
    addresses: [address(catalog, row.oid)],
    create: [`${row.sql.replace(/;?\s*$/, "")};`, ...switched],
    drop: [`drop ${kind} ${name} on ${relation};`],
    dropsWith: [`${row.is_view ? "view" : "table"} ${relation}`],
  });
}

export async function readRules(tx: TransactionSql): Promise<DdlObject[]> {
  const rows = await tx<OnRelation[]>`
    select r.oid::bigint::float8 as oid, format('%I', r.rulename) as name,
      format('%I.%I', n.nspname, c.relname) as relation, c.relkind = 'v' as is_view,
      pg_catalog.pg_get_ruledef(r.oid) as sql, r.ev_enabled as enabled
    from pg_catalog.pg_rewrite r
    join pg_catalog.pg_class c on c.oid = r.ev_class
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where r.rulename <> '_RETURN' and ${userSchema(tx, "n")}`;
  return rows.map((row) => onRelation("rule", "pg_rewrite", row));
}

/** Those of the server itself call functions of its own schema. */
export async function readTriggers(tx: TransactionSql): Promise<DdlObject[]> {
  const rows = await tx<OnRelation[]>`
    select t.oid::bigint::float8 as oid, format('%I', t.tgname) as name,
      format('%I.%I', n.nspname, c.relname) as relation, c.relkind = 'v' as is_view,
      pg_catalog.pg_get_triggerdef(t.oid) as sql, t.tgenabled as enabled
    from pg_catalog.pg_trigger t
    join pg_catalog.pg_class c on c.oid = t.tgrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_proc p on p.oid = t.tgfoid
    join pg_catalog.pg_namespace pn on pn.oid = p.pronamespace
    where not t.tgisinternal and t.tgparentid = 0 and pn.nspname <> 'reactor'
      and ${userSchema(tx, "n")}`;
  return rows.map((row) => onRelation("trigger", "pg_trigger", row));
}

const COMMANDS: Readonly<Record<string, string>> = {
  "*": "all",
  r: "select",
  a: "insert",
  w: "update",
  d: "delete",
};

interface PolicyRow {
  oid: number;
  name: string;
  table: string;
  permissive: boolean;
  command: string;
  roles: string[];
  using: string | null;
  check: string | null;
}

export async function readPolicies(tx: TransactionSql): Promise<DdlObject[]> {
  const rows = await tx<PolicyRow[]>`
    select p.oid::bigint::float8 as oid, format('%I', p.polname) as name,
      format('%I.%I', n.nspname, c.relname) as table, p.polpermissive as permissive,
      p.polcmd as command,
      array(select case when r = 0 then 'public' else format('%I', pg_catalog.pg_get_userbyid(r)) end
        from unnest(p.polroles) r order by 1) as roles,
      pg_catalog.pg_get_expr(p.polqual, p.polrelid) as using,
      pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) as check
    from pg_catalog.pg_policy p
    join pg_catalog.pg_class c on c.oid = p.polrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where ${userSchema(tx, "n")}`;
  return rows.map(({ oid, name, table, permissive, command, roles, using, check }) => {
    const parts = [
      `create policy ${name} on ${table}${permissive ? "" : " as restrictive"}`,
      `for ${COMMANDS[command] ?? "all"} to ${roles.join(", ")}`,
      ...(using === null ? [] : [`using (${using})`]),
      ...(check === null ? [] : [`with check (${check})`]),
    ];
    return ddlObject({
      kind: "policy",
      name: `${name} on ${table}`,
      addresses: [address("pg_policy", oid)],
      create: [`${parts.join("\n  ")};`],
      drop: [`drop policy ${name} on ${table};`],
      dropsWith: [`table ${table}`],
    });
  });
}
