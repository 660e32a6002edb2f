/** Whether somebody may be told why: a developer on this machine, or who holds the secret key. */
import type { RequestContext } from "../../../core/context.ts";
import { ReactorError } from "../../../core/errors.ts";
import type { Principal } from "../../../core/ports/auth.ts";
import { callerOf } from "../auth/caller.ts";
import { isDeveloper, isPrivilegedRole } from "../privileged.ts";
import type { DataRoom } from "../room.ts";

/** `explain=access` among the preferences. */
const ASKED = /(?:^|,)\s*explain\s*=\s*access\s*(?:,|$)/i;

export function asksForAccess(headers: Headers): boolean {
  const prefer = headers.get("prefer");
  return prefer?.includes("explain") === true && ASKED.test(prefer);
}

/** The other preferences; null when there is none. */
export function withoutAccess(prefer: string): string | null {
  const rest = prefer.split(",").filter((token) => !ASKED.test(token));
  return rest.length === 0 ? null : rest.join(",");
}

/**
 * The secret key comes as `apikey` beside somebody else's token, whose request is explained; or it is
 * the caller's own credential. A key that is no good explains nothing.
 */
export async function mayExplain(
  room: DataRoom,
  headers: Headers,
  context: RequestContext,
): Promise<boolean> {
  if (isDeveloper(room, context, headers)) return true;
  const { schema } = await room.cache.get(context.tenant);
  const apikey = headers.get("apikey");
  const proven: (Principal | null)[] = [
    await provenOrNull(() => callerOf(room, headers, context)),
    apikey === null ? null : await provenOrNull(() => holderOf(room, context, apikey)),
  ];
  return proven.some((principal) => principal !== null && isPrivilegedRole(schema, principal));
}

function holderOf(
  room: DataRoom,
  context: RequestContext,
  apikey: string,
): Principal | Promise<Principal> {
  // Where tokens are verified by `jwt_secret`, one may stand in the place of the key.
  if (room.tokens && apikey.includes(".")) return room.tokens.verify(apikey);
  return room.authenticate(context.tenant, { bearer: null, apikey });
}

async function provenOrNull(
  prove: () => Principal | Promise<Principal>,
): Promise<Principal | null> {
  try {
    return await prove();
  } catch (error) {
    // The request itself tells that its credential is bad.
    if (error instanceof ReactorError) return null;
    throw error;
  }
}
