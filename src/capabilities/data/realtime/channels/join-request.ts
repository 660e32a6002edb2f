/** What a client asks for when it joins: the payload of `phx_join`, read leniently, bounded. Pure. */
import { isName, isObject } from "./wire.ts";

/** One entry of `config.postgres_changes`, as it came: the reply repeats it. */
export interface ChangeBinding {
  readonly event: string;
  readonly schema: string;
  /** null = every table of the schema. */
  readonly table: string | null;
  /** `column=operator.value`, several with commas; "" = none. */
  readonly filter: string;
  /** Columns to send; null = all that the role may see. */
  readonly select: readonly string[] | null;
  readonly sent: Readonly<Record<string, unknown>>;
}

export interface ReplayRequest {
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly limit: number;
}

export interface JoinRequest {
  readonly accessToken: string | null;
  readonly isPrivate: boolean;
  /** The sender hears its own broadcasts. */
  readonly self: boolean;
  /** Broadcasts are answered. */
  readonly ack: boolean;
  /** `"invalid"`: asked for, but not in a form that can be met. */
  readonly replay: ReplayRequest | "invalid" | null;
  readonly wantsReady: boolean;
  /** "" = one is made up. */
  readonly presenceKey: string;
  readonly presenceEnabled: boolean;
  readonly bindings: readonly ChangeBinding[];
  /** The reply waits at most so long for the subscription; null = it does not wait. */
  readonly waitMs: number | null;
}

const REPLAY_MAX = 25;
const REPLAY_DEFAULT = 10;
const BINDINGS_MAX = 100;
const TEXT_MAX = 4096;
const WAIT_MS_DEFAULT = 15_000;
const WAIT_MS_MAX = 20_000;

type Json = Readonly<Record<string, unknown>>;

/** The request, or a sentence about what is wrong with it. */
export function readJoin(payload: Json): JoinRequest | string {
  const config = objectIn(payload, "config");
  const broadcast = objectIn(config, "broadcast");
  const presence = objectIn(config, "presence");
  const bindings = readBindings(config["postgres_changes"]);
  if (typeof bindings === "string") return bindings;
  const key = presence["key"] ?? "";
  if (key !== "" && !isName(key)) return "config.presence.key is not a text of at most 255 bytes";
  const token = payload["access_token"] ?? payload["user_token"];
  return {
    accessToken: typeof token === "string" && token !== "" ? token : null,
    isPrivate: isTrue(config["private"]),
    self: isTrue(broadcast["self"]),
    ack: isTrue(broadcast["ack"]),
    replay: "replay" in broadcast ? readReplay(broadcast["replay"]) : null,
    wantsReady: isTrue(broadcast["replication_ready"]),
    presenceKey: key,
    // Clients older than the setting want presence.
    presenceEnabled: presence["enabled"] === undefined || isTrue(presence["enabled"]),
    bindings,
    waitMs: readWait(objectIn(config, "postgres_changes_options")),
  };
}

function objectIn(parent: Json, key: string): Json {
  const value = parent[key];
  return isObject(value) ? value : {};
}

function isTrue(value: unknown): boolean {
  return value === true || value === "true";
}

function readReplay(value: unknown): ReplayRequest | "invalid" | null {
  if (value === null || value === undefined) return null;
  if (!isObject(value)) return "invalid";
  const { since = 0, limit = REPLAY_DEFAULT } = value;
  if (!isTime(since) || typeof limit !== "number" || !Number.isInteger(limit)) return "invalid";
  return { since, limit: Math.max(1, Math.min(REPLAY_MAX, limit)) };
}

/** What PostgreSQL and `Date` both can say. */
function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 8.64e15;
}

function readWait(options: Json): number | null {
  if (!isTrue(options["wait"])) return null;
  const { timeout } = options;
  const isSaid = typeof timeout === "number" && Number.isFinite(timeout) && timeout > 0;
  return isSaid ? Math.min(timeout, WAIT_MS_MAX) : WAIT_MS_DEFAULT;
}

function readBindings(value: unknown): readonly ChangeBinding[] | string {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return "config.postgres_changes is not a list";
  if (value.length > BINDINGS_MAX) {
    return `config.postgres_changes has more than ${BINDINGS_MAX} entries`;
  }
  const bindings: ChangeBinding[] = [];
  for (const entry of value as unknown[]) {
    if (entry === null) continue;
    const binding = readBinding(entry);
    if (binding === null) return "an entry of config.postgres_changes is malformed";
    bindings.push(binding);
  }
  return bindings;
}

function readBinding(entry: unknown): ChangeBinding | null {
  if (!isObject(entry)) return null;
  const { event = "*", schema = "public", table, filter, select } = entry;
  if (!isText(event) || !isText(schema) || !isText(table ?? "*") || !isText(filter ?? "")) {
    return null;
  }
  if (select !== undefined && select !== null && !isTexts(select)) return null;
  return {
    event,
    schema,
    table: typeof table === "string" && table !== "*" && table !== "" ? table : null,
    filter: typeof filter === "string" ? filter : "",
    select: isTexts(select) && select.length > 0 ? select : null,
    sent: entry,
  };
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= TEXT_MAX;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= BINDINGS_MAX * 10 && value.every(isText);
}
