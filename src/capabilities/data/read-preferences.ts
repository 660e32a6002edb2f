/** The preferences of a request, as far as configuration and database let them be honoured. */
import type { Incoming } from "./incoming.ts";
import { type Preferences, parsePrefer } from "./parse/prefer.ts";
import type { DataRoom } from "./room.ts";
import type { Schema } from "./schema/schema.ts";

const NO_TIMEZONES: ReadonlySet<string> = new Set();

export function readPreferences(room: DataRoom, incoming: Incoming, schema: Schema): Preferences {
  const { db_tx_end: end, db_timezone_enabled: hasTimezones } = room.config;
  const timezones = hasTimezones ? schema.timezones : NO_TIMEZONES;
  const rules = { timezones, allowsTx: end.endsWith("-allow-override") };
  return parsePrefer(incoming.headers.get("prefer"), rules);
}

/** Whether the transaction is rolled back after it succeeded. */
export function endsInRollback(room: DataRoom, preferences: Preferences): boolean {
  if (preferences.tx !== null) return preferences.tx === "rollback";
  return room.config.db_tx_end.startsWith("rollback");
}
