/** What comes of an exchange with a WASM host: its answer whole, or that the host went away under it. */
import type { Clock } from "../../core/ports/clock.ts";
import type { FunctionSpec } from "../../core/ports/function-runtime.ts";
import type { Answer } from "../calls/answer-head.ts";
import { CallNotSent, ProcessGone } from "../calls/call-sender.ts";
import type { Child } from "../child.ts";
import { type ChildExit, describeExit, exitOf } from "../child-exit.ts";
import { runtimeErrors } from "../errors.ts";

/** The host went away under a call. */
export class HostGone extends Error {
  readonly exit: ChildExit;
  /** True when it was running this call. */
  readonly atFault: boolean;
  /** True when this call may have had effects already. */
  readonly hasBegun: boolean;

  constructor(exit: ChildExit, atFault: boolean, hasBegun: boolean) {
    super("The WASM host ended");
    this.exit = exit;
    this.atFault = atFault;
    this.hasBegun = hasBegun;
  }
}

/** What the caller of the last try is told. Who was not running is not to look for it at home. */
export function crashOf({ name, limits }: FunctionSpec, { exit, atFault }: HostGone): Error {
  if (!atFault) {
    const reason = `The process it shares with others was ${describeExit(exit)} while this call waited`;
    return runtimeErrors.function_crashed(name, reason);
  }
  return exit.killed?.kind === "memory"
    ? runtimeErrors.function_out_of_memory(name, limits.memoryBytes)
    : runtimeErrors.function_crashed(name, `The process was ${describeExit(exit)}`);
}

/** How the host ended, where `error` says that it did; null for any other error, and for a host that lives. */
export async function exitUnder(
  error: unknown,
  child: Child,
  clock: Pick<Clock, "sleep">,
): Promise<ChildExit | null> {
  const isGone = error instanceof ProcessGone || error instanceof CallNotSent;
  return isGone ? await exitOf(child, clock) : null;
}

export function bytesOf({
  body,
}: Answer): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>> {
  return body instanceof ReadableStream ? new Response(body).bytes() : (body ?? new Uint8Array());
}
