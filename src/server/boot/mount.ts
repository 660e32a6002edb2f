/** Mounts the chosen capabilities with their configuration and the shared parts. */

import { join } from "node:path";
import type { Capability, Deps, ServerFacts } from "../../core/capability.ts";
import type { Config } from "../../core/config/config.ts";
import type { ServerConfig } from "../../core/config/sections.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Ids } from "../../core/ports/ids.ts";
import type { PortName, Ports } from "../../core/ports/index.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { Rng } from "../../core/ports/rng.ts";

import { createAuthRemote } from "../../shared/auth-remote.ts";

import type { Tenants } from "../../shared/tenants.ts";
import { inOrderOfNeeds, type MountedCapability, mountAll } from "../compose.ts";
import { isForeign } from "./foreign-database.ts";
import { nobodysAuth } from "./nobodys-auth.ts";
import { GATEWAY_SOCKET } from "./runtime-dir.ts";
import type { SharedParts } from "./shared-parts.ts";
import type { BootSteps } from "./steps.ts";

export interface MountOptions {
  readonly config: Config;
  readonly capabilities: readonly Capability[];
  readonly tenants: Tenants;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly ids: Ids;
  readonly log: Logger;
  readonly shared: SharedParts;
  readonly steps: BootSteps;
  readonly version: string;
  readonly development: boolean;
  readonly dataDir: string;
  readonly projectDir: string | null;
  readonly runtimeDir: string;
}

export interface MountedServer {
  readonly capabilities: readonly MountedCapability[];
  readonly ports: Partial<Ports>;
}

export async function mountCapabilities(options: MountOptions): Promise<MountedServer> {
  const remote = remotePorts(options);
  const ordered = orderOf(options);
  const facts = serverFacts(options);
  const mounted = await mountAll(
    ordered,
    (capability) => Promise.resolve(options.config.section<never>(capability.section)),
    (capability, ports) => depsFor(options, facts, capability, ports),
    remote,
  );
  options.steps.onClose("capabilities", async () => {
    for (const { mounted: one } of [...mounted].reverse()) await one.close();
  });
  const provided = mounted.map(({ mounted: one }) => one.ports ?? {});
  return { capabilities: mounted, ports: Object.assign({}, remote, ...provided) };
}

/**
 * The order of mounting. Also called before anything is started, for what it throws.
 * @throws StartupError need_unmet
 */
export function orderOf(options: Pick<MountOptions, "config" | "capabilities">): Capability[] {
  const isAuthElsewhere = isAuthRemote(options) || isForeign(options.config);
  return inOrderOfNeeds(options.capabilities, isAuthElsewhere ? ["auth"] : []);
}

/** Ports whose capability runs elsewhere, as `[auth] url` says. */
function remotePorts(options: MountOptions): Partial<Ports> {
  // There tokens are all the identity there is, and `data` reads them itself.
  if (isForeign(options.config)) return { auth: nobodysAuth };
  if (!isAuthRemote(options)) return {};
  const { url } = options.config.section<{ url: string }>("auth");
  const { clock, log } = options;
  return { auth: createAuthRemote({ url, clock, log: log.with({ capability: "auth" }) }) };
}

function isAuthRemote(options: Pick<MountOptions, "config" | "capabilities">): boolean {
  const { url } = options.config.section<{ url: string }>("auth");
  return url !== "" && !options.capabilities.some((c) => c.name === "auth");
}

function serverFacts(options: MountOptions): ServerFacts {
  return {
    instanceId: options.ids.uuid(),
    version: options.version,
    development: options.development,
    dataDir: options.dataDir,
    projectDir: options.projectDir,
    runtimeDir: options.runtimeDir,
    lists: options.config.lists,
    publicUrl: publicUrlOf(options),
    gatewaySocket: join(options.runtimeDir, GATEWAY_SOCKET),
  };
}

function publicUrlOf({ config }: MountOptions): string {
  return config.section<ServerConfig>("server").public_url.replace(/\/+$/, "");
}

function depsFor(
  options: MountOptions,
  server: ServerFacts,
  capability: Capability,
  ports: Partial<Ports>,
): Deps {
  const { shared, clock, rng, ids, tenants } = options;
  return {
    ...shared,
    server,
    log: options.log.with({ capability: capability.name }),
    clock,
    rng,
    ids,
    tenants: () => tenants.all(),
    port<N extends PortName>(name: N): Ports[N] {
      const port = ports[name];
      // `needs` was checked before mounting: asking for another port is a defect.
      if (!port) throw new Error(`${capability.name} asks for '${name}' without needing it`);
      return port as Ports[N];
    },
  };
}
