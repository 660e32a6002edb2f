/** What `/_admin/vault` calls: from what was sent to a master key or passphrase, and its checks. */
import { defineErrors } from "../../../core/errors.ts";
import { type Master, PASSPHRASE_LENGTH_MIN } from "../../../shared/vault/master.ts";
import { parseKey } from "../../../shared/vault/master-key.ts";
import type { VaultAdmin } from "../../../shared/vault/vault-admin.ts";
import type { RotateRequest, VaultOperations } from "./routes.ts";

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

/** @param checkOwned throws where the database is not this server's. */
export function createVaultOperations(
  admin: VaultAdmin | null,
  checkOwned: () => Promise<void>,
): VaultOperations {
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
