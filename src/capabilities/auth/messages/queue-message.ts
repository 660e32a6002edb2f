/**
 * Puts a message into the outbox: in the transaction of what it tells of, so that there is the one
 * exactly when there is the other. Call `state.outbox.wake` after the commit.
 */
import type { TenantCtx } from "../../../core/tenant.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { sealBy } from "../flows/seal-by.ts";
import type { Executor } from "../store.ts";
import { linkBase } from "./link-base.ts";
import { createOutgoingStore } from "./outgoing-store.ts";
import type { Message } from "./send-message.ts";
import { requireSendable, type TextMessage } from "./send-sms.ts";

interface Origin {
  /** Of who asked, for hooks. */
  readonly address: string;
  /** Looked up again when it is sent: nothing of the person waits here but where it goes. */
  readonly userId: string | null;
}
/** What waits. */
export type Parcel =
  | (Origin & { readonly mail: Omit<Message, "user">; readonly base: string | null })
  | (Origin & { readonly text: Omit<TextMessage, "user"> })
  | { readonly nobody: true };

interface Waiting {
  readonly kind: string;
  readonly parcel: Parcel;
  readonly lifeS: number;
}

/** What only tells of something is of use for so long. */
const NEWS_S = 24 * 60 * 60;

/** @param message null: there is nobody to write to, and the same is done for nobody. */
export async function queueMessage(
  state: AuthState,
  caller: Caller,
  sql: Executor,
  message: Message | null,
): Promise<void> {
  const { link_ttl_s: linkTtlS } = state.config;
  if (!message) return put(state, caller.tenant, sql, [nobody(linkTtlS)]);
  const base = linkBase(state, caller);
  const { kind, otp } = message;
  const lifeS = otp === undefined || kind === "org_invitation" ? NEWS_S : linkTtlS;
  const all = separate(state, message).map(({ user, ...mail }) => {
    const parcel = { address: caller.address, userId: user?.id ?? null, mail, base };
    return { kind, parcel, lifeS };
  });
  return put(state, caller.tenant, sql, all);
}

/**
 * @param message as for `queueMessage`.
 * @throws phone_provider_disabled when nobody sends; sms_send_failed for what is no number
 */
export async function queueText(
  state: AuthState,
  caller: Caller,
  sql: Executor,
  message: TextMessage | null,
): Promise<void> {
  const { otp_ttl_s: lifeS } = state.config;
  if (!message) return put(state, caller.tenant, sql, [nobody(lifeS)]);
  requireSendable(state, message);
  const { user, ...text } = message;
  const parcel = { address: caller.address, userId: user?.id ?? null, text };
  return put(state, caller.tenant, sql, [{ kind: "sms", parcel, lifeS }]);
}

/** One for the hook; one for each address otherwise, so that a second try does not repeat the other. */
export function separate(state: AuthState, message: Message): readonly Message[] {
  const { current } = message;
  if (state.hooks.has("send_email") || !current) return [message];
  const { current: _other, ...alone } = message;
  const data = { new_email: message.to, ...message.data };
  return [alone, { ...alone, data, ...current }];
}

const nobody = (lifeS: number): Waiting => ({ kind: "nobody", parcel: { nobody: true }, lifeS });

async function put(
  state: AuthState,
  tenant: TenantCtx,
  sql: Executor,
  all: readonly Waiting[],
): Promise<void> {
  const { ids, rng } = state.deps;
  const secret = await secretOf(state, tenant);
  const now = state.now();
  const rows = all.map(async ({ kind, parcel, lifeS }) => ({
    id: ids.uuid(),
    kind,
    sealed: await sealBy(rng, secret, parcel),
    due_at: now,
    expires_at: new Date(now.getTime() + lifeS * 1000),
  }));
  await createOutgoingStore(sql).insert(await Promise.all(rows));
}

/** Whoever has the tables, or a backup of them, has no codes. */
export async function secretOf(state: AuthState, tenant: TenantCtx): Promise<string> {
  return `message:${(await state.deps.project(tenant)).secretKey}`;
}
