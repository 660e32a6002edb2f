/** The providers of this server, made once from the configuration, and the way to ask them. */
import type { Clock } from "../../../core/ports/clock.ts";
import type { AuthConfig } from "../config.ts";
import { type AskProvider, createAskProvider } from "./ask-provider.ts";
import { IssuerDirectory } from "./discovery.ts";
import { readKnownProviders } from "./known-providers.ts";
import { type Provider, resolveProvider } from "./resolve-provider.ts";

export interface Providers {
  /** Enabled ones only. */
  find(name: string): Provider | null;
  findByIssuer(issuer: string): Provider | null;
  readonly names: readonly string[];
  readonly ask: AskProvider;
  readonly directory: IssuerDirectory;
}

type Settings = Pick<AuthConfig, "providers" | "provider_networks" | "provider_timeout_s">;

/** @throws StartupError for a provider whose settings do not fit together */
export function createProviders(config: Settings, clock: Clock): Providers {
  const known = readKnownProviders();
  const enabled = Object.entries(config.providers).filter(([, one]) => one.enabled !== false);
  const byName = new Map(
    enabled.map(([name, settings]) => [name, resolveProvider(name, settings, known)]),
  );
  const timeoutMs = config.provider_timeout_s * 1000;
  const ask = createAskProvider({ clock, timeoutMs, networks: config.provider_networks });
  return {
    find: (name) => byName.get(name) ?? null,
    findByIssuer: (issuer) => [...byName.values()].find((one) => one.issuer === issuer) ?? null,
    names: [...byName.keys()],
    ask,
    directory: new IssuerDirectory(ask, clock),
  };
}
