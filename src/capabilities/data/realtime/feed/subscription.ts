/** One subscription, as the feed keeps it. */
import type { Principal } from "../../../../core/ports/auth.ts";
import type { SqlParam } from "../../../../core/ports/database.ts";
import type { Change, ChangeInterest, ChangeSink } from "../change-feed.ts";
import type { Identity } from "./identities.ts";
import { type Position, START } from "./position.ts";

/** `column = one of these`, where equality is that of the texts. */
export interface PlainFilter {
  readonly column: string;
  readonly texts: ReadonlySet<string>;
}

/** A condition that Postgres evaluates over the row of the change. */
export interface SqlFilter {
  /** Equal for equal conditions with equal values. */
  readonly key: string;
  /** Over the alias `ROW_ALIAS`; its parameters come first. */
  readonly sql: string;
  readonly params: readonly SqlParam[];
  /** The columns it looks at. */
  readonly columns: ReadonlySet<string>;
}

export interface Filters {
  readonly plain: readonly PlainFilter[];
  readonly sql: readonly SqlFilter[];
}

export interface SubscriptionInit {
  readonly interest: ChangeInterest;
  readonly sink: ChangeSink;
  readonly filters: Filters;
  readonly identity: Identity;
}

export class Subscription {
  readonly interest: ChangeInterest;
  readonly filters: Filters;
  readonly #sink: ChangeSink;
  identity: Identity;
  /** Everything up to here was judged for it while it catches up; null once it goes with all others. */
  cursor: Position | null = null;
  /** Nothing up to here is told any more: it is older, or another server has told it. */
  seen: Position = START;
  #isOpen = true;

  constructor({ interest, sink, filters, identity }: SubscriptionInit) {
    this.interest = interest;
    this.filters = filters;
    this.identity = identity;
    this.#sink = sink;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get principal(): Principal {
    return this.identity.principal;
  }

  change(change: Change): void {
    if (this.#isOpen) this.#sink.change(change);
  }

  gap(reason: string, id: string): void {
    if (this.#isOpen) this.#sink.gap(reason, id);
  }

  /** Resolves when the sink can take more. */
  async ready(): Promise<void> {
    await this.#sink.ready?.();
  }

  end(reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#sink.ended(reason);
  }

  close(): void {
    this.#isOpen = false;
  }
}
