/**
 * Work that runs on one server of the installation: a `cluster` service tries for its lease, runs
 * while it holds it, ends the work when it is lost and gives it up when stopped.
 *
 * Lost means: a renewal said so, or none succeeded in time. The time is measured here, from before
 * the request was sent, so the work is told to end before the database lets another holder in, even
 * if the database cannot be reached. Work that must not overlap at all fences its writes by epoch.
 */
import type { Clock } from "../../core/ports/clock.ts";
import type { Lease, Leases } from "../../core/ports/leases.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { Service } from "../../core/service.ts";
import type { TenantCtx } from "../../core/tenant.ts";

export interface LeaseServiceOptions {
  /** Name of the service and of the lease. */
  readonly name: string;
  readonly leases: Leases;
  readonly tenant: TenantCtx;
  /** `ServerFacts.instanceId`. */
  readonly holder: string;
  /** >= 1,000. Renewed every third of it. */
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** The work. Must end soon after `signal` aborts. When it ends before, it is begun again later. */
  run(signal: AbortSignal, lease: Lease): Promise<void>;
}

/** A service of scope `cluster`. `stop` before `start`, twice, or while starting is fine. */
export function leaseService(options: LeaseServiceOptions): Service {
  let current: { readonly ending: AbortController; readonly done: Promise<void> } | null = null;
  return {
    name: options.name,
    scope: "cluster",
    async start() {
      if (current && !current.ending.signal.aborted) return;
      const ending = new AbortController();
      // One loop at a time: an earlier one that is still ending goes first.
      const earlier = current?.done ?? Promise.resolve();
      current = { ending, done: earlier.then(() => contend(options, ending.signal)) };
    },
    async stop(budgetMs) {
      const stopping = current;
      if (!stopping) return;
      stopping.ending.abort(new Error("stopped"));
      const enough = new AbortController();
      const ended = await Promise.race([
        stopping.done.then(() => true),
        options.clock.sleep(budgetMs, enough.signal).then(
          () => false,
          () => false,
        ),
      ]);
      enough.abort(new Error("ended in time"));
      if (!ended) options.log.warn("lease.stop_overran", { service: options.name });
      else if (current === stopping) current = null;
    },
  };
}

/** Tries, holds, runs and tries again until the signal. Never rejects. */
async function contend(options: LeaseServiceOptions, ending: AbortSignal): Promise<void> {
  const { leases, tenant, name, holder, ttlMs, clock, log } = options;
  while (!ending.aborted) {
    try {
      const askedAt = clock.monotonic();
      const lease = await leases.acquire(tenant, name, holder, ttlMs);
      if (lease) await hold(options, lease, askedAt, ending);
    } catch (error) {
      log.error("lease.failed", { service: name, tenant: tenant.id, error });
    }
    await pause(clock, ttlMs / 3, ending);
  }
}

async function hold(
  options: LeaseServiceOptions,
  lease: Lease,
  askedAt: number,
  ending: AbortSignal,
): Promise<void> {
  const { name, tenant, log } = options;
  const work = new AbortController();
  const onEnding = () => work.abort(ending.reason);
  ending.addEventListener("abort", onEnding, { once: true });
  if (ending.aborted) onEnding();
  const guard = keepRenewing(options, lease, askedAt, work);
  log.info("lease.held", { service: name, tenant: tenant.id, epoch: String(lease.epoch) });
  try {
    await options.run(work.signal, lease);
  } catch (error) {
    // What an aborted wait throws is how the work ends, not a fault.
    if (!work.signal.aborted) log.error("lease.work_failed", { service: name, error });
  } finally {
    ending.removeEventListener("abort", onEnding);
    work.abort(new Error("work ended"));
    await guard;
    await lease.release();
  }
}

/** Renews until `work` is aborted; aborts it when the lease is lost. Never rejects. */
async function keepRenewing(
  options: LeaseServiceOptions,
  lease: Lease,
  askedAt: number,
  work: AbortController,
): Promise<void> {
  const { name, clock, log, ttlMs } = options;
  // A tenth is left to end the work before the lease can be another's.
  const deadlineAfter = (from: number) => from + ttlMs * 0.9 - clock.monotonic();
  const lost = () => {
    log.warn("lease.lost", { service: name, epoch: String(lease.epoch) });
    work.abort(new Error("the lease was lost"));
  };
  let cancelDeadline = clock.after(deadlineAfter(askedAt), lost);
  while (!work.signal.aborted) {
    await pause(clock, ttlMs / 3, work.signal);
    if (work.signal.aborted) break;
    const sentAt = clock.monotonic();
    const renewal = await renewed(options, lease, work.signal);
    if (work.signal.aborted) break;
    if (renewal === "lost") lost();
    if (renewal !== "held") continue;
    cancelDeadline();
    cancelDeadline = clock.after(deadlineAfter(sentAt), lost);
  }
  cancelDeadline();
}

/** The renewal's outcome, or `unknown` when it failed or the work ended while it hung. */
async function renewed(
  options: LeaseServiceOptions,
  lease: Lease,
  signal: AbortSignal,
): Promise<"held" | "lost" | "unknown"> {
  const ask = lease.renew().then(
    (held) => (held ? ("held" as const) : ("lost" as const)),
    (error: unknown) => {
      options.log.warn("lease.renewal_failed", { service: options.name, error });
      return "unknown" as const;
    },
  );
  return Promise.race([ask, aborted(signal).then(() => "unknown" as const)]);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Sleeps, or returns early when aborted. */
async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
