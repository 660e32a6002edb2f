/** Asks the database what a principal may do on a channel, and words what is refused. */
import { ReactorError } from "../../../../core/errors.ts";
import type { Principal } from "../../../../core/ports/auth.ts";
import { PgError } from "../../../../postgres/wire/pg-error.ts";
import type { JoinRequest } from "./join-request.ts";
import { topicScope, withinScopes } from "./key-scopes.ts";
import { type Permissions, PUBLIC_PERMISSIONS, readPermissions } from "./permissions.ts";
import { Refusal } from "./prove-token.ts";
import type { Session } from "./session.ts";

const TIMEOUT_MS = 5_000;
const QUERY_CANCELED = "57014";
/** No schema, no function: this database was not migrated by Reactor. */
const MISSING = new Set(["3F000", "42883"]);

/** @throws Refusal when he may not even read. */
export async function authorizeChannel(
  session: Session,
  principal: Principal,
  subTopic: string,
  { isPrivate, bindings }: Pick<JoinRequest, "isPrivate" | "bindings">,
): Promise<Permissions> {
  const allowed = isPrivate ? await ask(session, principal, subTopic) : PUBLIC_PERMISSIONS;
  const permissions = withinScopes(allowed, principal, subTopic);
  if (permissions.fault !== null) {
    session.room.log.warn("realtime.policy_failed", {
      tenant: session.init.tenant.id,
      topic: subTopic,
      error: permissions.fault,
    });
  }
  if (permissions.readBroadcast || permissions.readPresence) return permissions;
  // A key for rows alone: the changes ask for scopes of their own.
  if (!isPrivate && bindings.length > 0) return permissions;
  if (allowed.readBroadcast || allowed.readPresence) {
    const scope = topicScope(subTopic, "read");
    throw new Refusal("insufficient_scope", `It needs the scope ${scope}`);
  }
  const message = `You do not have permissions to read from this Channel topic: ${subTopic}`;
  throw new Refusal("Unauthorized", message);
}

async function ask(
  { room, init }: Session,
  principal: Principal,
  subTopic: string,
): Promise<Permissions> {
  try {
    const served = await room.served(init.tenant);
    const options = { served, headers: init.headers, timeoutMs: TIMEOUT_MS };
    return await readPermissions(room.databases.for(init.tenant), principal, subTopic, options);
  } catch (error) {
    throw refusalOf(error);
  }
}

function refusalOf(error: unknown): unknown {
  if (error instanceof PgError) {
    if (error.code === QUERY_CANCELED) {
      return new Refusal("QueryCanceled", "The policies of this channel took too long");
    }
    if (MISSING.has(error.code)) {
      return new Refusal("UnableToSetPolicies", "This database has no realtime.messages");
    }
    return error;
  }
  return error instanceof ReactorError && error.status >= 500 ? unreachable() : error;
}

export function unreachable(): Refusal {
  const message = "Realtime was unable to connect to the project database";
  return new Refusal("UnableToConnectToProject", message);
}
