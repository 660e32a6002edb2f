/** Opens the vault with the configured master key, or the one kept in the data folder. */
import type { Config } from "../../core/config/config.ts";
import type { VaultConfig } from "../../core/config/sections.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { Rng } from "../../core/ports/rng.ts";
import type { Vault } from "../../core/ports/vault.ts";
import type { TenantDatabases } from "../../shared/tenant-database.ts";
import { loadMasterKey } from "../../shared/vault/master-key.ts";
import { createPostgresVault } from "../../shared/vault/postgres-vault.ts";

export interface VaultOpenerOptions {
  readonly config: Config;
  readonly dataDir: string;
  readonly rng: Rng;
  readonly log: Logger;
}

/** Makes a vault over some handles: first the boot's single connection, then the pools. */
export type OpenVault = (databases: TenantDatabases) => Vault;

export async function vaultOpener(options: VaultOpenerOptions): Promise<OpenVault> {
  const { config, dataDir, rng, log } = options;
  const { key } = config.section<VaultConfig>("vault");
  const masterKey = await loadMasterKey({
    ...(key === "" ? {} : { value: key }),
    dataDir,
    rng,
    log,
  });
  return (databases) => createPostgresVault({ databases, masterKey, rng });
}
