/**
 * Whose place in organisations changed since access tokens that still live were issued. Kept in
 * memory on every server: read from the table once, then told by the bus, and read again after the
 * bus was interrupted. Bounded: what is forgotten makes all tokens that are older out of date.
 */
import type { Sql } from "postgres";
import { coreErrors } from "../../../core/errors.ts";
import type { Principal } from "../../../core/ports/auth.ts";
import type { Bus } from "../../../core/ports/bus.ts";
import type { Clock } from "../../../core/ports/clock.ts";
import type { TenantCtx } from "../../../core/tenant.ts";
import { createOrgStore } from "./store.ts";

export interface ChangedPeopleOptions {
  readonly tenant: TenantCtx;
  readonly clock: Clock;
  readonly bus: Bus;
  sql(tenant: TenantCtx): Sql;
  readonly tokenTtlMs: number;
  /** What was kept of this person is not to be used any more. */
  onChange(userId: string): void;
}

const PEOPLE_MAX = 50_000;
const IDS_PER_MESSAGE = 5_000;
/**
 * Between the time of a change and its commit a token may be issued that does not know of it; and
 * tokens tell whole seconds.
 */
const COMMIT_MS = 2_000;

export class ChangedPeople {
  static readonly TOPIC = "auth.org_changes";
  readonly #options: ChangedPeopleOptions;
  /** Milliseconds since the epoch of the last change, oldest entry first. */
  readonly #changedAt = new Map<string, number>();
  /** Tokens from before this are out of date, whoever's they are. */
  #floorMs = 0;
  #ready: Promise<void> | null = null;
  #isReady = false;
  #unsubscribe: (() => Promise<void>) | null = null;

  constructor(options: ChangedPeopleOptions) {
    this.#options = options;
  }

  /** The messages by which `record` is asked for elsewhere. */
  static messages(userIds: readonly string[], at: Date): string[] {
    const parts: string[] = [];
    for (let from = 0; from < userIds.length; from += IDS_PER_MESSAGE) {
      const ids = userIds.slice(from, from + IDS_PER_MESSAGE);
      parts.push(JSON.stringify({ at: at.getTime(), ids }));
    }
    return parts;
  }

  /** At once when the changes are known, which they are after the first time. */
  isOutdated(principal: Principal, userId: string): boolean | Promise<boolean> {
    if (this.#isReady) return this.#judge(principal, userId);
    return this.#start().then(() => this.#judge(principal, userId));
  }

  async close(): Promise<void> {
    await this.#unsubscribe?.();
    this.#unsubscribe = null;
  }

  #judge({ claims }: Principal, userId: string): boolean {
    const changedAt = Math.max(this.#changedAt.get(userId) ?? 0, this.#floorMs);
    if (changedAt === 0) return false;
    const { iat } = JSON.parse(claims) as { iat?: unknown };
    return typeof iat !== "number" || iat * 1000 <= changedAt + COMMIT_MS;
  }

  #start(): Promise<void> {
    this.#ready ??= this.#open().catch((error: unknown) => {
      this.#ready = null;
      throw coreErrors.unavailable("Authentication", error);
    });
    return this.#ready;
  }

  /** Listens first and reads then, so that nothing falls between. */
  async #open(): Promise<void> {
    const { bus, tenant } = this.#options;
    this.#unsubscribe ??= await bus.subscribe(
      tenant,
      ChangedPeople.TOPIC,
      ({ payload }) => this.#hear(payload),
      () => {
        // Changes may have been missed: nobody is judged until they are read.
        this.#isReady = false;
        this.#ready = null;
      },
    );
    await this.#read();
    this.#isReady = true;
  }

  async #read(): Promise<void> {
    const { clock, sql, tenant, tokenTtlMs } = this.#options;
    const since = new Date(clock.now() - tokenTtlMs - COMMIT_MS);
    for (const row of await createOrgStore(sql(tenant)).changesSince(since)) {
      this.#record(row.user_id, row.changed_at.getTime());
    }
  }

  #hear(payload: string): void {
    const { at, ids } = JSON.parse(payload) as { at: number; ids: string[] };
    for (const id of ids) this.#record(id, at);
  }

  #record(userId: string, at: number): void {
    this.#options.onChange(userId);
    const latest = Math.max(at, this.#changedAt.get(userId) ?? 0);
    this.#changedAt.delete(userId);
    this.#changedAt.set(userId, latest);
    this.#forget();
  }

  /** What is past the life of every token, and what there is no room for. */
  #forget(): void {
    const deadMs = this.#options.clock.now() - this.#options.tokenTtlMs - COMMIT_MS - 1000;
    for (const [id, at] of this.#changedAt) {
      const isFull = this.#changedAt.size > PEOPLE_MAX;
      if (at >= deadMs && !isFull) return;
      if (at >= deadMs) this.#floorMs = Math.max(this.#floorMs, at);
      this.#changedAt.delete(id);
    }
  }
}
