/** What every change by an admin leaves behind, in its transaction: an audit entry and an event. */
import type { TransactionSql } from "postgres";
import type { AuthState, Caller } from "../auth-state.ts";
import type { JsonObject } from "../schema.ts";
import type { AuthStore } from "../store.ts";

export interface AdminChange {
  /** In the audit log. */
  readonly action: string;
  /** `auth.…` */
  readonly event: string;
  readonly userId: string;
  /** Beside `user_id`, for both. Never a secret, a token or a code. */
  readonly traits?: JsonObject;
}

export async function recordChange(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  change: AdminChange,
): Promise<void> {
  const { ids, events } = state.deps;
  const traits = { user_id: change.userId, ...change.traits };
  const entry = {
    action: change.action,
    actorId: null,
    actorName: "service_role",
    address: caller.address,
    traits,
  };
  await store.audit(ids.uuid(), entry, state.now());
  const event = { type: change.event, subject: change.userId, data: traits };
  await events.append(caller.tenant, tx, [event]);
}
