/**
 * An `AbortController` that makes its signal when somebody asks for it: most calls end without, and a
 * signal with its listeners costs more than a small call.
 */
export class LazyAbort {
  #controller: AbortController | null = null;
  #listeners: (() => void)[] = [];
  #reason: unknown;
  #isAborted = false;

  get aborted(): boolean {
    return this.#isAborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isAborted) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  /** The first reason stays. */
  abort(reason: unknown): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
    for (const listener of this.#listeners.splice(0)) listener();
  }

  /** Runs `listener` when it is aborted, at once where it has been. */
  onAbort(listener: () => void): void {
    if (this.#isAborted) listener();
    else this.#listeners.push(listener);
  }
}
