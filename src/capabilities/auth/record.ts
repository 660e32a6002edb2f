/**
 * What an operation leaves behind in the transaction of its change: an entry of the audit log, and
 * events. An operation says what happened, by whom and to whom; never a secret, a token or a code.
 */
import type { TransactionSql } from "postgres";
import type { AuthState, Caller } from "./auth-state.ts";
import type { JsonObject } from "./schema.ts";
import { type AuthStore, createStore } from "./store.ts";

/** Who did it. */
export interface Actor {
  /** Null: the project's own server. */
  readonly id: string | null;
  readonly name: string;
}

/** Whoever holds the secret key. */
export const SERVICE: Actor = { id: null, name: "service_role" };

interface Person {
  readonly id: string;
  readonly email: string | null;
  readonly phone?: string | null;
}

/** @param user null = the project's own server */
export function actorOf(user: Person | null | undefined): Actor {
  return user ? { id: user.id, name: user.email ?? user.phone ?? "" } : SERVICE;
}

export function audit(
  state: AuthState,
  store: AuthStore,
  { address }: Pick<Caller, "address">,
  by: Actor,
  action: string,
  traits?: JsonObject,
): Promise<void> {
  const entry = { action, actorId: by.id, actorName: by.name, address, traits };
  return store.audit(state.deps.ids.uuid(), entry, state.now());
}

/** @param type `auth.…` */
export async function publish(
  state: AuthState,
  tx: TransactionSql,
  { tenant }: Pick<Caller, "tenant">,
  type: string,
  subject: string,
  data: JsonObject,
): Promise<void> {
  await state.deps.events.append(tenant, tx, [{ type, subject, data }]);
}

/** An audit entry, and the event `auth.<action>` that says the same. */
export async function record(
  state: AuthState,
  tx: TransactionSql,
  caller: Pick<Caller, "tenant" | "address">,
  by: Actor,
  action: string,
  subject: string,
  facts: JsonObject,
): Promise<void> {
  await audit(state, createStore(tx), caller, by, action, facts);
  await publish(state, tx, caller, `auth.${action}`, subject, facts);
}
