/**
 * The changes of one tenant that this server remembers: a window bounded by time and bytes, in the
 * order of commits. It knows what it does not hold (`floor`) and how far it is complete (`covered`),
 * so that whoever reads from it can be told of a gap and never overlooks one.
 */
import { compare, latest, type Position, START } from "./position.ts";
import type { RawChange } from "./raw-change.ts";

export interface LogBounds {
  readonly bytes: number;
  readonly ms: number;
}

interface Entry {
  readonly change: RawChange;
  /** When it came, monotonic. */
  readonly atMs: number;
  /** Bytes of everything that was ever appended, up to and including this one. */
  readonly upToBytes: number;
}

export class ChangeLog {
  readonly #bounds: LogBounds;
  #entries: Entry[] = [];
  /** Entries before this are gone; the array is cut from time to time. */
  #first = 0;
  #bytes = 0;
  #appendedBytes = 0;
  #floor: Position = START;
  #covered: Position = START;
  #incarnation = "";
  #resets = 0;

  constructor(bounds: LogBounds) {
    this.#bounds = bounds;
  }

  /** Empty until the first `reset`. */
  get incarnation(): string {
    return this.#incarnation;
  }

  /** Changes up to and including this one may be missing. */
  get floor(): Position {
    return this.#floor;
  }

  /** Every published change after `floor`, up to and including this position, is here. */
  get covered(): Position {
    return this.#covered;
  }

  /** Grows with every `reset`: a reader that sees another number has missed something. */
  get resets(): number {
    return this.#resets;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.length - this.#first;
  }

  /** The oldest change that is here. */
  get oldest(): RawChange | null {
    return this.#entries[this.#first]?.change ?? null;
  }

  /** Forgets everything and begins behind `floor`. */
  reset(incarnation: string, floor: Position): void {
    this.#entries = [];
    this.#first = 0;
    this.#bytes = 0;
    this.#incarnation = incarnation;
    this.#floor = floor;
    this.#covered = floor;
    this.#resets += 1;
  }

  /** Adds the next change; one that is here already is left out (a slot repeats). */
  append(change: RawChange, nowMs: number): void {
    if (compare(change.position, this.#covered) <= 0) return;
    this.#bytes += change.sizeBytes;
    this.#appendedBytes += change.sizeBytes;
    this.#entries.push({ change, atMs: nowMs, upToBytes: this.#appendedBytes });
    this.#covered = change.position;
  }

  /** Nothing else was published up to and including `position`. */
  advance(position: Position): void {
    this.#covered = latest(this.#covered, position);
  }

  /**
   * Drops what is beyond the bounds, but nothing after `needed`: somebody here has yet to read it.
   * Returns the last position that was dropped, or null.
   */
  evict(nowMs: number, needed: Position): Position | null {
    let dropped: Position | null = null;
    for (;;) {
      const entry = this.#entries[this.#first];
      if (!entry || compare(entry.change.position, needed) > 0) break;
      const isOld = nowMs - entry.atMs > this.#bounds.ms;
      if (!isOld && this.#bytes <= this.#bounds.bytes) break;
      this.#first += 1;
      this.#bytes -= entry.change.sizeBytes;
      dropped = entry.change.position;
    }
    if (dropped) this.#floor = latest(this.#floor, dropped);
    if (this.#first > 1_024 && this.#first * 2 > this.#entries.length) this.#cut();
    return dropped;
  }

  /** True when a reader that has seen everything up to `position` can go on without a gap. */
  reaches(position: Position): boolean {
    return compare(position, this.#floor) >= 0;
  }

  /** The changes after `position` and up to `upTo`, in order, at most so many and about so large. */
  read(position: Position, upTo: Position, max: { count: number; bytes: number }): RawChange[] {
    const all = { ...max, looks: Number.POSITIVE_INFINITY };
    return this.select(position, upTo, all, () => true).changes;
  }

  /** Of those changes the ones that are wanted: all of them up to `reached`. */
  select(
    position: Position,
    upTo: Position,
    max: { count: number; bytes: number; looks: number },
    isWanted: (change: RawChange) => boolean,
  ): { readonly changes: RawChange[]; readonly reached: Position } {
    const changes: RawChange[] = [];
    let reached = position;
    let bytes = 0;
    const first = this.#indexAfter(position);
    for (let at = first; at < this.#entries.length; at += 1) {
      const change = this.#entries[at]?.change;
      if (!change || compare(change.position, upTo) > 0) break;
      if (at - first >= max.looks || changes.length >= max.count) return { changes, reached };
      if (isWanted(change)) {
        if (changes.length > 0 && bytes + change.sizeBytes > max.bytes) return { changes, reached };
        changes.push(change);
        bytes += change.sizeBytes;
      }
      reached = change.position;
    }
    return { changes, reached: latest(position, upTo) };
  }

  /** Bytes of the changes after `position`. */
  bytesAfter(position: Position): number {
    const at = this.#indexAfter(position);
    if (at <= this.#first) return this.#bytes;
    return this.#appendedBytes - (this.#entries[at - 1]?.upToBytes ?? 0);
  }

  #indexAfter(position: Position): number {
    let low = this.#first;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const change = this.#entries[middle]?.change;
      if (change && compare(change.position, position) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #cut(): void {
    this.#entries = this.#entries.slice(this.#first);
    this.#first = 0;
  }
}
