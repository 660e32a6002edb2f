/** `[data]` in reactor.toml: PostgREST's parameter names with underscores, and Reactor's own. */
import { type Static, Type } from "@sinclair/typebox";
import { postgrestParameters, REFUSED_PARAMETERS } from "./postgrest-parameters.ts";
import { channelSettings } from "./realtime/channels/settings.ts";
import { feedSettings } from "./realtime/feed/settings.ts";

export const dataConfig = Type.Object(
  {
    ...postgrestParameters,
    migrations_dir: Type.String({
      default: "migrations",
      minLength: 1,
      maxLength: 255,
      description: "Folder of the project's own migrations, relative to the project.",
    }),
    seed_files: Type.Array(Type.String({ minLength: 1, maxLength: 255 }), {
      default: ["seed.sql"],
      description:
        "SQL files that `reactor db seed` and `db reset` run, relative to the project; patterns like seeds/*.sql.",
    }),
    require_rls: Type.Optional(
      Type.Boolean({
        description:
          "Refuse tables, views and foreign tables that no row policy guards, except to roles that bypass row level security. false = PostgREST's behaviour. Default true; with `db_uri` false.",
      }),
    ),
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
        "A query of a caller without an account is cancelled after this, milliseconds, unless the role or the function has a statement_timeout of its own; those of others after database.statement_timeout_ms. Not with `db_uri`.",
    }),
    max_body_bytes: Type.Integer({
      default: 10 * 1024 * 1024,
      minimum: 1024,
      description: "Size of a request body, bytes.",
    }),
    max_url_bytes: Type.Integer({
      default: 16_384,
      minimum: 1024,
      maximum: 16_384,
      description: "Length of a request's URL, bytes. No listener takes longer ones.",
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
    ...feedSettings,
    ...channelSettings,
  },
  { additionalProperties: false, refused: REFUSED_PARAMETERS },
);

export type DataConfig = Static<typeof dataConfig>;
