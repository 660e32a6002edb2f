/**
 * How many codes one address or number gets: each is a chance to guess, and each mail or text
 * message goes to somebody who may not have asked. Counted before it is known whether there is an
 * account, so the answer tells nothing.
 */
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;

/**
 * The secret key is exempt: it writes to people of its own choice.
 * @param to normalised.
 * @throws over_email_send_rate_limit, over_sms_send_rate_limit
 */
export async function limitMessages(
  state: AuthState,
  caller: Caller,
  channel: "email" | "sms",
  to: string,
): Promise<void> {
  const seconds = await secondsToWait(state, caller, channel, to);
  if (seconds === 0) return;
  throw channel === "email"
    ? authErrors.over_email_send_rate_limit(seconds)
    : authErrors.over_sms_send_rate_limit(seconds);
}

/**
 * The same where a message goes elsewhere than to whom it was asked for: to the new address of a
 * change that waits. False = not now, which the answer must not tell. Ask for nobody, too.
 */
export async function mayMessage(
  state: AuthState,
  caller: Caller,
  channel: "email" | "sms",
  to: string,
): Promise<boolean> {
  return (await secondsToWait(state, caller, channel, to)) === 0;
}

async function secondsToWait(
  state: AuthState,
  caller: Caller,
  channel: "email" | "sms",
  to: string,
): Promise<number> {
  if (caller.isService) return 0;
  const { config, deps } = state;
  const isMail = channel === "email";
  const windows = [
    ["hour", HOUR_MS, isMail ? config.mails_per_hour : config.texts_per_hour],
    ["day", DAY_MS, isMail ? config.mails_per_day : config.texts_per_day],
  ] as const;
  const digest = new Bun.CryptoHasher("sha256").update(to).digest("base64url");
  for (const [name, windowMs, limit] of windows) {
    const key = `auth:${channel}:${name}:${digest}`;
    const decision = await deps.rateLimiter.take(caller.tenant, key, { limit, windowMs });
    if (!decision.allowed) return Math.max(1, Math.ceil(decision.retryAfterMs / 1000));
  }
  return 0;
}
