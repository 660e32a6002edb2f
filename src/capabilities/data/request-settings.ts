/**
 * The request as the database sees it: local settings that policies, triggers and functions read
 * (docs.postgrest.org, "Transactions / Transaction-Scoped Settings"). Always in this order, because
 * the names in their order are part of a prepared statement.
 */
import type { Incoming } from "./incoming.ts";
import type { Preferences } from "./parse/prefer.ts";
import type { DataRoom } from "./room.ts";

type Setting = readonly [name: string, value: string];

/** Headers whose values never reach the database: they are credentials. */
const SECRET: ReadonlySet<string> = new Set([
  "authorization",
  "apikey",
  "cookie",
  "proxy-authorization",
]);

export function requestSettings(
  room: DataRoom,
  incoming: Incoming,
  { timezone }: Preferences,
): Setting[] {
  const settings: Setting[] = [
    ["search_path", room.searchPaths.get(incoming.schema) ?? ""],
    ["request.jwt.claims", incoming.principal.claims],
    ["request.method", incoming.method],
    ["request.path", incoming.context.originalPath],
    ["request.headers", headersJson(incoming.headers)],
  ];
  const { userId } = incoming.principal;
  // The `sub` of the claims once more, alone: `auth.uid()` looks here first, and policies call it for
  // every query. Reading it out of the claims' JSON costs 9 µs of PostgreSQL's time, this one.
  if (userId !== null) settings.push(["request.jwt.claim.sub", userId]);
  const cookies = incoming.headers.get("cookie");
  if (cookies !== null) settings.push(["request.cookies", cookiesJson(cookies)]);
  if (timezone !== null) settings.push(["timezone", timezone]);
  return settings;
}

function headersJson(headers: Headers): string {
  const visible: Record<string, string> = {};
  headers.forEach((value, name) => {
    if (!SECRET.has(name)) visible[name] = value;
  });
  return JSON.stringify(visible);
}

function cookiesJson(header: string): string {
  const cookies: Record<string, string> = Object.create(null);
  for (const pair of header.split(";")) {
    const equals = pair.indexOf("=");
    if (equals > 0) cookies[pair.slice(0, equals).trim()] = pair.slice(equals + 1).trim();
  }
  return JSON.stringify(cookies);
}
