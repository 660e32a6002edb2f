/**
 * `[data]` with everything decided: lists are lists, and what depends on `db_uri` has its value. With
 * a database of somebody else's the defaults are PostgREST's.
 */
import { StartupError } from "../../core/startup-error.ts";
import type { DataConfig } from "./config.ts";

type Decided =
  | "db_schemas"
  | "db_extra_search_path"
  | "db_anon_role"
  | "db_max_rows"
  | "db_hoisted_tx_settings"
  | "require_rls"
  | "server_cors_allowed_origins"
  | "log_level";

export interface EffectiveConfig extends Omit<DataConfig, Decided> {
  /** At least one. */
  readonly db_schemas: readonly string[];
  readonly db_extra_search_path: readonly string[];
  /** Null: requests without a credential are refused. */
  readonly db_anon_role: string | null;
  /** 0 = no bound. */
  readonly db_max_rows: number;
  readonly db_hoisted_tx_settings: readonly string[];
  readonly require_rls: boolean;
  /** Null: `server.cors` decides; empty: any. */
  readonly server_cors_allowed_origins: readonly string[] | null;
  /** Null: all requests are logged. */
  readonly log_level: NonNullable<DataConfig["log_level"]> | null;
}

/** Something in `[data]` that no schema shows, for the person who configured it. */
export class DataConfigFault extends StartupError {
  /** @param key of `[data]`. */
  constructor(key: string, message: string) {
    super({ code: "config_invalid", message: `data.${key}: ${message}`, exitCode: 2 });
  }
}

const OWN_MAX_ROWS = 1_000;
/** PostgREST refuses to serve them, too. */
const NEVER_SERVED = ["pg_catalog", "information_schema"];

/** @throws DataConfigFault */
export function decideConfig(config: DataConfig): EffectiveConfig {
  const isForeign = config.db_uri !== "";
  const schemas = listOf(config.db_schemas);
  checkSchemas(schemas);
  const role = config.db_anon_role ?? (isForeign ? "" : "anon");
  const origins = config.server_cors_allowed_origins;
  return {
    ...config,
    db_schemas: schemas,
    db_extra_search_path: listOf(
      config.db_extra_search_path ?? (isForeign ? ["public"] : ["public", "extensions"]),
    ),
    db_anon_role: role === "" ? null : role,
    db_max_rows: config.db_max_rows ?? (isForeign ? 0 : OWN_MAX_ROWS),
    db_hoisted_tx_settings: listOf(config.db_hoisted_tx_settings),
    require_rls: config.require_rls ?? !isForeign,
    server_cors_allowed_origins: origins === undefined ? null : listOf(origins),
    log_level: config.log_level ?? null,
  };
}

function listOf(value: string | readonly string[]): readonly string[] {
  const items = typeof value === "string" ? itemsOf(value) : value;
  return items.map((item) => item.trim()).filter((item) => item !== "");
}

/** JSON, as environment variables may have it, or texts with commas between them. */
function itemsOf(text: string): readonly string[] {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  } catch {
    // It is no JSON, then.
  }
  return text.split(",");
}

function checkSchemas(schemas: readonly string[]): void {
  if (schemas.length === 0) throw new DataConfigFault("db_schemas", "names no schema");
  const never = NEVER_SERVED.find((schema) => schemas.includes(schema));
  if (never !== undefined) {
    throw new DataConfigFault("db_schemas", `the schema '${never}' is never served`);
  }
}
