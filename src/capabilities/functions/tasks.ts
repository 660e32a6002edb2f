/** Background work: the runtimes themselves, the writer of records, what follows other servers, the sweep. */
import type { Service } from "../../core/service.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { leasedTimer } from "../../shared/leases/leased-timer.ts";
import { versionsInUse } from "./function-version.ts";
import { CHANGED_TOPIC, type FunctionsParts, LOGGED_TOPIC } from "./parts.ts";
import { prepareReady } from "./prepare-ready.ts";
import { sweepSealedEnv } from "./sealed-env.ts";
import { readVersionKeys } from "./store.ts";
import { whileWithout } from "./store-changes.ts";
import { trimRecords } from "./store-records.ts";

const SWEEP_EVERY_MS = 60_000;
const SWEEP_LEASE_MS = 30_000;
/** Longer than any call may take. */
const CODE_SWEEP_EVERY_MS = 20 * 60_000;

/** In order of start: what functions say while they stop must still find a writer. */
export function functionsServices(parts: FunctionsParts): Service[] {
  return [
    recordsService(parts),
    runtimesService(parts),
    followService(parts),
    ...parts.deps.tenants().map((tenant) => sweepService(parts, tenant)),
  ];
}

/** Writes log lines and invocations; the last of them when everything else has stopped. */
function recordsService(parts: FunctionsParts): Service {
  const { clock, tenants } = parts.deps;
  return {
    name: "functions.records",
    scope: "process",
    async start() {
      for (const tenant of tenants()) parts.state(tenant).records.start(clock);
    },
    async stop() {
      for (const tenant of tenants()) await parts.state(tenant).records.stop();
    },
  };
}

function runtimesService(parts: FunctionsParts): Service {
  let running = false;
  return {
    name: "functions.runtimes",
    scope: "process",
    async start() {
      if (running) return;
      running = true;
      await parts.runtimes.start();
    },
    async stop(budgetMs) {
      if (!running) return;
      running = false;
      await parts.runtimes.stop(budgetMs);
    },
  };
}

/** Takes up what other servers changed: told by the bus, and by a poll where that was lost. */
function followService(parts: FunctionsParts): Service {
  let endings: (() => Promise<void> | void)[] | null = null;
  return {
    name: "functions.follow",
    scope: "process",
    async start() {
      if (endings) return;
      endings = [];
      parts.tails.end = new AbortController();
      for (const tenant of parts.deps.tenants()) endings.push(...(await follow(parts, tenant)));
      await sweepCode(parts);
      endings.push(parts.deps.clock.every(CODE_SWEEP_EVERY_MS, () => void sweepCode(parts)));
    },
    async stop() {
      parts.tails.end.abort(new Error("the server is stopping"));
      const ending = endings ?? [];
      endings = null;
      for (const end of ending.reverse()) await end();
    },
  };
}

async function follow(parts: FunctionsParts, tenant: TenantCtx) {
  const { bus, clock, log } = parts.deps;
  const { registry, feed } = parts.state(tenant);
  const look = () => {
    registry
      .poll()
      .then(() => prepareReady(parts, tenant))
      .catch((error: unknown) => {
        log.warn("functions.poll_failed", { tenant: tenant.id, error });
      });
  };
  const endings = [
    await bus.subscribe(tenant, CHANGED_TOPIC, look, look),
    await bus.subscribe(
      tenant,
      LOGGED_TOPIC,
      ({ payload }) => feed.wake(payload.split(",")),
      () => feed.wakeAll(),
    ),
  ];
  // After subscribing, so that no change falls between.
  await registry.load();
  await prepareReady(parts, tenant);
  return [...endings, clock.every(parts.config.poll_ms, look)];
}

/** Drops cached code that no version in use names. */
async function sweepCode(parts: FunctionsParts): Promise<void> {
  const { code, deps } = parts;
  const isUsed = (sha256: string) =>
    deps
      .tenants()
      .flatMap((tenant) => parts.state(tenant).registry.all())
      .flatMap(versionsInUse)
      .some(({ codeSha256 }) => codeSha256 === sha256);
  try {
    await code.sweep(isUsed);
  } catch (error) {
    deps.log.error("functions.code_not_swept", { error });
  }
}

function sweepEnv(parts: FunctionsParts, tenant: TenantCtx): Promise<void> {
  const sql = parts.sql(tenant);
  return sweepSealedEnv(
    parts.deps.vault,
    tenant,
    () => readVersionKeys(sql),
    (name, version, work) => whileWithout(sql, name, version, work),
  );
}

/** Keeps records, versions and code within their bounds; on one server of the installation. */
function sweepService(parts: FunctionsParts, tenant: TenantCtx): Service {
  const { log_lines_kept, invocations_kept, versions_kept } = parts.config;
  const keep = {
    logLines: log_lines_kept,
    invocations: invocations_kept,
    versions: versions_kept,
  };
  return leasedTimer(parts.deps, tenant, {
    ...{ name: "functions.sweep", ttlMs: SWEEP_LEASE_MS, everyMs: SWEEP_EVERY_MS },
    async work() {
      await trimRecords(parts.sql(tenant), keep);
      await sweepEnv(parts, tenant);
    },
  });
}
