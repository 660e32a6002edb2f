/** The settings of `[data]` that concern the change feed. */
import { Type } from "@sinclair/typebox";

export const feedSettings = {
  realtime_source: Type.Union(
    ["auto", "wal", "triggers"].map((source) => Type.Literal(source)),
    {
      default: "auto",
      description:
        "Where changes are read: the write-ahead log (wal), or row triggers that write them to a table (triggers), which costs each write a second one. auto = the log where it can be read.",
    },
  ),
  realtime_publication: Type.String({
    default: "supabase_realtime",
    minLength: 1,
    maxLength: 63,
    description: "Publication whose tables can be followed.",
  }),
  realtime_auto_publish: Type.Boolean({
    default: true,
    description:
      "A table is added to the publication when somebody first subscribes to it. false = only tables that somebody has added.",
  }),
  realtime_window_ms: Type.Integer({
    default: 300_000,
    minimum: 1_000,
    maximum: 86_400_000,
    description:
      "How long a change is kept for subscribers that resume, milliseconds; also how long the feed goes on after the last one has left.",
  }),
  realtime_window_bytes: Type.Integer({
    default: 16 * 1024 * 1024,
    minimum: 1024 * 1024,
    description: "Changes that are kept at most, bytes. A row larger than a quarter is a gap.",
  }),
  realtime_max_subscribers: Type.Integer({
    default: 20_000,
    minimum: 1,
    description: "Subscriptions of a tenant on one server.",
  }),
};
