/** Puts objects in an order in which each comes after what it needs, and otherwise by kind and name. */
import { type DdlObject, KINDS, type Kind } from "./ddl-object.ts";

const RANK = new Map<Kind, number>(KINDS.map((kind, rank) => [kind, rank]));

/**
 * @param needsOf keys that come before an object; those that are not among `objects` do not count.
 * Objects that need one another in a circle come in the order of their kinds.
 */
export function inOrder(
  objects: readonly DdlObject[],
  needsOf: (key: string) => Iterable<string>,
): DdlObject[] {
  const waiting = new Map(objects.map((object) => [object.key, object]));
  const open = new Map<string, Set<string>>();
  const dependents = new Map<string, string[]>();
  for (const { key } of objects) {
    const needed = new Set(
      [...needsOf(key)].filter((other) => waiting.has(other) && other !== key),
    );
    open.set(key, needed);
    for (const other of needed) dependents.set(other, [...(dependents.get(other) ?? []), key]);
  }
  const ordered: DdlObject[] = [];
  const sorted = objects.toSorted(before);
  const queue = new SortedQueue(sorted.filter(({ key }) => open.get(key)?.size === 0));
  while (waiting.size > 0) {
    const next = queue.take() ?? sorted.find(({ key }) => waiting.has(key));
    if (!next || !waiting.delete(next.key)) continue;
    ordered.push(next);
    for (const key of dependents.get(next.key) ?? []) {
      const needed = open.get(key);
      needed?.delete(next.key);
      const freed = waiting.get(key);
      if (needed?.size === 0 && freed) queue.add(freed);
    }
  }
  return ordered;
}

function before(a: DdlObject, b: DdlObject): number {
  const rank = (RANK.get(a.kind) ?? 0) - (RANK.get(b.kind) ?? 0);
  if (rank !== 0) return rank;
  if (a.place !== b.place && a.dropsWith[0] === b.dropsWith[0]) return a.place - b.place;
  return a.key < b.key ? -1 : Number(a.key > b.key);
}

/** Few are ready at a time, so a sorted list does. */
class SortedQueue {
  readonly #items: DdlObject[];

  constructor(sorted: readonly DdlObject[]) {
    this.#items = [...sorted];
  }

  take(): DdlObject | undefined {
    return this.#items.shift();
  }

  add(object: DdlObject): void {
    const at = this.#items.findIndex((other) => before(object, other) < 0);
    this.#items.splice(at === -1 ? this.#items.length : at, 0, object);
  }
}
