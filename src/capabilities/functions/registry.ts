/**
 * One tenant's functions in memory, so that a call asks the database nothing. Read again when this
 * or another server says that something changed, and on a slow poll in case nobody could say it.
 */
import { type ActiveFunction, environmentMark, versionsInUse } from "./function-version.ts";

export interface RegistrySource {
  read(): Promise<ActiveFunction[]>;
  /** Differs whenever something changed. */
  mark(): Promise<string>;
}

/** A version that calls no longer go to, or not with the values it was started with. */
export interface Retired {
  readonly name: string;
  readonly version: string;
}

export class Registry {
  readonly #source: RegistrySource;
  readonly #onRetired: (retired: Retired) => void;
  #functions: ReadonlyMap<string, ActiveFunction> | null = null;
  #mark = "";
  #reading: Promise<void> | null = null;
  #again: Promise<void> | null = null;

  constructor(source: RegistrySource, onRetired: (retired: Retired) => void) {
    this.#source = source;
    this.#onRetired = onRetired;
  }

  /** False until the first read is done. */
  get loaded(): boolean {
    return this.#functions !== null;
  }

  get(name: string): ActiveFunction | undefined {
    return this.#functions?.get(name);
  }

  /** In order of name. */
  all(): ActiveFunction[] {
    return [...(this.#functions?.values() ?? [])];
  }

  /** Waits for the first read. */
  async load(): Promise<void> {
    if (!this.loaded) await (this.#reading ?? this.refresh());
  }

  /**
   * Reads everything again. Calls share a read that has not begun, never one that has: what it saw
   * may be older than the change that the caller knows of.
   */
  refresh(): Promise<void> {
    if (!this.#reading) {
      this.#reading = this.#read().finally(() => {
        this.#reading = null;
      });
      return this.#reading;
    }
    this.#again ??= this.#reading
      .catch(() => undefined)
      .then(() => {
        this.#again = null;
        return this.refresh();
      });
    return this.#again;
  }

  /** Reads again if something changed. */
  async poll(): Promise<void> {
    if ((await this.#source.mark()) !== this.#mark) await this.refresh();
  }

  async #read(): Promise<void> {
    // The mark first: a change between the two reads is then seen by the next poll.
    const mark = await this.#source.mark();
    const next = new Map((await this.#source.read()).map((found) => [found.name, found]));
    const before = this.#functions;
    this.#functions = next;
    this.#mark = mark;
    for (const found of before?.values() ?? []) {
      for (const version of retiredOf(found, next.get(found.name))) {
        this.#onRetired({ name: found.name, version });
      }
    }
  }
}

function retiredOf(before: ActiveFunction, now: ActiveFunction | undefined): string[] {
  const marks = new Map(
    now ? versionsInUse(now).map((one) => [one.version, environmentMark(now, one)]) : [],
  );
  return versionsInUse(before)
    .filter((one) => marks.get(one.version) !== environmentMark(before, one))
    .map(({ version }) => version);
}
