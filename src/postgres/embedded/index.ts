/** What the server takes from this folder. */
export { startEmbeddedPostgres } from "./start-embedded-postgres.ts";
export type {
  EmbeddedPostgres,
  EmbeddedPostgresOptions,
  PostgresHealth,
  PostgresState,
} from "./types.ts";
