/** Roles that requests run as, and what else of the database belongs to no schema. */
import type { TransactionSql } from "postgres";
import type { RoleRow } from "./catalog-rows.ts";

/**
 * Roles that `login` may become, with their `alter role … set`: they hold for a login, not for
 * `set role`, so requests apply them themselves. A setting that `login` may not set is left out.
 *
 * @param login as `CatalogScope.login`.
 */
export async function readRoles(tx: TransactionSql, login: string): Promise<RoleRow[]> {
  return await tx<RoleRow[]>`
    with login as (${loginRole(tx, login)})
    select r.rolname as name, r.rolbypassrls or r.rolsuper as bypass_rls,
      coalesce(s.settings, '{}') as settings
    from pg_catalog.pg_roles r
    cross join login
    left join lateral (
      select array_agg(u.setting order by d.setdatabase, u.place) as settings
      from pg_catalog.pg_db_role_setting d
      cross join lateral unnest(d.setconfig) with ordinality as u(setting, place)
      where d.setrole = r.oid
        and d.setdatabase in (0, (
          select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()))
        and ${maySet(tx)}
    ) s on true
    where pg_catalog.pg_has_role(login.name, r.oid, 'member')
    order by r.rolname`;
}

/** Behind a pooler the name may be none of the server's; then the role that reads stands for it. */
export function loginRole(tx: TransactionSql, login: string) {
  return tx`
    select coalesce(
      (select rolname from pg_catalog.pg_roles where rolname = ${login}), current_user) as name`;
}

/** Settings of extensions and applications (with a dot) are anybody's. */
function maySet(tx: TransactionSql) {
  return tx`(
    coalesce((
      select p.context = 'user' from pg_catalog.pg_settings p
      where p.name = split_part(u.setting, '=', 1)), split_part(u.setting, '=', 1) like '%.%')
    or pg_catalog.has_parameter_privilege(login.name, split_part(u.setting, '=', 1), 'set'))`;
}

/** Reads the time zone files of the machine, which takes tens of milliseconds. */
export async function readTimezones(tx: TransactionSql): Promise<string[]> {
  const rows = await tx<{ name: string }[]>`select name from pg_catalog.pg_timezone_names`;
  return rows.map((row) => row.name);
}

export async function readSchemaDescriptions(
  tx: TransactionSql,
  schemas: readonly string[],
): Promise<[schema: string, description: string][]> {
  const rows = await tx<{ name: string; description: string }[]>`
    select nspname as name, pg_catalog.obj_description(oid, 'pg_namespace') as description
    from pg_catalog.pg_namespace
    where nspname = any(${schemas as string[]})
      and pg_catalog.obj_description(oid, 'pg_namespace') is not null`;
  return rows.map((row) => [row.name, row.description]);
}
