/** `access_token`: a new token for a channel that stays open. */
import { authorizeChannel } from "./authorize-channel.ts";
import type { Channel } from "./channel.ts";
import { proveToken, Refusal } from "./prove-token.ts";
import type { InboundFrame } from "./wire.ts";

/**
 * From here on everything is judged by the new token, or the channel is closed. Not answered: clients
 * do not wait for it.
 */
export function refreshToken(channel: Channel, frame: InboundFrame): Promise<void> | void {
  const token = frame.kind === "json" ? frame.payload["access_token"] : null;
  if (typeof token !== "string" || token === "" || token === channel.token) return;
  return apply(channel, token);
}

/** Each costs a transaction: a client that sends one after the other waits. */
const INTERVAL_MS = 1_000;

async function apply(channel: Channel, token: string): Promise<void> {
  const { session, subTopic, request } = channel;
  const { clock } = session.room;
  const waitMs = channel.refreshedAt + INTERVAL_MS - clock.monotonic();
  if (waitMs > 0) await clock.sleep(waitMs);
  if (channel.isClosed) return;
  channel.refreshedAt = clock.monotonic();
  const before = channel.permissions;
  try {
    const principal = await proveToken(session, token);
    const now = await authorizeChannel(session, principal, subTopic, request);
    if (channel.isClosed) return;
    const isLess =
      (before.readBroadcast && !now.readBroadcast) || (before.readPresence && !now.readPresence);
    if (isLess) throw new Refusal("Unauthorized", "");
    Object.assign(channel, { principal, permissions: now, token });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return channel.shutDown(wordsFor(error, subTopic));
  }
  channel.presence.recheck();
  channel.changes.update(channel.principal);
  channel.watchCredential();
}

function wordsFor(refusal: Refusal, subTopic: string): string {
  return refusal.code === "Unauthorized"
    ? `You no longer have permission to read from this Channel topic: ${subTopic}`
    : refusal.message;
}
