/** Settings that may name a place in the vault in place of the secret itself: `vault:mail/password`. */
import type { Vault } from "../../core/ports/vault.ts";
import type { TenantCtx } from "../../core/tenant.ts";

const PREFIX = "vault:";

/** @throws Error when the vault has nothing there */
export async function settingValue(
  vault: Vault,
  tenant: TenantCtx,
  value: string,
): Promise<string> {
  if (!value.startsWith(PREFIX)) return value;
  const path = value.slice(PREFIX.length);
  const found = await vault.get(tenant, path);
  if (!found) throw new Error(`the vault has nothing at ${path}`);
  return found.value;
}

export function isInVault(value: string): boolean {
  return value.startsWith(PREFIX);
}
