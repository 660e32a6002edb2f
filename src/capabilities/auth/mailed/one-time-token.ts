/**
 * One-time tokens: a code of six digits to type and a random text for a link, sent together and
 * spent together. Kept as hashes only. A code is void after `auth.otp_attempts_max` wrong guesses;
 * the link, which cannot be guessed, stays good, so that guessing locks nobody out.
 */
import { timingSafeEqual } from "node:crypto";
import type { Sql, TransactionSql } from "postgres";
import type { Rng } from "../../../core/ports/rng.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { type ComingAccount, createTokenStore, type TokenKind, type TokenRow } from "./store.ts";

export type { ComingAccount, TokenKind } from "./store.ts";

export interface TokenRequest {
  /**
   * Null: the address has no account. The token is made all the same, so that it costs the same; it
   * opens nothing unless it `creates` the account.
   */
  readonly userId: string | null;
  readonly creates?: ComingAccount | null;
  readonly kind: TokenKind;
  /** Address or number, normalised. The code is good only together with it. */
  readonly sentTo: string;
  /** From `allowedRedirect`; null or absent = decided when the link is used. */
  readonly redirectTo?: string | null;
  /** The PKCE flow that the link ends with a code for. */
  readonly flowId?: string | null;
}

export interface OneTimeToken {
  /** Six digits. */
  readonly otp: string;
  /** For links: 64 hex digits, after `pkce_` when the token belongs to a flow. */
  readonly tokenHash: string;
}

export interface SpentToken {
  /** Null: the account is to be made. */
  readonly userId: string | null;
  readonly creates: ComingAccount | null;
  readonly kind: TokenKind;
  readonly sentTo: string;
  readonly redirectTo: string | null;
  readonly flowId: string | null;
}

const OTP_DIGITS = 6;
const LINK_BYTES = 32;
const SWEEP_BATCH = 1000;
const LINK = /^(?:pkce_)?[0-9a-f]{64}$/;
const OTP = /^\d{6}$/;

/** Writes a token in the caller's transaction, in place of the person's last one of its kind. */
export async function createOneTimeToken(
  state: AuthState,
  caller: Caller,
  tx: TransactionSql,
  request: TokenRequest,
): Promise<OneTimeToken> {
  const { config, deps } = state;
  const id = deps.ids.uuid();
  const otp = randomDigits(deps.rng, OTP_DIGITS);
  const flowId = request.flowId ?? null;
  const link = Buffer.from(deps.rng.bytes(LINK_BYTES)).toString("hex");
  const tokenHash = flowId === null ? link : `pkce_${link}`;
  const now = state.now();
  const after = (seconds: number) => new Date(now.getTime() + seconds * 1000);
  const linkTtlS = request.kind === "invite" ? config.invite_ttl_s : config.link_ttl_s;
  await createTokenStore(tx).replaceToken({
    id,
    user_id: request.userId,
    kind: request.kind,
    sent_to: request.sentTo,
    otp_hash: await hashOtp(state, caller, { id, sent_to: request.sentTo }, otp),
    token_hash: sha256(tokenHash),
    redirect_to: request.redirectTo ?? null,
    creates: request.userId === null ? (request.creates ?? null) : null,
    flow_id: flowId,
    created_at: now,
    otp_expires_at: after(config.otp_ttl_s),
    expires_at: after(Math.max(linkTtlS, config.otp_ttl_s)),
  });
  return { otp, tokenHash };
}

/**
 * Spends the token that this code belongs to; null when there is none. A wrong guess counts against
 * every token it might have been meant for, so the caller must commit, not throw, after null.
 */
export async function spendCode(
  state: AuthState,
  caller: Caller,
  tx: TransactionSql,
  guess: {
    readonly kinds: readonly TokenKind[];
    readonly sentTo: string;
    readonly otp: string;
    /** Only this person's. */
    readonly userId?: string;
  },
): Promise<SpentToken | null> {
  const store = createTokenStore(tx);
  const all = await store.lockTokensSentTo(guess.sentTo, guess.kinds);
  const now = state.now();
  const live = all.filter(
    (row) =>
      row.otp_expires_at > now &&
      row.attempts < state.config.otp_attempts_max &&
      (guess.userId === undefined || row.user_id === guess.userId),
  );
  for (const row of live) {
    if (!(await isCodeOf(state, caller, row, guess.otp)) || isDecoy(row)) continue;
    return (await store.deleteToken(row.id)) ? spent(row) : null;
  }
  if (live.length > 0) await store.countWrongGuess(live.map((row) => row.id));
  return null;
}

/** Spends the token of a link; null when there is none of these kinds, or no longer. */
export async function spendLink(
  state: AuthState,
  tx: TransactionSql,
  tokenHash: string,
  kinds: readonly TokenKind[],
): Promise<SpentToken | null> {
  if (!LINK.test(tokenHash)) return null;
  const store = createTokenStore(tx);
  const row = await store.lockTokenByHash(sha256(tokenHash));
  if (!row || isDecoy(row) || !kinds.includes(row.kind)) return null;
  if (row.expires_at <= state.now()) return null;
  return (await store.deleteToken(row.id)) ? spent(row) : null;
}

/** Voids what was sent to a person: after a change that it must not outlive. */
export function voidTokens(
  sql: Sql | TransactionSql,
  userId: string,
  kinds?: readonly TokenKind[],
): Promise<void> {
  return createTokenStore(sql).deleteTokensOf(userId, kinds);
}

/** Deletes what has expired; the count. */
export async function sweepTokens(state: AuthState, sql: Sql): Promise<number> {
  const store = createTokenStore(sql);
  let total = 0;
  for (;;) {
    const count = await store.purgeTokens(state.now(), SWEEP_BATCH);
    total += count;
    if (count < SWEEP_BATCH) return total;
  }
}

/** Stands for an address without an account, and for nothing else. */
const isDecoy = (row: TokenRow) => row.user_id === null && row.creates === null;

function spent(row: TokenRow): SpentToken {
  return {
    userId: row.user_id,
    creates: row.creates,
    kind: row.kind,
    sentTo: row.sent_to,
    redirectTo: row.redirect_to,
    flowId: row.flow_id,
  };
}

async function isCodeOf(state: AuthState, caller: Caller, row: TokenRow, otp: string) {
  const hash = await hashOtp(state, caller, row, OTP.test(otp) ? otp : "");
  return timingSafeEqual(hash, row.otp_hash);
}

/** A million codes are hashed in a second; under a key that the database does not hold, none can be. */
async function hashOtp(
  state: AuthState,
  caller: Caller,
  row: Pick<TokenRow, "id" | "sent_to">,
  otp: string,
): Promise<Uint8Array> {
  const { secretKey } = await state.deps.project(caller.tenant);
  const hmac = new Bun.CryptoHasher("sha256", secretKey);
  return hmac.update(`reactor.auth.one_time_code:${row.id}:${row.sent_to}:${otp}`).digest();
}

function sha256(text: string): Uint8Array {
  return new Bun.CryptoHasher("sha256").update(text).digest();
}

/** Every code is as likely as any other: what would favour the small ones is drawn again. */
export function randomDigits(rng: Rng, digits: number): string {
  const count = 10 ** digits;
  const fair = 2 ** 32 - (2 ** 32 % count);
  for (;;) {
    const value = Buffer.from(rng.bytes(4)).readUInt32BE();
    if (value < fair) return String(value % count).padStart(digits, "0");
  }
}
