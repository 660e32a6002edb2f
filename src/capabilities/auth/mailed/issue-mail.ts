/** From a token to the mail that carries it: written in the transaction, sent after it. */
import type { TransactionSql } from "postgres";
import type { AuthState, Caller } from "../auth-state.ts";
import type { MessageKind } from "../messages/message-kinds.ts";
import type { Message } from "../messages/send-message.ts";
import type { UserRow } from "../schema.ts";
import { type ComingAccount, createOneTimeToken, type TokenKind } from "./one-time-token.ts";

const MESSAGE_OF = {
  confirmation: "confirmation",
  recovery: "recovery",
  magiclink: "magiclink",
  invite: "invite",
  reauthentication: "reauthentication",
  email_change_new: "email_change",
  email_change_current: "email_change",
} as const satisfies Partial<Record<TokenKind, MessageKind>>;

export interface Letter {
  readonly kind: keyof typeof MESSAGE_OF;
  /** Normalised. */
  readonly to: string;
  /** Null: the address has no account. */
  readonly user: UserRow | null;
  readonly creates?: ComingAccount | null;
  /** From `mailedRedirect`. */
  readonly redirectTo?: string | null;
  readonly flowId?: string | null;
}

export type CodeMessage = Message & { readonly otp: string; readonly tokenHash: string };

/** The message to send once the transaction has committed; null: there is nobody to write to. */
export async function issueMail(
  state: AuthState,
  caller: Caller,
  tx: TransactionSql,
  letter: Letter,
): Promise<CodeMessage | null> {
  const { kind, to, user, redirectTo = null } = letter;
  const token = await createOneTimeToken(state, caller, tx, {
    userId: user?.id ?? null,
    creates: letter.creates ?? null,
    kind,
    sentTo: to,
    redirectTo,
    flowId: letter.flowId ?? null,
  });
  if (!user && !letter.creates) return null;
  const target = redirectTo === null ? {} : { redirectTo };
  return { kind: MESSAGE_OF[kind], to, user, ...token, ...target };
}
