/**
 * What API keys need on channels: `realtime:<topic>:read` to hear broadcasts and see who is present,
 * `realtime:<topic>:write` to send and be seen. Changes of rows ask for `data:<table>:read`.
 */
import { isPermission, permits } from "../../../../core/permissions.ts";
import type { Principal } from "../../../../core/ports/auth.ts";
import type { Permissions } from "./permissions.ts";

/** A topic that no permission can name needs that of all topics. */
export function topicScope(subTopic: string, action: "read" | "write"): string {
  const named = `realtime:${subTopic}:${action}`;
  return isPermission(named) ? named : `realtime:*:${action}`;
}

/** What policies allow, as far as the scopes go. */
export function withinScopes(
  allowed: Permissions,
  principal: Principal,
  subTopic: string,
): Permissions {
  const reads = permits(principal, topicScope(subTopic, "read"));
  const writes = permits(principal, topicScope(subTopic, "write"));
  return {
    readBroadcast: allowed.readBroadcast && reads,
    readPresence: allowed.readPresence && reads,
    writeBroadcast: allowed.writeBroadcast && writes,
    writePresence: allowed.writePresence && writes,
    writePersistence: allowed.writePersistence && writes,
    fault: allowed.fault,
  };
}
