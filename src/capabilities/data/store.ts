/**
 * All SQL that this capability runs in its own name: reading the catalogue (`schema/*-store.ts`) and
 * listening for its changes. It runs as the owner, or as a plain login role that owns nothing. Users'
 * queries are compiled in `compile/` and run on the user pool.
 */
import type { Sql } from "postgres";
import type { CatalogRows } from "./schema/catalog-rows.ts";
import {
  readFunctions,
  readHasPostgis,
  readMediaHandlers,
  readRepresentations,
} from "./schema/functions-store.ts";
import { readComputed, readForeignKeys, readKeys, readViewRules } from "./schema/keys-store.ts";
import { readCode } from "./schema/observed-store.ts";
import { readRoles, readSchemaDescriptions, readTimezones } from "./schema/roles-store.ts";
import { readTables } from "./schema/tables-store.ts";

export interface CatalogScope {
  /** Exposed. */
  readonly schemas: readonly string[];
  /** Views in them may stand between an exposed view and its tables. */
  readonly extraSearchPath: readonly string[];
  /** Where changes are listened for; null: nowhere. */
  readonly channel: string | null;
  /** Login role of users' queries: what it may do bounds what is read of roles and casts. */
  readonly login: string;
  /** From an earlier reading, or null. */
  readonly timezones: readonly string[] | null;
}

/** Reads one consistent picture of the exposed schemas: all queries see one snapshot. */
export async function readCatalog(sql: Sql, scope: CatalogScope): Promise<CatalogRows> {
  const { schemas, login } = scope;
  return await sql.begin("isolation level repeatable read read only", async (tx) => {
    // Types and default expressions then come out fully qualified.
    await tx`select pg_catalog.set_config('search_path', '', true)`;
    return {
      tables: await readTables(tx, schemas),
      keys: await readKeys(tx),
      foreignKeys: await readForeignKeys(tx),
      viewRules: await readViewRules(tx, [...schemas, ...scope.extraSearchPath]),
      computed: await readComputed(tx, schemas),
      functions: await readFunctions(tx, schemas),
      representations: await readRepresentations(tx, login),
      mediaHandlers: await readMediaHandlers(tx, schemas),
      roles: await readRoles(tx, login),
      code: await readCode(tx, scope.channel),
      descriptions: await readSchemaDescriptions(tx, schemas),
      hasPostgis: await readHasPostgis(tx),
      timezones: scope.timezones ?? (await readTimezones(tx)),
    };
  });
}

/** Ends a LISTEN. */
export type Unlisten = () => Promise<void>;

/**
 * Follows the channel that `NOTIFY pgrst` and the event triggers write to. `onLive` is called each
 * time the subscription is (re)established: whatever was announced in between is lost.
 */
export async function listenForReload(
  sql: Sql,
  channel: string,
  onNotify: (payload: string) => void,
  onLive: () => void,
): Promise<Unlisten> {
  const subscription = await sql.listen(channel, onNotify, onLive);
  return () => subscription.unlisten();
}
