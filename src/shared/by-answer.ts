/**
 * What belongs to one method, route and status: three looks at texts that are known already, where a
 * joined key would be made and hashed anew for each answer.
 */

export class ByAnswer<T> {
  readonly #make: (method: string, route: string, status: number) => T;
  readonly #byRoute = new Map<string, Map<string, Map<number, T>>>();

  /** @param make once for each; routes are patterns, so there are few. */
  constructor(make: (method: string, route: string, status: number) => T) {
    this.#make = make;
  }

  of(method: string, route: string, status: number): T {
    const found = this.#byRoute.get(route)?.get(method)?.get(status);
    return found ?? this.#add(method, route, status);
  }

  #add(method: string, route: string, status: number): T {
    const byMethod = this.#byRoute.get(route) ?? new Map<string, Map<number, T>>();
    const byStatus = byMethod.get(method) ?? new Map<number, T>();
    const made = this.#make(method, route, status);
    this.#byRoute.set(route, byMethod);
    byMethod.set(method, byStatus);
    byStatus.set(status, made);
    return made;
  }
}
