/**
 * One call from the server's side while it is under way: where it stands, how it is ended early, and
 * why. The instance it runs in, the deadline and the client all talk to it.
 */

import type { ReactorError } from "../../core/errors.ts";
import type { FunctionCall } from "../../core/ports/function-runtime.ts";
import { LazyAbort } from "../lazy-abort.ts";

export class ActiveCall {
  readonly call: FunctionCall;
  /** Gives up the call in the process; the function sees it on `request.signal`. */
  readonly controller = new LazyAbort();
  /** True until the last byte of the request body went to the runner. */
  uploading = false;
  /** The request body, where it was small enough to be taken whole: it can be sent again. */
  whole: Uint8Array<ArrayBuffer> | null = null;
  /** True once the answer's head is there. */
  answered = false;
  /** Its number in the process that it is in. */
  number = 0;
  /** True once the process has ended its answer itself. */
  isThrough = false;
  /** Why it was ended early; the caller gets this instead of the transport's error. */
  failure: ReactorError | null = null;
  readonly #finished: (() => void)[] = [];
  #done = false;

  constructor(call: FunctionCall) {
    this.call = call;
  }

  /** Ends the call with this error. The first one stays. */
  abort(error: ReactorError): void {
    if (this.#done) return;
    this.failure ??= error;
    this.controller.abort(error);
  }

  /** Runs when the last byte of the answer is out, or the call has failed. */
  onFinish(run: () => void): void {
    if (this.#done) run();
    else this.#finished.push(run);
  }

  get isFinished(): boolean {
    return this.#done;
  }

  finish(): void {
    if (this.#done) return;
    this.#done = true;
    for (const run of this.#finished) run();
  }
}
