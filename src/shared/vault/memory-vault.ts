/** Vault in this process, unsealed: for tests and simulations, never for a server. */
import type { Vault } from "../../core/ports/vault.ts";
import { PerTenant } from "../per-tenant.ts";
import { checkPath, checkSecret } from "./vault-rules.ts";

interface Kept {
  readonly version: number;
  /** Null once deleted: the version stays, so that it never comes back. */
  readonly value: string | null;
}

export function createMemoryVault(): Vault {
  const secrets = new PerTenant(() => new Map<string, Kept>());
  return {
    async get(tenant, path) {
      checkPath(path);
      const kept = secrets.of(tenant).get(path);
      return kept && kept.value !== null ? { value: kept.value, version: kept.version } : null;
    },
    async put(tenant, path, value) {
      checkPath(path);
      checkSecret(value);
      const version = (secrets.of(tenant).get(path)?.version ?? 0) + 1;
      secrets.of(tenant).set(path, { version, value });
      return version;
    },
    async putIfAbsent(tenant, path, value) {
      checkPath(path);
      checkSecret(value);
      const kept = secrets.of(tenant).get(path);
      if (kept && kept.value !== null) return { value: kept.value, version: kept.version };
      const version = (kept?.version ?? 0) + 1;
      secrets.of(tenant).set(path, { version, value });
      return { value, version };
    },
    async replace(tenant, path, value, version) {
      checkPath(path);
      checkSecret(value);
      const kept = secrets.of(tenant).get(path);
      if (!kept || kept.value === null || kept.version !== version) return null;
      secrets.of(tenant).set(path, { version: version + 1, value });
      return version + 1;
    },
    async delete(tenant, path) {
      checkPath(path);
      const kept = secrets.of(tenant).get(path);
      if (!kept || kept.value === null) return false;
      secrets.of(tenant).set(path, { version: kept.version, value: null });
      return true;
    },
    async list(tenant, prefix) {
      return [...secrets.of(tenant)]
        .filter(([path, kept]) => path.startsWith(prefix) && kept.value !== null)
        .map(([path]) => path)
        .sort();
    },
  };
}
