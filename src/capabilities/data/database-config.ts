/**
 * Parameters that the database itself holds (docs.postgrest.org, "In-Database Configuration"):
 * settings `pgrst.*` of the login role, those for this database before those for all, and what
 * `db_pre_config` sets. They win over the file and the environment.
 */
import { Value } from "@sinclair/typebox/value";
import { fromText } from "../../core/config/coerce.ts";
import { expectation } from "../../core/config/schema-fields.ts";
import type { UserPool } from "../../core/ports/database.ts";
import { quoteRoutine } from "./compile/quote-routine.ts";
import { type DataConfig, dataConfig } from "./config.ts";
import { DataConfigFault } from "./effective-config.ts";

/** What the database may say; the rest is the operator's. */
const NAMES = [
  "client_error_verbosity",
  "db_aggregates_enabled",
  "db_anon_role",
  "db_extra_search_path",
  "db_hoisted_tx_settings",
  "db_max_rows",
  "db_plan_enabled",
  "db_pre_config",
  "db_pre_request",
  "db_prepared_statements",
  "db_root_spec",
  "db_schemas",
  "db_timezone_enabled",
  "db_tx_end",
  "jwt_aud",
  "jwt_cache_max_entries",
  "jwt_role_claim_key",
  "jwt_secret",
  "jwt_secret_is_base64",
  "openapi_mode",
  "openapi_security_active",
  "openapi_server_proxy_uri",
  "server_cors_allowed_origins",
  "server_timing_enabled",
  "server_trace_header",
] as const satisfies readonly (keyof DataConfig)[];

const LIST = NAMES.map((name) => `'pgrst.${name}'`).join(",");

/** A session remembers the settings of its login; only what `db_pre_config` sets now counts. */
const FORGET = `select pg_catalog.set_config(name, '', true) from unnest(array[${LIST}]) as name`;

const READ = `
  with wanted as (select unnest(array[${LIST}]) as name),
  of_role as (
    select distinct on (1) split_part(u.setting, '=', 1) as name,
      substr(u.setting, strpos(u.setting, '=') + 1) as value
    from pg_catalog.pg_db_role_setting d
    cross join lateral unnest(d.setconfig) as u(setting)
    where d.setrole = (select oid from pg_catalog.pg_roles where rolname = session_user)
      and d.setdatabase in (0, (
        select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()))
    order by 1, d.setdatabase desc
  )
  select coalesce(json_object_agg(substr(found.name, 7), found.value), '{}')::text
  from (
    select name, coalesce(
      of_role.value, nullif(pg_catalog.current_setting(name, true), '')) as value
    from wanted left join of_role using (name)
  ) found
  where found.value is not null`;

/** What the database says, as text by name. Throws what `UserPool.query` throws. */
export async function readDatabaseConfig(
  pool: UserPool,
  preConfig: string,
): Promise<Readonly<Record<string, string>>> {
  const { rows } = await pool.query({
    // The login itself: no other role has settings that count here.
    role: "none",
    settings: [],
    before: preConfig === "" ? [FORGET] : [FORGET, `select ${quoteRoutine(preConfig)}()`],
    sql: READ,
    params: [],
    readOnly: true,
  });
  const text = new TextDecoder().decode(rows[0]?.[0] ?? undefined);
  return JSON.parse(text) as Record<string, string>;
}

/** The configuration with what the database says. @throws DataConfigFault */
export function withDatabaseConfig(
  config: DataConfig,
  found: Readonly<Record<string, string>>,
): DataConfig {
  const merged: Record<string, unknown> = { ...config };
  for (const name of NAMES) {
    const text = found[name];
    if (text === undefined) continue;
    const schema = dataConfig.properties[name];
    const value = fromText(text, schema);
    if (!Value.Check(schema, value)) {
      throw new DataConfigFault(name, `the database says what is not ${expectation(schema)}`);
    }
    merged[name] = value;
  }
  return merged as DataConfig;
}
