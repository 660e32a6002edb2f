/**
 * Who may learn what only the owner of a database should know: its whole schema, and why somebody
 * else was refused. The holder of a key whose role passes by row security (it reads every row
 * anyway), and in development whoever works on this machine.
 */
import type { RequestContext } from "../../core/context.ts";
import { isFromBrowser, isLocal, namesLoopback } from "../../core/local.ts";
import type { Principal } from "../../core/ports/auth.ts";
import type { DataRoom } from "./room.ts";
import type { Schema } from "./schema/schema.ts";

export function isPrivilegedRole(schema: Schema, { role }: Principal): boolean {
  return schema.roles.get(role)?.bypassRls === true;
}

/**
 * A developer's own request: on loopback, by a name that only this machine has, and not sent by a
 * page, which could be anybody's.
 */
export function isDeveloper(room: DataRoom, context: RequestContext, headers: Headers): boolean {
  return (
    room.development &&
    isLocal(context, headers) &&
    namesLoopback(headers) &&
    !isFromBrowser(headers)
  );
}
