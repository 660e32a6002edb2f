/** Requests of the project's own server, by its secret key. */
import type { AuthWorld } from "./auth-world.ts";

// biome-ignore lint/suspicious/noExplicitAny: tests read into answers of many shapes
type Answer = { readonly status: number; readonly headers: Headers; readonly body: any };

export function adminOf(world: AuthWorld) {
  return (method: string, path: string, body?: unknown): Promise<Answer> =>
    world.send(method, `/auth/v1/admin${path}`, {
      headers: { apikey: world.project.secretKey },
      ...(body === undefined ? {} : { body }),
    });
}

/** Types of the events about a person, oldest first. */
export async function eventsAbout(world: AuthWorld, userId: string): Promise<string[]> {
  const rows = await world.sql<{ type: string }[]>`
    select type from reactor.events where subject = ${userId} order by id`;
  return rows.map(({ type }) => type);
}

export async function auditOf(world: AuthWorld, userId: string, action: string) {
  return world.sql<{ payload: Record<string, unknown>; ip_address: string }[]>`
    select payload, ip_address from auth.audit_log_entries
    where payload ->> 'action' = ${action}
      and (payload ->> 'actor_id' = ${userId} or payload -> 'traits' ->> 'user_id' = ${userId})
    order by created_at, id`;
}
