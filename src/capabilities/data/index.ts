/** The data capability: tables and views over HTTP, in PostgREST's contract, and realtime. */
import m0001 from "../../../migrations/data/0001_realtime.sql" with { type: "text" };
import { defineCapability } from "../../core/capability.ts";
import { dataConfig } from "./config.ts";
import { dataHealth } from "./data-health.ts";
import { createChannelRoom } from "./realtime/channels/room.ts";
import { channelServices } from "./realtime/channels/tasks.ts";
import { createRoom } from "./room.ts";
import { dataRoutes } from "./routes.ts";
import { schemaWatch } from "./tasks.ts";

export const data = defineCapability({
  name: "data",
  section: "data",
  mounts: [{ path: "/data/v1" }, { path: "/realtime/v1" }],
  config: dataConfig,
  migrations: [{ name: "0001_realtime", sql: m0001 }],
  needs: ["auth"],
  provides: [],
  async mount(config, deps) {
    const room = createRoom(config, deps);
    const channels = createChannelRoom(deps, {
      config,
      searchPath: room.searchPaths.get(room.defaultSchema) ?? "",
      schemas: [...room.searchPaths.keys()],
      feed: null,
    });
    return {
      plugin: dataRoutes(room, channels),
      services: [schemaWatch(room, deps), ...channelServices(channels, deps)],
      health: (signal) => dataHealth(room, deps.tenants(), signal),
      close: () => room.cache.close(),
    };
  },
});
