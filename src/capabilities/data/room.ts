/**
 * What the operations of this capability work with: configuration in the form they need, the schema
 * cache and the pools. Made once in `index.ts`, handed to each operation.
 */
import type { ServerFacts } from "../../core/capability.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Databases } from "../../core/ports/database.ts";
import type { IdempotencyStore } from "../../core/ports/idempotency.ts";
import type { Logger } from "../../core/ports/log.ts";
import { quoteIdent } from "./compile/quote.ts";
import type { DataConfig } from "./config.ts";
import type { Limits } from "./parse/query-string.ts";
import { SchemaCache } from "./schema/schema-cache.ts";

export interface DataRoom {
  readonly config: DataConfig;
  readonly databases: Databases;
  readonly idempotency: IdempotencyStore;
  readonly cache: SchemaCache;
  readonly limits: Limits;
  /** Exposed schema to the search path of its requests; its keys are the exposed schemas. */
  readonly searchPaths: ReadonlyMap<string, string>;
  readonly defaultSchema: string;
  /** `reactor dev`. */
  readonly development: boolean;
}

export interface RoomDeps {
  readonly databases: Databases;
  readonly idempotency: IdempotencyStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly server: Pick<ServerFacts, "development">;
}

export function createRoom(config: DataConfig, deps: RoomDeps): DataRoom {
  const cache = new SchemaCache(deps, {
    schemas: config.db_schemas,
    extraSearchPath: config.db_extra_search_path,
    channel: config.db_channel,
    maxCachedShapes: config.max_cached_shapes,
  });
  const extra = config.db_extra_search_path;
  const searchPaths = new Map(
    config.db_schemas.map((schema) => {
      const path = [...new Set([schema, ...extra])];
      return [schema, path.map(quoteIdent).join(", ")];
    }),
  );
  return {
    config,
    databases: deps.databases,
    idempotency: deps.idempotency,
    cache,
    limits: {
      maxFilters: config.max_filters,
      maxListSize: config.max_in_list,
      maxRows: config.db_max_rows === 0 ? null : config.db_max_rows,
    },
    searchPaths,
    defaultSchema: config.db_schemas[0] ?? "public",
    development: deps.server.development,
  };
}
