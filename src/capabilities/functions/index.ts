/** Functions: TypeScript and WASM behind HTTP, versioned, in child processes. */

import m0001 from "../../../migrations/functions/0001_functions.sql" with { type: "text" };
import m0002 from "../../../migrations/functions/0002_life_cycle.sql" with { type: "text" };
import m0003 from "../../../migrations/functions/0003_cheaper_invocations.sql" with {
  type: "text",
};
import { defineCapability } from "../../core/capability.ts";
import { functionsConfig } from "./config.ts";
import { mountFunctions } from "./mount-functions.ts";

export const functions = defineCapability({
  name: "functions",
  section: "runtime",
  mounts: [{ path: "/fn/v1" }],
  config: functionsConfig,
  migrations: [
    { name: "0001_functions", sql: m0001 },
    { name: "0002_life_cycle", sql: m0002 },
    { name: "0003_cheaper_invocations", sql: m0003 },
  ],
  needs: ["auth"],
  provides: ["functions_deployer"],
  mount: mountFunctions,
});
