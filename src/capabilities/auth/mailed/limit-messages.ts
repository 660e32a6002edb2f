/**
 * How many codes one address or number gets: each is a chance to guess, and each mail or text
 * message goes to somebody who may not have asked. Counted before it is known whether there is an
 * account, so the answer tells nothing.
 *
 * Anybody may ask, so somebody else could use up what there is, and keep its owner out by that. One
 * network may therefore ask for half of a day's messages, and what lets the owner in has a reserve for
 * when the rest is used up. The reserve is kept by groups of networks: whoever would empty the owner's
 * has to ask from as many networks as there are groups, and still no more is sent than all groups hold.
 */
import { limitedNetwork } from "../../../shared/ip-address.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
const RESERVE_GROUPS = 8;
/** Of one group. */
const RESERVE_PER_DAY = 2;

type Channel = "email" | "sms";
/** What the message is good for: a way into an account, or something else. */
type Purpose = "entry" | "other";

/**
 * The secret key is exempt: it writes to people of its own choice.
 * @param to normalised.
 * @throws over_email_send_rate_limit, over_sms_send_rate_limit
 */
export async function limitMessages(
  state: AuthState,
  caller: Caller,
  channel: Channel,
  to: string,
  purpose: Purpose = "other",
): Promise<void> {
  const seconds = await secondsToWait(state, caller, channel, to, purpose);
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
  channel: Channel,
  to: string,
): Promise<boolean> {
  return (await secondsToWait(state, caller, channel, to, "other")) === 0;
}

async function secondsToWait(
  state: AuthState,
  caller: Caller,
  channel: Channel,
  to: string,
  purpose: Purpose,
): Promise<number> {
  if (caller.isService) return 0;
  const { config } = state;
  const isMail = channel === "email";
  const perHour = isMail ? config.mails_per_hour : config.texts_per_hour;
  const perDay = isMail ? config.mails_per_day : config.texts_per_day;
  const network = digestOf(`${to}\n${limitedNetwork(caller.address)}`);
  const limits: readonly Limit[] = [
    [`asker:${network.toString("base64url")}`, DAY_MS, Math.ceil(perDay / 2)],
    [`hour:${digestOf(to).toString("base64url")}`, HOUR_MS, perHour],
    [`day:${digestOf(to).toString("base64url")}`, DAY_MS, perDay],
  ];
  const seconds = await takeAll(state, caller, channel, limits);
  if (seconds === 0 || purpose === "other") return seconds;
  const group = network.readUInt8() % RESERVE_GROUPS;
  const name = `reserve:${group}:${digestOf(to).toString("base64url")}`;
  const reserved = await takeAll(state, caller, channel, [[name, DAY_MS, RESERVE_PER_DAY]]);
  return Math.min(seconds, reserved);
}

const digestOf = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest();

/** Name, window in milliseconds, how many in it. */
type Limit = readonly [string, number, number];

/** Seconds until the first that refuses would not; 0 = none does. */
async function takeAll(
  { deps }: AuthState,
  { tenant }: Caller,
  channel: Channel,
  limits: readonly Limit[],
): Promise<number> {
  for (const [name, windowMs, limit] of limits) {
    const key = `auth:${channel}:${name}`;
    const decision = await deps.rateLimiter.take(tenant, key, { limit, windowMs });
    if (!decision.allowed) return Math.max(1, Math.ceil(decision.retryAfterMs / 1000));
  }
  return 0;
}
