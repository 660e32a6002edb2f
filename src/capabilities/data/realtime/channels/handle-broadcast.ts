/** A client's broadcast on a channel it has joined. */
import { type Broadcast, broadcastFromObject, broadcastFromPush, sizeOf } from "./broadcast.ts";
import type { Channel } from "./channel.ts";
import { storeBroadcast } from "./message-store.ts";
import { readPersist } from "./persist.ts";
import type { InboundFrame } from "./wire.ts";

type Fault =
  | "invalid_payload"
  | "payload_size_exceeded"
  | "unauthorized"
  | "invalid_persist_ttl"
  | "unable_to_persist";

/** A promise only where the message is stored before it is answered. */
export function handleBroadcast(channel: Channel, frame: InboundFrame): Promise<void> | void {
  const broadcast = broadcastOf(frame);
  if (!broadcast) return fail(channel, frame, "invalid_payload");
  const { realtime_max_payload_bytes: limit, realtime_messages_keep_s: keepS } =
    channel.session.room.config;
  if (sizeOf(broadcast) > limit) return fail(channel, frame, "payload_size_exceeded");
  if (!channel.permissions.writeBroadcast) return fail(channel, frame, "unauthorized");
  const ttlS = readPersist(persistOf(frame), keepS);
  if (ttlS === "invalid") return fail(channel, frame, "invalid_persist_ttl");
  void channel.hub.broadcast(channel.topic, broadcast, channel.request.self ? null : channel);
  if (ttlS !== null && channel.permissions.writePersistence) {
    return store(channel, frame, broadcast, ttlS);
  }
  if (channel.request.ack) channel.reply(frame, "ok");
}

function broadcastOf(frame: InboundFrame): Broadcast | null {
  if (frame.kind === "json") return broadcastFromObject(frame.payload);
  return frame.kind === "broadcast" ? broadcastFromPush(frame.broadcast) : null;
}

/** Only beside the payload: in it, subscribers would get it too. */
function persistOf(frame: InboundFrame): unknown {
  return frame.kind === "broadcast" ? frame.broadcast.metadata["persist"] : null;
}

async function store(
  channel: Channel,
  frame: InboundFrame,
  broadcast: Broadcast,
  ttlS: number,
): Promise<void> {
  const { room, init } = channel.session;
  try {
    const { system } = room.databases.for(init.tenant);
    const id = await storeBroadcast(system, channel.subTopic, broadcast, ttlS);
    if (channel.request.ack) channel.reply(frame, "ok", JSON.stringify({ id }));
  } catch (error) {
    // JSON that PostgreSQL cannot hold (\u0000), or no database: it was delivered, but is not kept.
    room.log.warn("realtime.broadcast_not_stored", { tenant: init.tenant.id, error });
    fail(channel, frame, "unable_to_persist");
  }
}

/** Who did not ask to be answered is not. */
function fail(channel: Channel, frame: InboundFrame, error: Fault): void {
  if (channel.request.ack) channel.reply(frame, "error", JSON.stringify({ error }));
}
