/**
 * PostgREST's own parameters with underscores (docs.postgrest.org, "Configuration"), as far as they
 * do something here, and what to say of those that do not. Where the documentation's default differs
 * from ours, the parameter has none in the schema and `effective-config.ts` decides.
 */
import { Type } from "@sinclair/typebox";

const name = Type.String({ minLength: 1, maxLength: 63 });

/** A list, or one text with commas, as PostgREST has it. */
const names = (description: string, fallback?: readonly string[], item = name) =>
  Type.Union([Type.Array(item), Type.String({ maxLength: 4096 })], {
    description,
    ...(fallback === undefined ? {} : { default: fallback }),
  });
const text = (description: string, fallback = "") =>
  Type.String({ default: fallback, maxLength: 4096, description });
const flag = (fallback: boolean, description: string) =>
  Type.Boolean({ default: fallback, description });
const oneOf = <T extends string>(options: readonly T[], description: string, fallback?: T) =>
  Type.Unsafe<T>(
    Type.Union(
      options.map((option) => Type.Literal(option)),
      { description, ...(fallback === undefined ? {} : { default: fallback }) },
    ),
  );
/** A function's name, perhaps with its schema: `schema.name`. */
const routine = (description: string) => Type.String({ default: "", maxLength: 128, description });

export const TX_ENDS = [
  "commit",
  "commit-allow-override",
  "rollback",
  "rollback-allow-override",
] as const;

const ofTheDatabase = {
  db_uri: Type.String({
    default: "",
    maxLength: 4096,
    secret: true,
    description:
      "Serves this database as PostgREST does, through the login it names and nothing else: no owner, no schema of Reactor's, no migrations. For `reactor serve --only data`. A libpq URL, `key=value` pairs, or `@file`.",
  }),
  db_schemas: names(
    "Schemas whose tables and functions are served. The first is used unless Accept-Profile or Content-Profile names another.",
    ["public"],
  ),
  db_extra_search_path: Type.Optional(
    names(
      "Schemas added to the search path of every request, after the served one. Default `public, extensions`; with `db_uri` only `public`.",
    ),
  ),
  db_anon_role: Type.Optional(
    Type.String({
      maxLength: 63,
      description:
        "Role of requests without a credential: what it may not do answers 401, not 403. Empty: such requests are refused. Default `anon`; with `db_uri` none.",
    }),
  ),
  db_max_rows: Type.Optional(
    Type.Integer({
      minimum: 0,
      description:
        "Rows at most per level of an answer; 0 = no bound. Also the threshold of count=estimated. Default 1000; with `db_uri` 0.",
    }),
  ),
  db_channel: Type.String({
    default: "pgrst",
    minLength: 1,
    maxLength: 63,
    description:
      "NOTIFY channel on which 'reload schema' reloads the schema cache and 'reload config' the configuration.",
  }),
  db_channel_enabled: flag(
    true,
    "Listens on `db_channel`. False where LISTEN cannot work, as on a read replica.",
  ),
  db_config: flag(
    true,
    "Reads parameters from the database, too: settings `pgrst.*` of the login role, and what `db_pre_config` sets. They win over the file and the environment.",
  ),
  db_pre_config: routine("Function that sets parameters with set_config('pgrst.…', …, true)."),
  db_pre_request: routine(
    "Function called in every request's transaction after its settings and before its query.",
  ),
  db_root_spec: routine("Function that answers at the root instead of the OpenAPI description."),
  db_tx_end: oneOf(
    TX_ENDS,
    "How transactions end, and whether `Prefer: tx=` may choose otherwise.",
    "commit",
  ),
  db_hoisted_tx_settings: names(
    "Settings of a function (`create function … set`) that hold for the whole transaction of its call.",
    ["statement_timeout", "plan_filter.statement_cost_limit", "default_transaction_isolation"],
  ),
  db_timezone_enabled: flag(true, "Honours `Prefer: timezone=`."),
  db_aggregates_enabled: flag(false, "Allows aggregate functions in `select`."),
  db_plan_enabled: flag(
    false,
    "Answers execution plans to `Accept: application/vnd.pgrst.plan`. They tell of the inside of the database.",
  ),
  db_prepared_statements: flag(
    true,
    "Uses named prepared statements; false behind a pooler in transaction mode. `database.prepared` decides as well.",
  ),
  app_settings: Type.Record(
    Type.String({ pattern: "^[A-Za-z_][A-Za-z0-9_]*(\\.[A-Za-z_][A-Za-z0-9_]*)*$" }),
    Type.String({ maxLength: 65_536 }),
    {
      default: {},
      additionalProperties: false,
      secret: true,
      description: "Settings of every request that SQL reads as current_setting('app.settings.…').",
    },
  ),
};

const ofTokens = {
  jwt_secret: Type.String({
    default: "",
    maxLength: 65_536,
    secret: true,
    vault: true,
    description:
      "What tokens are verified by: a text of at least 32 characters (HS256), a JSON Web Key, a set of them, `@file`, or `vault:path`. Empty: the server's own identity; with `db_uri` tokens are then refused.",
  }),
  jwt_secret_is_base64: flag(false, "`jwt_secret` is base64 of the actual secret."),
  jwt_aud: text("Audience a token must name, if it names any."),
  jwt_role_claim_key: text("Path to the role in a token's claims.", ".role"),
  jwt_cache_max_entries: Type.Integer({
    default: 1_000,
    minimum: 0,
    maximum: 1_000_000,
    description: "Verified tokens that are remembered, until they expire at most; 0 = none.",
  }),
};

const ofAnswers = {
  openapi_mode: oneOf(
    ["follow-privileges", "ignore-privileges", "disabled"],
    "What the OpenAPI description at the root shows.",
    "follow-privileges",
  ),
  openapi_security_active: flag(false, "The OpenAPI description tells of `Authorization`."),
  openapi_server_proxy_uri: Type.String({
    default: "",
    pattern: "^(https?://[^/?#\\s@]+(/[^?#\\s]*)?)?$",
    description: "Base URL in the OpenAPI description. Empty: as the client reached the server.",
  }),
  server_cors_allowed_origins: Type.Optional(
    names(
      "Origins that may call `/data/v1` from a browser, with credentials. Empty: any. Absent: as `server.cors` says.",
      undefined,
      Type.String({ minLength: 1, maxLength: 255 }),
    ),
  ),
  server_timing_enabled: flag(false, "Answers carry `Server-Timing`."),
  server_trace_header: Type.String({
    default: "",
    pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]*$",
    maxLength: 128,
    description: "Header of requests that is repeated in their answers.",
  }),
  client_error_verbosity: oneOf(
    ["verbose", "minimal"],
    "`minimal`: errors have no details and no hint.",
    "verbose",
  ),
  log_level: Type.Optional(
    oneOf(
      ["crit", "error", "warn", "info", "debug"],
      "Requests under `/data/v1` that are logged: none, 5xx, 4xx and 5xx, all. Absent: all. `log.level` decides as well.",
    ),
  ),
  log_query: flag(false, "Logs the SQL of the requests that `log_level` lets through."),
};

export const postgrestParameters = { ...ofTheDatabase, ...ofTokens, ...ofAnswers };

/** Parameters of PostgREST that have no meaning here, with the sentence that says what has. */
export const REFUSED_PARAMETERS: Readonly<Record<string, string>> = {
  admin_server_host: "/health and /metrics are at the server's own address, server.host",
  admin_server_port: "/health and /metrics are at the server's own address, server.port",
  db_pool: "database.pool_size is the number of connections",
  db_pool_acquisition_timeout: "database.acquire_timeout_ms says how long a query waits for one",
  db_pool_max_idletime: "connections are few and shared; database.pool_size bounds them",
  db_pool_max_lifetime: "connections are few and shared; database.pool_size bounds them",
  db_pool_timeout: "connections are few and shared; database.pool_size bounds them",
  db_pool_automatic_recovery: "lost connections are always opened again",
  jwt_cache_max_lifetime: "jwt_cache_max_entries bounds the cache, and no token outlives its exp",
  server_host: "server.host is the address",
  server_port: "server.port is the port",
  server_unix_socket: "the server listens on server.host and server.port",
  server_unix_socket_mode: "the server listens on server.host and server.port",
  server_otel_enabled: "/metrics and Server-Timing tell how long requests take",
  db_schema: "it is db_schemas",
  max_rows: "it is db_max_rows",
  pre_request: "it is db_pre_request",
  root_spec: "it is db_root_spec",
  role_claim_key: "it is jwt_role_claim_key",
  secret_is_base64: "it is jwt_secret_is_base64",
};
