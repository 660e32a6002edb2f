/** The settings of `[data]` that concern channels: what one socket, and all of them, may cost. */
import { Type } from "@sinclair/typebox";

export const channelSettings = {
  realtime_public_channels: Type.Boolean({
    default: true,
    description:
      "Channels that are not private may be joined by everybody. false = only private channels, which row policies on realtime.messages open.",
  }),
  realtime_max_sockets: Type.Integer({
    default: 20_000,
    minimum: 1,
    description: "Open WebSockets of a tenant on one server.",
  }),
  realtime_max_channels: Type.Integer({
    default: 100,
    minimum: 1,
    maximum: 10_000,
    description: "Channels joined on one socket.",
  }),
  realtime_max_joins_per_s: Type.Integer({
    default: 20,
    minimum: 1,
    description: "Joins a second on one socket; as many as it may have channels may come at once.",
  }),
  realtime_max_messages_per_s: Type.Integer({
    default: 200,
    minimum: 1,
    description:
      "Messages a second from one socket, and broadcasts a second from one HTTP caller; twice as many may come at once. A socket that sends more is closed.",
  }),
  realtime_max_payload_bytes: Type.Integer({
    default: 256 * 1024,
    minimum: 1024,
    // Bytes grow by a third twice, as text and sealed, on the Bus, whose messages are 1 MiB at most.
    maximum: 500_000,
    description: "Size of one broadcast's or presence's payload, bytes.",
  }),
  realtime_max_buffered_bytes: Type.Integer({
    default: 4 * 1024 * 1024,
    minimum: 16_384,
    description:
      "Bytes that wait for a client that reads too slowly; with more, its socket or event stream is closed.",
  }),
  realtime_heartbeat_timeout_s: Type.Integer({
    default: 90,
    minimum: 1,
    maximum: 3600,
    description:
      "A socket that has sent nothing for so long, no heartbeat either, is closed; seconds.",
  }),
  realtime_messages_keep_s: Type.Integer({
    default: 72 * 3600,
    minimum: 60,
    description:
      "How long rows of realtime.messages are kept: the window of replay, and the longest lifetime of a stored broadcast; seconds.",
  }),
};
