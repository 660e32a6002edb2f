/**
 * Each tenant's project as this server knows it, and how it follows the others: a change is told on
 * the bus, and because the bus promises nothing, the vault is also asked once a minute and when a
 * token names a key that is not known here. A project that did not change stays the same object.
 */
import type { Projects } from "../core/capability.ts";
import type { Bus } from "../core/ports/bus.ts";
import type { Clock } from "../core/ports/clock.ts";
import type { Logger } from "../core/ports/log.ts";
import type { Project } from "../core/project.ts";
import type { Service } from "../core/service.ts";
import type { TenantCtx } from "../core/tenant.ts";
import { PerTenant } from "./per-tenant.ts";

export interface ProjectCacheOptions {
  /** Reads it, making what is missing. */
  load(tenant: TenantCtx): Promise<Project>;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface ProjectCache extends Projects {
  /** Loaded once; a failed load is tried again by the next caller. */
  of(tenant: TenantCtx): Promise<Project>;
  /** Follows the changes of other servers. */
  follower(tenants: () => readonly TenantCtx[]): Service;
}

const TOPIC = "project.changed";
const LOOK_EVERY_MS = 60_000;
const LOOK_AGAIN_MS = 5_000;

interface Known {
  current: Promise<Project> | null;
  /** What `current` was made of. */
  text: string;
  lookedAt: number;
}

export function createProjectCache(options: ProjectCacheOptions): ProjectCache {
  const { bus, clock } = options;
  const known = new PerTenant<Known>(() => ({ current: null, text: "", lookedAt: -Infinity }));
  const of = (tenant: TenantCtx) => {
    const state = known.of(tenant);
    return state.current ?? loadFirst(options, tenant, state);
  };
  const lookAgain = (tenant: TenantCtx) => {
    const state = known.of(tenant);
    if (clock.monotonic() - state.lookedAt < LOOK_AGAIN_MS) return of(tenant);
    return reload(options, tenant, state);
  };
  return {
    of,
    lookAgain,
    async changed(tenant) {
      const project = await reload(options, tenant, known.of(tenant));
      await bus.publish(tenant, TOPIC, "");
      return project;
    },
    follower: (tenants) =>
      follower(options, tenants, (tenant) => reload(options, tenant, known.of(tenant))),
  };
}

function loadFirst(options: ProjectCacheOptions, tenant: TenantCtx, state: Known) {
  const loading = options.load(tenant);
  state.current = loading;
  loading.then(
    (project) => {
      if (state.current === loading) state.text = JSON.stringify(project);
    },
    () => {
      if (state.current === loading) state.current = null;
    },
  );
  return loading;
}

/** What is in use stays in use until its successor has been read. */
async function reload(
  options: ProjectCacheOptions,
  tenant: TenantCtx,
  state: Known,
): Promise<Project> {
  state.lookedAt = options.clock.monotonic();
  const fresh = await options.load(tenant);
  const text = JSON.stringify(fresh);
  if (state.current && state.text === text) return state.current;
  state.text = text;
  state.current = Promise.resolve(fresh);
  return fresh;
}

function follower(
  options: ProjectCacheOptions,
  tenants: () => readonly TenantCtx[],
  look: (tenant: TenantCtx) => Promise<Project>,
): Service {
  const { bus, clock, log } = options;
  let ends: (() => void | Promise<void>)[] | null = null;
  const lookNow = (tenant: TenantCtx) => {
    look(tenant).catch((error: unknown) => {
      log.warn("project.not_read", { tenant: tenant.id, error });
    });
  };
  return {
    name: "server.project_follower",
    scope: "process",
    async start() {
      if (ends) return;
      ends = [clock.every(LOOK_EVERY_MS, () => tenants().forEach(lookNow))];
      for (const tenant of tenants()) {
        const ring = () => lookNow(tenant);
        ends.push(await bus.subscribe(tenant, TOPIC, ring, ring));
      }
    },
    async stop() {
      const ending = ends ?? [];
      ends = null;
      for (const end of ending) await end();
    },
  };
}
