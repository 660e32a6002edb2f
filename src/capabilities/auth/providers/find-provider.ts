/** A provider by its name: of the configuration, or one that was added while the server runs. */
import type { TenantCtx } from "../../../core/tenant.ts";
import type { AuthState } from "../auth-state.ts";
import type { ProviderSettings } from "./config.ts";
import { createCustomStore } from "./custom-store.ts";
import { type Provider, resolveProvider } from "./resolve-provider.ts";

/** What only added ones are named. */
export const CUSTOM = /^custom:[a-z0-9][a-z0-9_-]{0,62}$/;

/** Null when there is none, or it is disabled. */
export async function findProvider(
  state: AuthState,
  tenant: TenantCtx,
  name: string,
): Promise<Provider | null> {
  const configured = state.providers.find(name);
  if (configured || !CUSTOM.test(name)) return configured;
  const row = await createCustomStore(state.sql(tenant)).find(name);
  if (!row?.enabled) return null;
  // Settings are checked when they are written.
  return resolveProvider(name, row.settings as unknown as ProviderSettings, new Map());
}
