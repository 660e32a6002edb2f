/**
 * Whose data an operation touches. Resolved once at the edge, carried by every port call, event,
 * cache key, lock and background pass. Today a server has one tenant; nothing may assume it.
 */
export interface TenantCtx {
  /** Stable, `^[a-z0-9][a-z0-9_-]{0,62}$`. Prefixes cache keys, lock names, lease names. */
  readonly id: string;
}

/** The tenant of a server that was not told of others. */
export const DEFAULT_TENANT: TenantCtx = Object.freeze({ id: "default" });
