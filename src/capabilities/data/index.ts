/** The data capability: tables and views over HTTP, in PostgREST's contract. */
import { defineCapability } from "../../core/capability.ts";
import { dataConfig } from "./config.ts";
import { dataHealth } from "./data-health.ts";
import { createRoom } from "./room.ts";
import { dataRoutes } from "./routes.ts";
import { schemaWatch } from "./tasks.ts";

export const data = defineCapability({
  name: "data",
  section: "data",
  mounts: [{ path: "/data/v1" }],
  config: dataConfig,
  migrations: [],
  needs: ["auth"],
  provides: [],
  async mount(config, deps) {
    const room = createRoom(config, deps);
    return {
      plugin: dataRoutes(room),
      services: [schemaWatch(room, deps)],
      health: (signal) => dataHealth(room, deps.tenants(), signal),
      close: () => room.cache.close(),
    };
  },
});
