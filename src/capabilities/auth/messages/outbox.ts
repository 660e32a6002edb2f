/**
 * Sends messages after the answer: no request waits for a mail server, and whether an address got a
 * mail cannot be told from the time of an answer. Messages wait in the database, where the change
 * that they tell of wrote them, so a server that dies loses none: another one, or the next start,
 * sends what is left. One that died between the sending and the noting sends twice.
 */
import { ReactorError } from "../../../core/errors.ts";
import type { Clock } from "../../../core/ports/clock.ts";
import type { Logger } from "../../../core/ports/log.ts";
import type { Metrics } from "../../../core/ports/metrics.ts";
import type { Service } from "../../../core/service.ts";
import type { TenantCtx } from "../../../core/tenant.ts";
import type { OutgoingRow, OutgoingStore } from "./outgoing-store.ts";

export interface Outbox {
  /** There is something to send, and it has been committed. It leaves when the answer is out. */
  wake(tenant: TenantCtx): void;
  /** Begins at once and resolves when nothing is due any more. */
  idle(): Promise<void>;
  /** Finds what other servers left, also those that died. */
  readonly service: Service;
  /** Begins nothing new, and waits at most `budgetMs` for what is being sent. */
  close(budgetMs: number): Promise<void>;
}

export interface OutboxOptions {
  readonly log: Logger;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly tenants: () => readonly TenantCtx[];
  store(tenant: TenantCtx): OutgoingStore;
  /** False: it was for nobody. */
  deliver(tenant: TenantCtx, row: OutgoingRow): Promise<boolean>;
}

const CONCURRENCY = 4;
/** The answer is out by then. */
const BEGIN_AFTER_MS = 5;
/** A server that is restarted, one that greylists (RFC 6647 §4.3): a code is good for ten minutes. */
const RETRY_AFTER_MS = [2_000, 15_000, 60_000, 240_000];
/** Longer than any transport may take: then whoever began is taken for dead. */
const CLAIM_MS = 120_000;
const LOOK_EVERY_MS = 30_000;
const UNAVAILABLE = 503;

export function createOutbox(options: OutboxOptions): Outbox {
  const { log, clock, metrics } = options;
  const running = new Set<Promise<void>>();
  /** Whose messages wait for somebody to be free. */
  const wanted = new Set<TenantCtx>();
  /** By tenant: the timer that begins with what came in. */
  const begins = new Map<TenantCtx, () => void>();
  /** Timers of what is tried again. */
  const delayed = new Set<() => void>();
  let isClosed = false;
  const attempt = createAttempts(options);
  const gauge = metrics.gauge("reactor_auth_messages_waiting", "Messages that wait to be sent");

  const start = (tenant: TenantCtx) => {
    if (isClosed) return;
    if (running.size >= CONCURRENCY) {
      wanted.add(tenant);
      return;
    }
    const work = drain(tenant)
      .catch((error: unknown) => log.error("auth.outbox_failed", { tenant: tenant.id, error }))
      .then(() => {
        running.delete(work);
        for (const next of [...wanted].slice(0, CONCURRENCY - running.size)) {
          wanted.delete(next);
          start(next);
        }
      });
    running.add(work);
  };
  const drain = async (tenant: TenantCtx) => {
    while (!isClosed) {
      const [now, until] = [new Date(clock.now()), new Date(clock.now() + CLAIM_MS)];
      const row = await options.store(tenant).claim(now, until);
      if (!row) return;
      // Where there is one there may be more.
      start(tenant);
      const delayMs = await attempt(tenant, row);
      if (delayMs !== null && !isClosed) startIn(delayMs, tenant);
    }
  };
  const startIn = (ms: number, tenant: TenantCtx) => {
    const cancel = clock.after(ms, () => {
      delayed.delete(cancel);
      start(tenant);
    });
    delayed.add(cancel);
  };
  const look = async () => {
    let total = 0;
    for (const tenant of options.tenants()) {
      const count = await options.store(tenant).count();
      total += count;
      if (count > 0) start(tenant);
    }
    gauge.set({}, total);
  };
  const cancelAll = () => {
    for (const cancel of begins.values()) cancel();
    begins.clear();
  };
  return {
    wake(tenant) {
      if (isClosed || begins.has(tenant)) return;
      const begin = () => {
        begins.delete(tenant);
        start(tenant);
      };
      // Later: what a message costs to make is not in the time of the answer either.
      begins.set(tenant, clock.after(BEGIN_AFTER_MS, begin));
    },
    async idle() {
      cancelAll();
      for (const tenant of options.tenants()) start(tenant);
      while (running.size > 0) await Promise.all(running);
    },
    service: lookingService(look, clock, log),
    async close(budgetMs) {
      isClosed = true;
      cancelAll();
      for (const cancel of delayed) cancel();
      await within(clock, budgetMs, Promise.all(running));
    },
  };
}

async function within(clock: Clock, budgetMs: number, work: Promise<unknown>): Promise<void> {
  let cancel = () => {};
  const late = new Promise<void>((resolve) => {
    cancel = clock.after(budgetMs, resolve);
  });
  await Promise.race([work, late]);
  cancel();
}

/** One try of a message: the milliseconds after which there is to be another, null = it is over. */
type Attempt = (tenant: TenantCtx, row: OutgoingRow) => Promise<number | null>;

function createAttempts({ log, clock, metrics, store, deliver }: OutboxOptions): Attempt {
  const counted = metrics.counter("reactor_auth_messages_total", "Messages to people, by outcome");
  return async (tenant, row) => {
    try {
      if (row.expires_at.getTime() <= clock.now()) throw new Error("it is too late for it");
      if (row.tries > RETRY_AFTER_MS.length + 1) throw new Error("it was begun too often");
      if (await deliver(tenant, row)) counted.add({ outcome: "sent" });
    } catch (error) {
      const delayMs = RETRY_AFTER_MS[row.tries - 1];
      const isLater = error instanceof ReactorError && error.status === UNAVAILABLE;
      if (isLater && delayMs !== undefined) {
        await store(tenant).postpone(row.id, new Date(clock.now() + delayMs));
        log.warn("auth.message_delayed", { what: row.kind, retry_in_ms: delayMs, error });
        return delayMs;
      }
      counted.add({ outcome: "failed" });
      log.error("auth.message_failed", { what: row.kind, error });
    }
    await store(tenant).remove(row.id);
    return null;
  };
}

/** On every server: the one that has left messages behind may have been the only one. */
function lookingService(look: () => Promise<void>, clock: Clock, log: Logger): Service {
  const safely = () =>
    look().catch((error: unknown) => log.warn("auth.outbox_unreadable", { error }));
  let cancel: () => void = () => undefined;
  return {
    name: "auth.outbox",
    scope: "process",
    async start() {
      cancel();
      cancel = clock.every(LOOK_EVERY_MS, () => void safely());
      void safely();
    },
    async stop() {
      cancel();
    },
  };
}
