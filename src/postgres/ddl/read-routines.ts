/** Functions, procedures, aggregates and casts. */
import type { TransactionSql } from "postgres";
import { address, type DdlObject, ddlObject } from "./ddl-object.ts";
import { userSchema } from "./read-types.ts";

interface RoutineRow {
  oid: number;
  name: string;
  kind: string;
  definition: string;
  result: string | null;
  arguments: string;
  defaults: number;
}

export async function readRoutines(tx: TransactionSql): Promise<DdlObject[]> {
  const rows = await tx<RoutineRow[]>`
    select p.oid::bigint::float8 as oid,
      format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes)) as name,
      p.prokind as kind, pg_catalog.pg_get_functiondef(p.oid) as definition,
      pg_catalog.pg_get_function_result(p.oid) as result,
      pg_catalog.pg_get_function_identity_arguments(p.oid) as arguments,
      p.pronargdefaults as defaults
    from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where p.prokind in ('f', 'p', 'w') and ${userSchema(tx, "n")}
      and ${madeByItself(tx, "pg_proc", "p.oid")}`;
  return rows.map((row) => {
    const word = row.kind === "p" ? "procedure" : "function";
    const create = [`${row.definition.trimEnd()};`];
    return ddlObject({
      kind: "function",
      name: row.name,
      title: `${word} ${row.name}`,
      addresses: [address("pg_proc", row.oid)],
      create,
      drop: [`drop ${word} ${row.name};`],
      facts: row,
      // `or replace` takes neither another result, nor other names, nor a default away.
      alter: (from) => {
        const old = from.facts as Partial<RoutineRow>;
        const isReplaceable =
          old.kind === row.kind &&
          old.result === row.result &&
          old.arguments === row.arguments &&
          (old.defaults ?? 0) <= row.defaults;
        return isReplaceable ? { statements: create, rebuilds: false } : null;
      },
    });
  });
}

/** Not along with something else, as the functions and the cast of a range type are. */
function madeByItself(tx: TransactionSql, catalog: string, oid: string) {
  return tx`not exists (select from pg_catalog.pg_depend d
    where d.classid = ${catalog}::regclass and d.objid = ${tx.unsafe(oid)} and d.deptype = 'i')`;
}

export async function readAggregates(tx: TransactionSql): Promise<DdlObject[]> {
  const rows = await tx<{ oid: number; name: string; signature: string; options: string[] }[]>`
    select p.oid::bigint::float8 as oid,
      format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)) as signature,
      format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes)) as name,
      array_remove(array[
        'sfunc = ' || a.aggtransfn,
        'stype = ' || pg_catalog.format_type(a.aggtranstype, null),
        case when a.aggtransspace <> 0 then 'sspace = ' || a.aggtransspace end,
        case when a.aggfinalfn <> 0 then 'finalfunc = ' || a.aggfinalfn end,
        case when a.aggfinalextra then 'finalfunc_extra' end,
        case when a.aggfinalfn <> 0 then 'finalfunc_modify = ' || ${modify(tx, "a.aggfinalmodify")} end,
        case when a.aggcombinefn <> 0 then 'combinefunc = ' || a.aggcombinefn end,
        case when a.aggserialfn <> 0 then 'serialfunc = ' || a.aggserialfn end,
        case when a.aggdeserialfn <> 0 then 'deserialfunc = ' || a.aggdeserialfn end,
        case when a.agginitval is not null then format('initcond = %L', a.agginitval) end,
        case when a.aggmtransfn <> 0 then 'msfunc = ' || a.aggmtransfn end,
        case when a.aggminvtransfn <> 0 then 'minvfunc = ' || a.aggminvtransfn end,
        case when a.aggmtranstype <> 0 then 'mstype = ' || pg_catalog.format_type(a.aggmtranstype, null) end,
        case when a.aggmtransspace <> 0 then 'msspace = ' || a.aggmtransspace end,
        case when a.aggmfinalfn <> 0 then 'mfinalfunc = ' || a.aggmfinalfn end,
        case when a.aggmfinalextra then 'mfinalfunc_extra' end,
        case when a.aggmfinalfn <> 0 then 'mfinalfunc_modify = ' || ${modify(tx, "a.aggmfinalmodify")} end,
        case when a.aggminitval is not null then format('minitcond = %L', a.aggminitval) end,
        (select format('sortop = operator(%I.%s)', sn.nspname, o.oprname) from pg_catalog.pg_operator o
          join pg_catalog.pg_namespace sn on sn.oid = o.oprnamespace where o.oid = a.aggsortop),
        case when a.aggkind = 'h' then 'hypothetical' end,
        case p.proparallel when 's' then 'parallel = safe' when 'r' then 'parallel = restricted' end
      ], null) as options
    from pg_catalog.pg_aggregate a
    join pg_catalog.pg_proc p on p.oid = a.aggfnoid
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where ${userSchema(tx, "n")}`;
  return rows.map(({ oid, name, signature, options }) =>
    ddlObject({
      kind: "function",
      name,
      title: `aggregate ${signature}`,
      addresses: [address("pg_proc", oid)],
      create: [`create aggregate ${signature} (\n  ${options.join(",\n  ")}\n);`],
      drop: [`drop aggregate ${signature};`],
    }),
  );
}

function modify(tx: TransactionSql, column: string) {
  return tx`case ${tx.unsafe(column)} when 'r' then 'read_only' when 's' then 'shareable'
    else 'read_write' end`;
}

/** Oids below are the system's own (FirstNormalObjectId). */
const FIRST_USER_OID = 16_384;

export async function readCasts(tx: TransactionSql): Promise<DdlObject[]> {
  const rows = await tx<{ oid: number; name: string; how: string; context: string }[]>`
    select c.oid::bigint::float8 as oid,
      format('(%s as %s)', pg_catalog.format_type(c.castsource, null),
        pg_catalog.format_type(c.casttarget, null)) as name,
      case c.castmethod
        when 'f' then format('with function %s', c.castfunc::regprocedure)
        when 'i' then 'with inout' else 'without function' end as how,
      case c.castcontext when 'a' then ' as assignment' when 'i' then ' as implicit' else '' end as context
    from pg_catalog.pg_cast c
    where c.oid >= ${FIRST_USER_OID} and ${madeByItself(tx, "pg_cast", "c.oid")}`;
  return rows.map(({ oid, name, how, context }) =>
    ddlObject({
      kind: "cast",
      name,
      addresses: [address("pg_cast", oid)],
      create: [`create cast ${name} ${how}${context};`],
      drop: [`drop cast ${name};`],
    }),
  );
}
