/** State that exists once for each tenant, made when first asked for. The only way adapters keep any. */
import type { TenantCtx } from "../core/tenant.ts";

export class PerTenant<T> {
  readonly #values = new Map<string, T>();
  readonly #make: (tenant: TenantCtx) => T;

  constructor(make: (tenant: TenantCtx) => T) {
    this.#make = make;
  }

  of(tenant: TenantCtx): T {
    const known = this.#values.get(tenant.id);
    if (known !== undefined) return known;
    const made = this.#make(tenant);
    this.#values.set(tenant.id, made);
    return made;
  }

  values(): T[] {
    return [...this.#values.values()];
  }

  /** Forgets a tenant's state, e.g. when making it failed. */
  drop(tenant: TenantCtx): void {
    this.#values.delete(tenant.id);
  }
}
