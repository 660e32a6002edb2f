/**
 * The request as the database sees it: local settings that policies, triggers and functions read
 * (docs.postgrest.org, "Transactions / Transaction-Scoped Settings"). Always in this order, because
 * the names in their order are part of a prepared statement.
 */
import type { RequestContext } from "../../core/context.ts";
import type { Incoming } from "./incoming.ts";
import type { Preferences } from "./parse/prefer.ts";
import type { DataRoom } from "./room.ts";
import type { Setting } from "./schema/schema.ts";

/** Headers whose values never reach a database of ours: they are credentials. */
const SECRET: ReadonlySet<string> = new Set([
  "authorization",
  "apikey",
  "cookie",
  "proxy-authorization",
]);
/** A database of somebody else's sees them, as PostgREST's users expect; cookies have their own setting. */
const NOT_A_HEADER: ReadonlySet<string> = new Set(["cookie"]);

const MOUNT = "/data/v1";

/** What the database is told of a request; what is judged in somebody's name is no request. */
export type Asking = Pick<Incoming, "principal" | "method" | "headers" | "schema"> & {
  readonly context: Pick<RequestContext, "path" | "tenant">;
};

/** @param observed `Schema.observed`, or all where a function is called */
export function requestSettings(
  room: DataRoom,
  incoming: Asking,
  { timezone }: Preferences,
  observed: ReadonlySet<string>,
): Setting[] {
  const { principal, headers, context } = incoming;
  const settings: Setting[] = [
    ["search_path", room.searchPaths.get(incoming.schema) ?? ""],
    ["request.jwt.claims", principal.claims],
  ];
  if (observed.has("request.method")) settings.push(["request.method", incoming.method]);
  if (observed.has("request.path")) {
    // As in PostgREST, which serves at the root.
    settings.push(["request.path", context.path.slice(MOUNT.length) || "/"]);
  }
  if (observed.has("request.headers")) {
    const hidden = room.isForeign ? NOT_A_HEADER : SECRET;
    settings.push(["request.headers", headersJson(headers, hidden)]);
  }
  // Also without any: a session would read what is left of an earlier request, which is no JSON.
  if (observed.has("request.cookies")) {
    settings.push(["request.cookies", cookiesJson(headers.get("cookie"))]);
  }
  // The `sub` of the claims once more, alone: `auth.uid()` looks here first, and policies call it for
  // every query. Reading it out of the claims' JSON costs 9 µs of PostgreSQL's time, this one.
  // Nobody's is empty: of a session's own value, which a function may have left, all would be that user.
  if (!room.isForeign) settings.push(["request.jwt.claim.sub", principal.userId ?? ""]);
  if (timezone !== null) settings.push(["timezone", timezone]);
  settings.push(...room.appSettings);
  return settings;
}

/** All at once: a call for each header takes more than twice as long. */
function headersJson(headers: Headers, hidden: ReadonlySet<string>): string {
  const visible: Record<string, string | string[]> = headers.toJSON();
  for (const name of hidden) delete visible[name];
  // A list, unlike any other: no request has several of what is an answer's.
  const cookies = visible["set-cookie"];
  if (cookies !== undefined) visible["set-cookie"] = String(cookies);
  return JSON.stringify(visible);
}

function cookiesJson(header: string | null): string {
  if (header === null) return "{}";
  const cookies: Record<string, string> = Object.create(null);
  for (const pair of header.split(";")) {
    const equals = pair.indexOf("=");
    if (equals > 0) cookies[pair.slice(0, equals).trim()] = pair.slice(equals + 1).trim();
  }
  return JSON.stringify(cookies);
}
