/** SQL that binds a session to the client it was given to. */
import type { Executor } from "../../store.ts";
import type { TokenRequest } from "../schema.ts";

/** @param notAfter an end that comes before the time box; null = none. */
export async function bindSession(
  sql: Executor,
  sessionId: string,
  request: TokenRequest,
  authenticatedAt: Date,
  notAfter: Date | null,
): Promise<void> {
  await sql`
    update auth.sessions
    set oauth_client_id = ${request.client_id}, scopes = ${request.scope},
        oauth_resource = ${request.resource}, oauth_issuer = ${request.issuer},
        authenticated_at = ${authenticatedAt}, not_after = least(not_after, ${notAfter})
    where id = ${sessionId}`;
}
