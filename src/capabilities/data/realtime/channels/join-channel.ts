/** `phx_join`: who joins, may he, and what he gets at once. */
import { ReactorError } from "../../../../core/errors.ts";
import { authorizeChannel, unreachable } from "./authorize-channel.ts";
import { OutgoingBroadcast } from "./broadcast.ts";
import { Channel } from "./channel.ts";
import { readJoin } from "./join-request.ts";
import { readReplay, toBroadcast } from "./message-store.ts";
import { proveToken, Refusal } from "./prove-token.ts";
import type { Session } from "./session.ts";
import { subTopicOf } from "./topic.ts";
import type { InboundFrame } from "./wire.ts";

/** Answers by itself, later. */
export function joinChannel(session: Session, frame: InboundFrame): void {
  // As Phoenix does: whoever joins again leaves what he had joined.
  session.channels.get(frame.topic)?.end("phx_close");
  try {
    const channel = newChannel(session, frame);
    session.channels.set(frame.topic, channel);
    void answerJoin(channel, frame);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    refuse(session, frame, error);
  }
}

/** @throws Refusal */
function newChannel(session: Session, frame: InboundFrame): Channel {
  const subTopic = subTopicOf(frame.topic);
  if (subTopic === null) {
    throw new Refusal("TopicNameRequired", "A topic is realtime: and a name");
  }
  const limited = limitOf(session);
  if (limited) throw limited;
  const request = readJoin(frame.kind === "json" ? frame.payload : {});
  if (typeof request === "string") throw new Refusal("InvalidJoinPayload", request);
  return new Channel(session, frame, subTopic, request);
}

function limitOf({ room, joins, channels }: Session): Refusal | null {
  if (!joins.take(room.clock.monotonic())) {
    return new Refusal("ClientJoinRateLimitReached", "Too many joins per second");
  }
  if (channels.size >= room.config.realtime_max_channels) {
    return new Refusal("ChannelRateLimitReached", "Too many channels");
  }
  return null;
}

function refuse(session: Session, frame: InboundFrame, { reason }: Refusal): void {
  session.reply(frame, "error", JSON.stringify({ reason }));
}

async function answerJoin(channel: Channel, frame: InboundFrame): Promise<void> {
  const { session } = channel;
  try {
    await prepare(channel);
    // Unless he has left, or gone, in the meantime.
    if (!channel.isClosed) open(channel, frame);
  } catch (error) {
    if (channel.isClosed) return;
    channel.abandon();
    session.channels.delete(channel.wireTopic);
    refuse(session, frame, reasonOf(session, error));
  }
}

function open(channel: Channel, frame: InboundFrame): void {
  channel.reply(frame, "ok", `{"postgres_changes":${channel.changes.describe()}}`);
  channel.opened();
  // What was held back may have ended it.
  if (channel.isClosed) return;
  channel.watchCredential();
  channel.presence.sendState();
  if (channel.request.wantsReady) {
    // What SQL broadcasts is listened to since before the answer.
    channel.system("system", "ok", "Replication connection established");
  }
  channel.changes.opened();
}

async function prepare(channel: Channel): Promise<void> {
  const { session, request, hub, subTopic } = channel;
  channel.principal = await proveToken(session, request.accessToken);
  if (!request.isPrivate && !session.room.config.realtime_public_channels) {
    throw new Refusal("PrivateOnly", "This project only allows private channels");
  }
  await hub.listen().catch((error: unknown) => {
    session.room.log.warn("realtime.not_listening", { tenant: hub.tenant.id, error });
    throw unreachable();
  });
  const { principal } = channel;
  channel.permissions = await authorizeChannel(session, principal, subTopic, request);
  if (channel.isClosed) return;
  hub.add(channel);
  await replay(channel);
  if (request.waitMs !== null) await channel.changes.await(request.waitMs);
}

/** What comes alive meanwhile waits behind it. */
async function replay(channel: Channel): Promise<void> {
  const { request, session, subTopic, wireTopic, permissions } = channel;
  if (request.replay === null) return;
  if (request.replay === "invalid") {
    throw new Refusal("UnableToReplayMessages", "Replay params are not valid");
  }
  if (!request.isPrivate) {
    throw new Refusal("UnableToReplayMessages", "Replay is not allowed for public channels");
  }
  if (!permissions.readBroadcast) {
    const message = `You do not have permissions to read from this Channel topic: ${subTopic}`;
    throw new Refusal("Unauthorized", message);
  }
  const { system } = session.room.databases.for(session.init.tenant);
  const messages = await readReplay(system, subTopic, request.replay);
  const broadcasts = messages.map((message) => toBroadcast(message, true));
  channel.openWith(
    broadcasts.flatMap((broadcast) =>
      broadcast === null ? [] : [new OutgoingBroadcast(wireTopic, broadcast)],
    ),
  );
}

function reasonOf(session: Session, error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  session.room.log.error("realtime.join_failed", { tenant: session.init.tenant.id, error });
  return error instanceof ReactorError && error.status >= 500
    ? unreachable()
    : new Refusal("UnknownErrorOnChannel", "The channel could not be joined");
}
