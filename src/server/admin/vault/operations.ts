/** What `/_admin/vault` calls: from what was sent to a master key or passphrase, and its checks. */
import { defineErrors } from "../../../core/errors.ts";
import type { Logger } from "../../../core/ports/log.ts";
import type { Vault } from "../../../core/ports/vault.ts";
import { type Master, PASSPHRASE_LENGTH_MIN } from "../../../shared/vault/master.ts";
import { parseKey } from "../../../shared/vault/master-key.ts";
import type { VaultAdmin } from "../../../shared/vault/vault-admin.ts";
import type { RotateRequest, VaultOperations } from "./routes.ts";
import { changeSecrets, listSecrets } from "./setting-secrets.ts";

const vaultErrors = defineErrors({
  vault_key_malformed: () => ({
    status: 400,
    message: "That is not a master key",
    hint: "A vault key is 32 random bytes, as `openssl rand -hex 32` prints them",
  }),
  vault_passphrase_short: () => ({
    status: 400,
    message: `A passphrase has at least ${PASSPHRASE_LENGTH_MIN} characters`,
    hint: "Five words that were drawn by dice are enough",
  }),
  vault_choice: () => ({ status: 400, message: "Send a key or a passphrase, not both" }),
});

export interface VaultParts {
  /** Null where the database is not this server's. */
  readonly admin: VaultAdmin | null;
  readonly vault: Vault;
  readonly log: Logger;
  /** Throws where the database is not this server's. */
  checkOwned(): Promise<void>;
}

export function createVaultOperations(parts: VaultParts): VaultOperations {
  const { admin, vault, checkOwned } = parts;
  const owned = async (): Promise<VaultAdmin> => {
    await checkOwned();
    if (!admin) throw new Error("a database of this server's own has no vault");
    return admin;
  };
  return {
    status: async (tenant) => (await owned()).status(tenant),
    rotate: async (request) => (await owned()).rotate(masterOf(request)),
    async recoveryCode() {
      return { recovery_code: await (await owned()).renewRecoveryCode() };
    },
    secrets: (tenant) => checkOwned().then(() => listSecrets(vault, tenant)),
    changeSecrets: (tenant, changes) =>
      checkOwned().then(() => changeSecrets(parts, tenant, changes)),
  };
}

/** @throws vault_key_malformed, vault_passphrase_short, vault_choice */
function masterOf({ key, passphrase }: RotateRequest): Master | null {
  if (key !== undefined && passphrase !== undefined) throw vaultErrors.vault_choice();
  if (passphrase !== undefined) {
    if (passphrase.length < PASSPHRASE_LENGTH_MIN) throw vaultErrors.vault_passphrase_short();
    return { kind: "passphrase", passphrase };
  }
  if (key === undefined) return null;
  const bytes = parseKey(key);
  if (!bytes) throw vaultErrors.vault_key_malformed();
  return { kind: "key", key: bytes, file: null };
}
