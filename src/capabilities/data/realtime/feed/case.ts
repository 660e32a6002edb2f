/** One change in the court of one table: who may want it, and what was found out. */
import type { RawChange } from "./raw-change.ts";
import { RowView } from "./row-view.ts";
import type { Subscription } from "./subscription.ts";

export interface Version {
  /** Of the row as it is stored now. */
  readonly id: string;
  /** It still is the row of the change. */
  readonly isSame: boolean;
}

export class Case {
  readonly change: RawChange;
  /** Null for DELETE. */
  readonly row: RowView | null;
  readonly old: RowView | null;
  /** Who gets it, as far as is known. */
  candidates: readonly Subscription[];
  /** As the owner sees it; null when no such row is there (any more). */
  version: Version | null = null;
  /** Candidates for whom it cannot be decided, and why: to them it is a gap. */
  readonly undecided = new Map<Subscription, string>();

  constructor(change: RawChange, candidates: readonly Subscription[]) {
    this.change = change;
    this.candidates = candidates;
    this.row = change.row && new RowView(change, change.row);
    this.old = change.old && new RowView(change, change.old);
  }

  /** The row by which filters go. */
  get view(): RowView | null {
    return this.row ?? this.old;
  }

  /** Why it cannot be told to anybody, or null. */
  get failure(): string | null {
    const hasFailed = this.row?.hasFailed === true || this.old?.hasFailed === true;
    return hasFailed ? "a value could not be rendered" : null;
  }

  /** The texts of the key, or null when one of them is not told. */
  key(columns: readonly string[]): string[] | null {
    const texts: string[] = [];
    for (const column of columns) {
      const text = this.view?.text(column);
      if (typeof text !== "string") return null;
      texts.push(text);
    }
    return texts.length > 0 ? texts : null;
  }

  keep(isKept: (subscription: Subscription) => boolean): void {
    this.candidates = this.candidates.filter(isKept);
  }

  fail(subscriptions: Iterable<Subscription>, reason: string): void {
    for (const subscription of subscriptions) this.undecided.set(subscription, reason);
  }
}
