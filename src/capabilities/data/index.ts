/** The data capability: tables and views over HTTP, in PostgREST's contract, and realtime. */
import m0001 from "../../../migrations/data/0001_realtime.sql" with { type: "text" };
import m0002 from "../../../migrations/data/0002_realtime_triggers.sql" with { type: "text" };
import m0003 from "../../../migrations/data/0003_realtime_triggers_bounded.sql" with {
  type: "text",
};
import { defineCapability } from "../../core/capability.ts";
import { dataConfig } from "./config.ts";
import { dataCors } from "./data-cors.ts";
import { dataHealth } from "./data-health.ts";
import { asPostgrest } from "./errors.ts";
import { channelAuth } from "./realtime/channels/channel-auth.ts";
import { createChannelRoom, servedBy } from "./realtime/channels/room.ts";
import { channelServices } from "./realtime/channels/tasks.ts";
import { createChangeFeed } from "./realtime/feed/create-change-feed.ts";
import { MessageSeal } from "./realtime/feed/message-seal.ts";
import { SlotJanitor } from "./realtime/feed/slot-janitor.ts";
import { SubscriberStreams } from "./realtime/sse/subscriber-streams.ts";
import { Rooms } from "./rooms.ts";
import { dataRoutes } from "./routes.ts";
import { rowSecurityFinding } from "./row-security-finding.ts";
import { reloadSchemas, schemaWatch } from "./tasks.ts";

export const data = defineCapability({
  name: "data",
  section: "data",
  mounts: [{ path: "/data/v1" }, { path: "/realtime/v1" }],
  config: dataConfig,
  migrations: [
    { name: "0001_realtime", sql: m0001 },
    { name: "0002_realtime_triggers", sql: m0002 },
    { name: "0003_realtime_triggers_bounded", sql: m0003 },
  ],
  needs: ["auth"],
  provides: [],
  async mount(config, deps) {
    const rooms = new Rooms(config, deps);
    const feed = createChangeFeed({ ...deps, roomOf: (tenant) => rooms.of(tenant) });
    const streams = new SubscriberStreams(deps.clock, deps.metrics);
    const janitor = new SlotJanitor({ ...deps, roomOf: (tenant) => rooms.of(tenant) });
    // Channels keep messages and policies in tables, which a database of somebody else's has not.
    const channels =
      config.db_uri === ""
        ? createChannelRoom(deps, {
            config,
            auth: channelAuth(rooms, deps.port("auth")),
            openSeal: (tenant) => MessageSeal.open(deps.vault, tenant, deps.rng),
            served: async (tenant) => servedBy(await rooms.of(tenant)),
            feed,
          })
        : null;
    return {
      plugin: dataRoutes(rooms, channels, { feed, streams, clock: deps.clock }),
      services: [
        schemaWatch(rooms, deps),
        feed.service,
        streams.service,
        janitor.service,
        ...(channels === null ? [] : channelServices(channels, deps)),
      ],
      health: (signal) => dataHealth(rooms, deps.tenants(), signal),
      findings: async () => [await rowSecurityFinding(rooms, deps)],
      refresh: () => reloadSchemas(rooms, deps),
      reconfigure: (changed: typeof config) => rooms.configure(changed),
      cors: dataCors(rooms),
      errors: { path: "/data/v1", told: asPostgrest },
      close: () => rooms.close(),
    };
  },
});
