/**
 * What the operations of this capability work with for one tenant: configuration in the form they
 * need, the schema cache and the pools. Immutable; a change of the configuration makes another one
 * (`rooms.ts`), and requests hold on to the one they began with.
 */
import type { AuthClient, Principal } from "../../core/ports/auth.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Databases } from "../../core/ports/database.ts";
import type { IdempotencyStore } from "../../core/ports/idempotency.ts";
import type { Rng } from "../../core/ports/rng.ts";
import type { TokenVerifier } from "./auth/token-verifier.ts";
import type { CompiledRequest } from "./compile/compiled.ts";
import { quoteIdent } from "./compile/quote.ts";
import { quoteRoutine } from "./compile/quote-routine.ts";
import type { EffectiveConfig } from "./effective-config.ts";
import type { Limits } from "./parse/query-string.ts";
import type { Setting } from "./schema/schema.ts";
import type { LoadedSchema, SchemaCache, SchemaState } from "./schema/schema-cache.ts";
import { ShapeCache } from "./schema/shape-cache.ts";

export interface DataRoom {
  readonly config: EffectiveConfig;
  readonly databases: Databases;
  readonly idempotency: IdempotencyStore;
  readonly cache: SchemaCache;
  /** The schema with the SQL that this room has compiled against it. */
  stateOf(loaded: LoadedSchema): SchemaState;
  readonly limits: Limits;
  /** Exposed schema to the search path of its requests; its keys are the exposed schemas. */
  readonly searchPaths: ReadonlyMap<string, string>;
  readonly defaultSchema: string;
  /** `reactor dev`. */
  readonly development: boolean;
  /** The server's identity alone, whatever `jwt_secret` says. */
  authenticate: AuthClient["authenticate"];
  readonly clock: Clock;
  readonly rng: Rng;
  /** `db_uri`: a database of somebody else's, served as PostgREST does. */
  readonly isForeign: boolean;
  /** Who comes without a credential; null: nobody may. */
  readonly anonymous: Principal | null;
  /** Verifies bearer tokens by `jwt_secret`; null: there is none. */
  readonly tokens: TokenVerifier | null;
  /** Told of each request that waited for a connection in vain. */
  readonly poolTimedOut: () => void;
  /** Statements of every request between its settings and its query. */
  readonly before: readonly string[];
  /** Settings of functions that hold for the whole transaction. */
  readonly hoisted: ReadonlySet<string>;
  /** `app.settings.*`. */
  readonly appSettings: readonly Setting[];
}

export type RoomParts = Pick<
  DataRoom,
  | "databases"
  | "idempotency"
  | "cache"
  | "tokens"
  | "development"
  | "poolTimedOut"
  | "authenticate"
  | "clock"
  | "rng"
>;

export function createRoom(config: EffectiveConfig, parts: RoomParts): DataRoom {
  const [defaultSchema = "public"] = config.db_schemas;
  const { db_pre_request: preRequest, db_anon_role: anonRole } = config;
  return {
    ...parts,
    config,
    stateOf: createStates(config.max_cached_shapes),
    limits: {
      maxFilters: config.max_filters,
      maxListSize: config.max_in_list,
      maxRows: config.db_max_rows === 0 ? null : config.db_max_rows,
    },
    searchPaths: searchPathsOf(config),
    defaultSchema,
    isForeign: config.db_uri !== "",
    anonymous: anonRole === null ? null : anonymousAs(anonRole),
    before: preRequest === "" ? [] : [`select ${quoteRoutine(preRequest)}()`],
    hoisted: new Set(config.db_hoisted_tx_settings),
    appSettings: Object.entries(config.app_settings).map(([name, value]) => [
      `app.settings.${name}`,
      value,
    ]),
  };
}

/** SQL depends on both: another schema begins with none, and so does another configuration. */
function createStates(maxCachedShapes: number): DataRoom["stateOf"] {
  let current: { readonly of: LoadedSchema; readonly state: SchemaState } | null = null;
  return (loaded) => {
    if (current?.of === loaded) return current.state;
    const state = {
      schema: loaded.schema,
      shapes: new ShapeCache<CompiledRequest>(maxCachedShapes),
    };
    current = { of: loaded, state };
    return state;
  };
}

/** By exposed schema, in the order of the configuration. */
function searchPathsOf(config: EffectiveConfig): Map<string, string> {
  const extra = config.db_extra_search_path;
  return new Map(
    config.db_schemas.map((schema) => {
      const path = [...new Set([schema, ...extra])];
      return [schema, path.map(quoteIdent).join(", ")];
    }),
  );
}

function anonymousAs(role: string): Principal {
  const claims = JSON.stringify({ role });
  return Object.freeze({ role, userId: null, claims, expiresAt: Number.POSITIVE_INFINITY });
}
