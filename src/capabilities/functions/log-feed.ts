/**
 * Wakes those who follow a function's log when lines of it reached the database, on whichever server.
 * Carries no lines: a follower reads them after the id it has, so it can be slow, or come back.
 */
export class LogFeed {
  readonly #followers = new Map<string, Set<() => void>>();

  /** `wake` is called after lines of this function were written. Returns what ends it. */
  follow(name: string, wake: () => void): () => void {
    const followers = this.#followers.get(name) ?? new Set();
    this.#followers.set(name, followers);
    followers.add(wake);
    return () => {
      followers.delete(wake);
      if (followers.size === 0 && this.#followers.get(name) === followers) {
        this.#followers.delete(name);
      }
    };
  }

  /** Lines of these functions were written. */
  wake(names: Iterable<string>): void {
    for (const name of names) for (const wake of this.#followers.get(name) ?? []) wake();
  }

  /** The notifications were interrupted: everybody looks. */
  wakeAll(): void {
    this.wake([...this.#followers.keys()]);
  }
}
