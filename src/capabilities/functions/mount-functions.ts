/** Builds the capability: parts, routes, deployer, services, health. */
import type { Deps, Mounted } from "../../core/capability.ts";
import type { Health } from "../../core/health.ts";
import { StartupError } from "../../core/startup-error.ts";
import type { FunctionsConfig } from "./config.ts";
import { createDeployer } from "./create-deployer.ts";
import { createParts, type FunctionsParts } from "./parts.ts";
import { functionsRoutes } from "./routes.ts";
import { functionsServices } from "./tasks.ts";

const JAIL_LEVELS = ["none", "weak", "standard", "full"];

/** @throws StartupError `jail_unavailable` when functions cannot be isolated as far as asked */
export async function mountFunctions(config: FunctionsConfig, deps: Deps): Promise<Mounted> {
  const parts = createParts(config, deps);
  checkJail(parts);
  return {
    plugin: functionsRoutes(parts),
    ports: { functions_deployer: createDeployer(parts) },
    services: functionsServices(parts),
    health: () => readHealth(parts),
    close: async () => parts.tails.end.abort(new Error("closed")),
  };
}

/** The weaker of the runtimes. */
function jailOf({ runtimes }: FunctionsParts): string {
  const [weaker = "none"] = [runtimes.bun.jail, runtimes.wasm.jail].sort(
    (a, b) => JAIL_LEVELS.indexOf(a) - JAIL_LEVELS.indexOf(b),
  );
  return weaker;
}

function checkJail(parts: FunctionsParts): void {
  const level = jailOf(parts);
  const { minimum } = parts.config.jail;
  if (JAIL_LEVELS.indexOf(level) >= JAIL_LEVELS.indexOf(minimum)) return;
  throw new StartupError({
    code: "jail_unavailable",
    message: `Functions can be isolated here at level '${level}', but runtime.jail.minimum is '${minimum}'`,
    hint: "Lower runtime.jail.minimum if you trust the code of all functions",
    exitCode: 2,
  });
}

async function readHealth(parts: FunctionsParts): Promise<Health> {
  const states = parts.deps.tenants().map((tenant) => parts.state(tenant));
  const registries = states.map(({ registry }) => registry);
  const keptBack = states.reduce((sum, state) => sum + state.keptBack, 0);
  const isWhole = keptBack === 0 && registries.every((registry) => registry.loaded);
  const processes = parts.runtimes.processes();
  const refused = await parts.runtimes.programsRefused();
  return {
    status: isWhole ? "ok" : "degraded",
    details: {
      jail: jailOf(parts),
      cgroups: parts.runtimes.cgroups,
      programs: refused === null,
      ...(refused === null ? {} : { programs_refused: refused }),
      processes: processes.length,
      // Those that serve a function; the others are held ready.
      assigned: processes.filter((one) => one.function !== null).length,
      functions: registries.reduce((sum, registry) => sum + registry.all().length, 0),
      ...(keptBack === 0 ? {} : { not_deployed: keptBack }),
    },
  };
}
