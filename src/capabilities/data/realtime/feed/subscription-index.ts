/**
 * Who may care for a change, found without asking everybody: by table, and below it by the value of
 * a column where a filter names it, so that a thousand rooms with a few readers each cost a look-up.
 */
import { tableKey } from "../../schema/schema.ts";
import { compare } from "./position.ts";
import type { RawChange } from "./raw-change.ts";
import type { Subscription } from "./subscription.ts";

/** By the value of one column. */
type ByText = Map<string, Set<Subscription>>;

class TableSubscriptions {
  readonly #everyRow = new Set<Subscription>();
  readonly #byColumn = new Map<string, ByText>();

  add(subscription: Subscription): void {
    for (const bucket of this.#bucketsOf(subscription)) bucket.add(subscription);
  }

  remove(subscription: Subscription): void {
    for (const bucket of this.#bucketsOf(subscription)) bucket.delete(subscription);
    const [first] = subscription.filters.plain;
    const byText = first && this.#byColumn.get(first.column);
    if (!byText) return;
    for (const text of first.texts) if (byText.get(text)?.size === 0) byText.delete(text);
    if (byText.size === 0) this.#byColumn.delete(first.column);
  }

  get isEmpty(): boolean {
    return this.#everyRow.size === 0 && this.#byColumn.size === 0;
  }

  all(): Set<Subscription> {
    const found = new Set(this.#everyRow);
    for (const byText of this.#byColumn.values()) {
      for (const bucket of byText.values()) for (const one of bucket) found.add(one);
    }
    return found;
  }

  /** Those whose first filter, where it is plain, holds. */
  *candidates({ shape, row, old }: RawChange): Iterable<Subscription> {
    yield* this.#everyRow;
    const values = row ?? old;
    if (!values) return;
    for (const [column, byText] of this.#byColumn) {
      const text = values[shape.columns.findIndex(({ name }) => name === column)];
      if (typeof text === "string") yield* byText.get(text) ?? [];
      // Stored out of line and not told: whether it matches is found out later.
      else if (text === undefined && row) for (const bucket of byText.values()) yield* bucket;
    }
  }

  *#bucketsOf({ filters }: Subscription): Iterable<Set<Subscription>> {
    const [first] = filters.plain;
    if (!first) {
      yield this.#everyRow;
      return;
    }
    const byText: ByText = this.#byColumn.get(first.column) ?? new Map();
    this.#byColumn.set(first.column, byText);
    for (const text of first.texts) {
      const bucket = byText.get(text) ?? new Set();
      byText.set(text, bucket);
      yield bucket;
    }
  }
}

export class SubscriptionIndex {
  readonly #tables = new Map<string, TableSubscriptions>();
  /** Of every table of a schema. */
  readonly #schemas = new Map<string, Set<Subscription>>();
  readonly #all = new Set<Subscription>();

  get size(): number {
    return this.#all.size;
  }

  [Symbol.iterator](): Iterator<Subscription> {
    return this.#all.values();
  }

  add(subscription: Subscription): void {
    const { schema, table } = subscription.interest;
    this.#all.add(subscription);
    if (table === null) {
      const bucket = this.#schemas.get(schema) ?? new Set();
      this.#schemas.set(schema, bucket.add(subscription));
      return;
    }
    const key = tableKey(schema, table);
    const found = this.#tables.get(key) ?? new TableSubscriptions();
    this.#tables.set(key, found);
    found.add(subscription);
  }

  remove(subscription: Subscription): void {
    if (!this.#all.delete(subscription)) return;
    const { schema, table } = subscription.interest;
    if (table === null) {
      const bucket = this.#schemas.get(schema);
      bucket?.delete(subscription);
      if (bucket?.size === 0) this.#schemas.delete(schema);
      return;
    }
    const key = tableKey(schema, table);
    const found = this.#tables.get(key);
    found?.remove(subscription);
    if (found?.isEmpty) this.#tables.delete(key);
  }

  /** Of the kind of change and the plain filters that can be told now. */
  candidates(change: RawChange): Subscription[] {
    const { schema, table } = change.shape;
    const found = this.#tables.get(tableKey(schema, table));
    const everyTable = this.#schemas.get(schema);
    if (!found && !everyTable) return [];
    const own = change.type === "GAP" ? found?.all() : found?.candidates(change);
    return [...(own ?? []), ...(everyTable ?? [])].filter((one) => isWanted(one, change));
  }
}

/**
 * Whether the kind is wanted and no plain filter is known to fail. A gap is everybody's; the table is
 * the caller's to compare.
 */
export function isWanted(subscription: Subscription, change: RawChange): boolean {
  const { interest, filters, seen, isOpen } = subscription;
  if (!isOpen || compare(change.position, seen) <= 0) return false;
  if (change.type === "GAP") return true;
  if (!interest.types.has(change.type)) return false;
  const values = change.row ?? change.old;
  return filters.plain.every(({ column, texts }) => {
    const at = change.shape.columns.findIndex(({ name }) => name === column);
    const text = at < 0 ? undefined : values?.[at];
    // Not told: of a row it is found out later, of a deleted one never.
    return text === undefined ? change.row !== null : text !== null && texts.has(text);
  });
}
