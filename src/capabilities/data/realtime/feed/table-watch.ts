/**
 * Looks after the tables that are followed: one may be dropped, taken out of the publication, lose what
 * names its rows, or get another partition, and nothing in the log tells.
 */
import type { Clock } from "../../../../core/ports/clock.ts";
import type { TenantDatabase } from "../../../../core/ports/database.ts";
import type { Logger } from "../../../../core/ports/log.ts";
import type { Schema, Table } from "../../schema/schema.ts";
import { tableKey } from "../../schema/schema.ts";
import { readTableFacts } from "./facts-store.ts";
import { unpublish } from "./publication-store.ts";
import type { Subscription } from "./subscription.ts";

export interface TableWatchOptions {
  readonly publication: string;
  database(): TenantDatabase;
  subscriptions(): Iterable<Subscription>;
  end(subscription: Subscription, reason: string): void;
  /** As `ChangeSource.follow`. */
  follow(table: Table): Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}

const EVERY_MS = 10_000;

export class TableWatch {
  readonly #options: TableWatchOptions;
  #lookedAtMs: number;
  #isLooking = false;
  #schema: Schema | null = null;

  constructor(options: TableWatchOptions) {
    this.#options = options;
    this.#lookedAtMs = options.clock.monotonic();
  }

  /** Called about once a second; looks into the database now and then, and when the schema has changed. */
  async look(schema: Schema): Promise<void> {
    const followed = this.#followed(schema);
    const nowMs = this.#options.clock.monotonic();
    const isDue = schema !== this.#schema || nowMs - this.#lookedAtMs >= EVERY_MS;
    if (this.#isLooking || !isDue) return;
    this.#isLooking = true;
    this.#schema = schema;
    this.#lookedAtMs = nowMs;
    try {
      for (const [table, subscriptions] of followed) await this.#check(table, subscriptions);
    } catch (error) {
      this.#options.log.warn("realtime.tables_unchecked", { error });
    } finally {
      this.#isLooking = false;
    }
  }

  #followed(schema: Schema): Map<Table, Subscription[]> {
    const { subscriptions, end } = this.#options;
    const followed = new Map<Table, Subscription[]>();
    for (const subscription of [...subscriptions()]) {
      const { schema: name, table } = subscription.interest;
      if (table === null) continue;
      const known = schema.tables.get(tableKey(name, table));
      if (!known) end(subscription, "the table is not served any more");
      else followed.set(known, [...(followed.get(known) ?? []), subscription]);
    }
    return followed;
  }

  async #check(table: Table, subscriptions: readonly Subscription[]): Promise<void> {
    const { database, publication, end, follow, log } = this.#options;
    const { system } = database();
    const facts = await readTableFacts(system, table, publication);
    const hasIdentity = facts?.withoutIdentity === null;
    if (facts?.isPublished === true && !hasIdentity) {
      // Its updates and deletes fail for as long as it is published.
      log.warn("realtime.identity_lost", { table: `${table.schema}.${table.name}` });
      await unpublish(system, publication, table);
    }
    if (facts?.isPublished === true && hasIdentity) return await follow(table);
    for (const subscription of subscriptions) end(subscription, "the table is not published");
  }
}
