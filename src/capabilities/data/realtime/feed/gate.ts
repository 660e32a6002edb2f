/** Lets so many through at a time, the others in the order they came. */
export class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** @param width >= 1. */
  constructor(width: number) {
    this.#free = width;
  }

  async pass<T>(run: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await run();
    } finally {
      // The place goes straight to the next in line.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}
