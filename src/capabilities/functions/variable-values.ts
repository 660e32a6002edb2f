/** Values of secrets and environment, from the vault, for the calls of a server. */
import type { Vault } from "../../core/ports/vault.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { LruMap } from "../../shared/lru-map.ts";
import type { ActiveFunction, Variable } from "./function-version.ts";

const CACHED_MAX = 1_000;

/** Where the value lies. Names keep their case, which paths of the vault have none of. */
export function pathOf({ owner, kind, name }: Pick<Variable, "owner" | "kind" | "name">): string {
  const place = owner === null ? "shared" : `of/${owner}`;
  return `functions/${kind}/${place}/${Buffer.from(name).toString("hex")}`;
}

/** Reads values, each once a revision. One for each tenant. */
export class VariableValues {
  readonly #vault: Vault;
  readonly #tenant: TenantCtx;
  readonly #known = new LruMap<string, { revision: string; value: Promise<string | null> }>(
    CACHED_MAX,
  );

  constructor(vault: Vault, tenant: TenantCtx) {
    this.#vault = vault;
    this.#tenant = tenant;
  }

  /** Null when it was removed meanwhile. */
  read(variable: Variable): Promise<string | null> {
    const path = pathOf(variable);
    const known = this.#known.get(path);
    if (known?.revision === variable.revision) return known.value;
    const value = this.#vault.get(this.#tenant, path).then((secret) => secret?.value ?? null);
    this.#known.set(path, { revision: variable.revision, value });
    value.catch(() => this.#known.delete(path));
    return value;
  }

  /** The function's own secret of that name, else the one of all functions; null when there is none. */
  async secret(found: ActiveFunction, name: string): Promise<string | null> {
    const variable = found.variables.find((one) => one.kind === "secret" && one.name === name);
    return variable ? this.read(variable) : null;
  }
}
