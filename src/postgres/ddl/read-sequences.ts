/** Sequences that stand for themselves; those of identity columns belong to their column. */
import type { TransactionSql } from "postgres";
import { address, type DdlObject, ddlObject } from "./ddl-object.ts";
import { userSchema } from "./read-types.ts";

interface SequenceRow {
  oid: number;
  name: string;
  options: string[];
  all_options: string[];
  /** The column that takes it along, and its table; empty without one. */
  owner: string;
  owner_table: string;
}

export async function readSequences(tx: TransactionSql): Promise<DdlObject[]> {
  const rows = await tx<SequenceRow[]>`
    select c.oid::bigint::float8 as oid, format('%I.%I', n.nspname, c.relname) as name,
      ${sequenceOptions(tx)} as options, ${allSequenceOptions(tx)} as all_options,
      concat_ws('.', quote_ident(tn.nspname), quote_ident(t.relname), quote_ident(a.attname)) as owner,
      concat_ws('.', quote_ident(tn.nspname), quote_ident(t.relname)) as owner_table
    from pg_catalog.pg_sequence s
    join pg_catalog.pg_class c on c.oid = s.seqrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    left join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_class'::regclass
      and d.objid = c.oid and d.refclassid = 'pg_catalog.pg_class'::regclass
      and d.refobjsubid > 0 and d.deptype in ('a', 'i')
    left join pg_catalog.pg_class t on t.oid = d.refobjid
    left join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace
    left join pg_catalog.pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid
    where d.deptype is distinct from 'i' and ${userSchema(tx, "n")}`;
  return rows.flatMap(sequenceObjects);
}

function sequenceObjects(row: SequenceRow): DdlObject[] {
  const { name, owner, owner_table: table } = row;
  const gone = owner === "" ? [] : [`table ${table}`, `column ${owner}`];
  const sequence = ddlObject({
    kind: "sequence",
    name,
    addresses: [address("pg_class", row.oid)],
    create: [`${["create sequence", name, ...row.options].join(" ")};`],
    drop: [`drop sequence ${name};`],
    dropsWith: gone,
    alter: () => ({
      statements: [`alter sequence ${name} ${row.all_options.join(" ")};`],
      rebuilds: false,
    }),
  });
  if (owner === "") return [sequence];
  const own = `alter sequence ${name} owned by ${owner};`;
  return [
    sequence,
    ddlObject({
      kind: "sequence owner",
      name,
      create: [own],
      drop: [`alter sequence ${name} owned by none;`],
      dropsWith: [sequence.key, ...gone],
      alter: () => ({ statements: [own], rebuilds: false }),
      standsOn: [sequence.key, `column ${owner}`],
    }),
  ];
}

/** Of `pg_sequence s`: what is not as it would be by itself. */
export function sequenceOptions(tx: TransactionSql) {
  return tx`array_remove(array[
    case when s.seqtypid <> 'pg_catalog.int8'::regtype then 'as ' || s.seqtypid::regtype end,
    case when s.seqincrement <> 1 then 'increment by ' || s.seqincrement end,
    case when s.seqmin <> ${lowest(tx)} then 'minvalue ' || s.seqmin end,
    case when s.seqmax <> ${highest(tx)} then 'maxvalue ' || s.seqmax end,
    case when s.seqstart <> case when s.seqincrement > 0 then s.seqmin else s.seqmax end
      then 'start with ' || s.seqstart end,
    case when s.seqcache <> 1 then 'cache ' || s.seqcache end,
    case when s.seqcycle then 'cycle' end
  ], null)`;
}

function allSequenceOptions(tx: TransactionSql) {
  return tx`array['as ' || s.seqtypid::regtype, 'increment by ' || s.seqincrement,
    'minvalue ' || s.seqmin, 'maxvalue ' || s.seqmax, 'start with ' || s.seqstart,
    'cache ' || s.seqcache, case when s.seqcycle then 'cycle' else 'no cycle' end]`;
}

function lowest(tx: TransactionSql) {
  return tx`case when s.seqincrement > 0 then 1 when s.seqtypid = 'pg_catalog.int2'::regtype then -32768
    when s.seqtypid = 'pg_catalog.int4'::regtype then -2147483648 else -9223372036854775808 end`;
}

function highest(tx: TransactionSql) {
  return tx`case when s.seqincrement < 0 then -1 when s.seqtypid = 'pg_catalog.int2'::regtype then 32767
    when s.seqtypid = 'pg_catalog.int4'::regtype then 2147483647 else 9223372036854775807 end`;
}
