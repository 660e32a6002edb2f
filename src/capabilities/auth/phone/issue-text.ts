/** From a token to the text message that carries its code: written in the transaction, sent after it. */
import type { TransactionSql } from "postgres";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { type ComingAccount, createOneTimeToken } from "../mailed/one-time-token.ts";
import { canSendSms, type TextMessage } from "../messages/send-sms.ts";
import type { UserRow } from "../schema.ts";

export interface Text {
  /** `confirmation`: of a sign-up with a password; `phone`: of a sign-in. */
  readonly kind: "confirmation" | "phone" | "phone_change";
  /** Normalised. */
  readonly to: string;
  /** Null: the number has no account. */
  readonly user: UserRow | null;
  readonly creates?: ComingAccount | null;
}

/** @throws phone_provider_disabled where nobody sends text messages */
export function requirePhoneProvider(state: AuthState): void {
  if (!canSendSms(state)) throw authErrors.phone_provider_disabled();
}

/** The message to send once the transaction has committed; null: there is nobody to write to. */
export async function issueText(
  state: AuthState,
  caller: Caller,
  tx: TransactionSql,
  { kind, to, user, creates = null }: Text,
): Promise<TextMessage | null> {
  const request = { userId: user?.id ?? null, creates, kind, sentTo: to };
  const { otp } = await createOneTimeToken(state, caller, tx, request);
  if (!user && !creates) return null;
  return { to, user, otp, type: kind === "phone_change" ? "phone_change" : "sms" };
}
