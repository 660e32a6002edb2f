/** Opens the vault with what is configured: a key, a passphrase, or the key kept in a file. */
import { join, resolve } from "node:path";
import type { Config } from "../../core/config/config.ts";
import type { VaultConfig } from "../../core/config/sections.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { Rng } from "../../core/ports/rng.ts";
import { StartupError } from "../../core/startup-error.ts";
import type { TenantDatabases } from "../../shared/tenant-database.ts";
import { type Derived, type Master, PASSPHRASE_LENGTH_MIN } from "../../shared/vault/master.ts";
import { KEY_FILE, loadMasterKey } from "../../shared/vault/master-key.ts";
import { createPostgresVault, type PostgresVault } from "../../shared/vault/postgres-vault.ts";

export interface VaultOpenerOptions {
  readonly config: Config;
  readonly dataDir: string;
  readonly rng: Rng;
  readonly log: Logger;
}

/** Makes a vault over some handles: first the boot's single connection, then the pools. */
export type OpenVault = (databases: TenantDatabases) => PostgresVault;

/** @throws StartupError config_invalid, vault_key_invalid */
export async function vaultOpener(options: VaultOpenerOptions): Promise<OpenVault> {
  const { config, rng, log } = options;
  const section = config.section<VaultConfig>("vault");
  const master = await masterOf(options, section);
  const derived: Derived = new Map();
  const recoveryCode = section.recovery_code;
  return (databases) => createPostgresVault({ databases, master, recoveryCode, derived, rng, log });
}

async function masterOf(options: VaultOpenerOptions, section: VaultConfig): Promise<Master> {
  const { dataDir, rng, log } = options;
  const { key, passphrase, key_file: keyFile } = section;
  if ([key, passphrase, keyFile].filter((given) => given !== "").length > 1) {
    throw badVault("Only one of vault.key, vault.key_file and vault.passphrase can be set");
  }
  if (passphrase !== "") {
    if (passphrase.length < PASSPHRASE_LENGTH_MIN) {
      throw badVault(`vault.passphrase has fewer than ${PASSPHRASE_LENGTH_MIN} characters`);
    }
    return { kind: "passphrase", passphrase };
  }
  if (key !== "") {
    const value = await loadMasterKey({ value: key, dataDir, rng, log });
    return { kind: "key", key: value, file: null };
  }
  const file = keyFile === "" ? join(dataDir, KEY_FILE) : resolve(keyFile);
  return { kind: "key", key: await loadMasterKey({ dataDir, path: file, rng, log }), file };
}

function badVault(message: string): StartupError {
  const hint = "Set one of them, as a secret of the environment: REACTOR_VAULT__PASSPHRASE";
  return new StartupError({ code: "config_invalid", message, hint });
}
