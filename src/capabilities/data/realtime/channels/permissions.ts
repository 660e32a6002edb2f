/**
 * What the row policies on `realtime.messages` allow somebody on a private channel. PostgreSQL
 * decides, as the caller's role and with the caller's claims; nothing is judged here.
 */
import type { Principal } from "../../../../core/ports/auth.ts";
import type { TenantDatabase } from "../../../../core/ports/database.ts";
import { PgError } from "../../../../postgres/wire/pg-error.ts";
import type { Setting } from "../../schema/schema.ts";
import type { Served } from "./room.ts";

export interface Permissions {
  readonly readBroadcast: boolean;
  readonly readPresence: boolean;
  readonly writeBroadcast: boolean;
  readonly writePresence: boolean;
  /** Broadcasts may be stored for replay. */
  readonly writePersistence: boolean;
  /** What a policy itself failed with, for the log: it allows nothing then. */
  readonly fault: string | null;
}

export const NOTHING_ALLOWED: Permissions = {
  readBroadcast: false,
  readPresence: false,
  writeBroadcast: false,
  writePresence: false,
  writePersistence: false,
  fault: null,
};

/** Of a channel that is not private. */
export const PUBLIC_PERMISSIONS: Permissions = {
  ...NOTHING_ALLOWED,
  readBroadcast: true,
  readPresence: true,
  writeBroadcast: true,
  writePresence: true,
};

export interface PermissionsOptions {
  readonly served: Served;
  /** Of the request that opened the socket, as JSON, without credentials. */
  readonly headers: string;
  readonly timeoutMs: number;
}

interface Answer {
  readonly read_broadcast?: true;
  readonly read_presence?: true;
  readonly write_broadcast?: true;
  readonly write_presence?: true;
  readonly write_persistence?: true;
  readonly fault?: string;
}

/** The role may not use the schema, its functions or its tables. */
const INSUFFICIENT_PRIVILEGE = "42501";

/** One transaction, which leaves nothing behind. @throws PgError, pool_saturated, database_unavailable */
export async function readPermissions(
  database: TenantDatabase,
  principal: Principal,
  subTopic: string,
  options: PermissionsOptions,
): Promise<Permissions> {
  const { role, claims, userId } = principal;
  const { served, timeoutMs } = options;
  const settings: Setting[] = [
    ["search_path", served.searchPath],
    ["request.jwt.claims", claims],
    ["request.headers", options.headers],
    ["realtime.topic", subTopic],
    // Empty, and not left out: see `request-settings.ts`.
    ["request.jwt.claim.sub", userId ?? ""],
    ...served.settings,
  ];
  try {
    const sql = "select realtime.permissions()::text";
    const result = await database.user.query({ role, settings, sql, params: [], timeoutMs });
    const text = new TextDecoder().decode(result.rows[0]?.[0] ?? undefined);
    return toPermissions(JSON.parse(text) as Answer);
  } catch (error) {
    if (error instanceof PgError && error.code === INSUFFICIENT_PRIVILEGE) return NOTHING_ALLOWED;
    throw error;
  }
}

function toPermissions(answer: Answer): Permissions {
  return {
    readBroadcast: answer.read_broadcast === true,
    readPresence: answer.read_presence === true,
    writeBroadcast: answer.write_broadcast === true,
    writePresence: answer.write_presence === true,
    writePersistence: answer.write_persistence === true,
    fault: answer.fault ?? null,
  };
}
