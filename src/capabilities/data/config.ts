/** `[data]` in reactor.toml: PostgREST's parameter names with underscores, and Reactor's own. */
import { type Static, Type } from "@sinclair/typebox";
import { channelSettings } from "./realtime/channels/settings.ts";

export const dataConfig = Type.Object(
  {
    db_schemas: Type.Array(Type.String({ minLength: 1, maxLength: 63 }), {
      default: ["public"],
      minItems: 1,
      description:
        "Schemas whose tables and functions are served. The first is used unless Accept-Profile or Content-Profile names another.",
    }),
    db_extra_search_path: Type.Array(Type.String({ minLength: 1, maxLength: 63 }), {
      default: ["public", "extensions"],
      description: "Schemas added to the search path of every request, after the served one.",
    }),
    db_anon_role: Type.String({
      default: "anon",
      minLength: 1,
      maxLength: 63,
      description:
        "Role of requests without a credential: what it may not do answers 401, not 403.",
    }),
    db_max_rows: Type.Integer({
      default: 1000,
      minimum: 0,
      description:
        "Rows at most per level of an answer; 0 = no bound. Also the threshold of count=estimated.",
    }),
    db_aggregates_enabled: Type.Boolean({
      default: false,
      description:
        "Allows aggregate functions in select: sum(), avg(), count(), max(), min(). They can cost a scan of the table.",
    }),
    db_plan_enabled: Type.Boolean({
      default: false,
      description:
        "Answer query plans to Accept: application/vnd.pgrst.plan. Not for production: plans tell of tables that the caller may not see.",
    }),
    db_tx_end: Type.Union(
      [
        Type.Literal("commit"),
        Type.Literal("commit-allow-override"),
        Type.Literal("rollback"),
        Type.Literal("rollback-allow-override"),
      ],
      {
        default: "commit",
        description:
          "How transactions end. With -allow-override a request may choose by Prefer: tx=commit or tx=rollback.",
      },
    ),
    db_channel: Type.String({
      default: "pgrst",
      minLength: 1,
      maxLength: 63,
      description: "NOTIFY channel on which 'reload schema' reloads the schema cache.",
    }),
    migrations_dir: Type.String({
      default: "migrations",
      minLength: 1,
      maxLength: 255,
      description: "Folder of the project's own migrations, relative to the project.",
    }),
    require_rls: Type.Boolean({
      default: true,
      description:
        "Refuse tables, views and foreign tables that no row policy guards, except to roles that bypass row level security. false = PostgREST's behaviour.",
    }),
    max_embed_depth: Type.Integer({
      default: 5,
      minimum: 0,
      maximum: 20,
      description: "Levels of embedded resources in one request.",
    }),
    anon_statement_timeout_ms: Type.Integer({
      default: 3000,
      minimum: 1,
      maximum: 3_600_000,
      description:
        "A query of a caller without an account is cancelled after this, milliseconds; those of others after database.statement_timeout_ms.",
    }),
    max_body_bytes: Type.Integer({
      default: 10 * 1024 * 1024,
      minimum: 1024,
      description: "Size of a request body, bytes.",
    }),
    max_url_bytes: Type.Integer({
      default: 32_768,
      minimum: 1024,
      description: "Length of a request's URL, bytes.",
    }),
    max_filters: Type.Integer({
      default: 100,
      minimum: 1,
      description: "Filter parameters in one request.",
    }),
    max_in_list: Type.Integer({
      default: 5_000,
      minimum: 1,
      description: "Values in one in.(…) list.",
    }),
    max_cached_shapes: Type.Integer({
      default: 2_000,
      minimum: 1,
      description: "Request shapes whose SQL is kept, per tenant.",
    }),
    ...channelSettings,
  },
  { additionalProperties: false },
);

export type DataConfig = Static<typeof dataConfig>;
