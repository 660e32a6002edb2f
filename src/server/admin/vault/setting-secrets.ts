/** The operator's part of the vault: secrets that settings name as `vault:path`. */
import { defineErrors } from "../../../core/errors.ts";
import type { Logger } from "../../../core/ports/log.ts";
import type { Vault } from "../../../core/ports/vault.ts";
import type { TenantCtx } from "../../../core/tenant.ts";
import { checkPath, checkSecret } from "../../../shared/vault/vault-rules.ts";

/** Path -> new value; null removes. */
export type SecretChanges = Readonly<Record<string, string | null>>;

/** Paths, without values: those are never shown again. */
export interface SecretPaths {
  readonly paths: readonly string[];
}

/** What Reactor keeps for itself: a value of somebody else's there would break it. */
const OWN = [
  ...["project/", "database/", "functions/", "data/realtime_bus"],
  ...["auth/totp/", "auth/providers/"],
];

const secretErrors = defineErrors({
  secret_path_reserved: (path: string) => ({
    status: 400,
    message: "Reactor keeps secrets of its own there",
    details: path,
    hint: "Choose another path, as auth/github or mail/password",
  }),
});

const isOwn = (path: string) => OWN.some((start) => path.startsWith(start));

export async function listSecrets(vault: Vault, tenant: TenantCtx): Promise<SecretPaths> {
  return { paths: (await vault.list(tenant, "")).filter((path) => !isOwn(path)) };
}

/**
 * Nothing is written when one of them cannot be.
 * @throws secret_path_invalid, secret_path_reserved, secret_value_invalid
 */
export async function changeSecrets(
  { vault, log }: { readonly vault: Vault; readonly log: Logger },
  tenant: TenantCtx,
  changes: SecretChanges,
): Promise<SecretPaths> {
  for (const [path, value] of Object.entries(changes)) {
    checkPath(path);
    if (isOwn(path)) throw secretErrors.secret_path_reserved(path);
    if (value !== null) checkSecret(value);
  }
  for (const [path, value] of Object.entries(changes)) {
    if (value === null) await vault.delete(tenant, path);
    else await vault.put(tenant, path, value);
    log.info(value === null ? "vault.secret_removed" : "vault.secret_set", { path });
  }
  return listSecrets(vault, tenant);
}
