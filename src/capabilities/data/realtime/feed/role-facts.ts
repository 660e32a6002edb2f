/** Asks, as the caller, what the role may do with a table now. */
import type { Caller, JudgeQueries } from "./judge-queries.ts";
import type { RoleFacts } from "./table-facts.ts";

/** `$1` = oid of the table. */
const SQL = `
  select c.relrowsecurity, pg_catalog.row_security_active(c.oid),
    pg_catalog.has_table_privilege(c.oid, 'select'),
    exists (
      select from pg_catalog.pg_policy p
      where p.polrelid = c.oid and p.polpermissive and p.polcmd in ('r', '*')
        and (p.polroles @> '{0}'::pg_catalog.oid[] or exists (
          select from pg_catalog.unnest(p.polroles) as r(oid)
          where pg_catalog.pg_has_role(r.oid, 'USAGE')))
    ),
    (select pg_catalog.json_agg(a.attname order by a.attnum)
     from pg_catalog.pg_attribute a
     where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
       and pg_catalog.has_column_privilege(c.oid, a.attnum, 'select'))
  from pg_catalog.pg_class c where c.oid = $1::pg_catalog.oid`;

/** Asked for each batch of changes: what was taken away counts no more. @throws PgError */
export async function askRoleFacts(
  queries: JudgeQueries,
  caller: Caller,
  tableOid: number,
): Promise<RoleFacts> {
  const [row] = await queries.asCaller(caller, SQL, [String(tableOid)]);
  const [isGuarded, isJudged, selectsAll, readsSome, columns] = row ?? [];
  return {
    isGuarded: isGuarded === "t",
    isJudged: isJudged === "t",
    selectsAll: selectsAll === "t",
    readsSome: isJudged !== "t" || readsSome === "t",
    columns: new Set(columns ? (JSON.parse(columns) as string[]) : []),
  };
}
