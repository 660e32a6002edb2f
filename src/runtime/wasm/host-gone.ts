/** What comes of an exchange with a WASM host: its answer whole, or that the host went away under it. */
import type { Clock } from "../../core/ports/clock.ts";
import type { Answer } from "../calls/answer-head.ts";
import { CallNotSent, ProcessGone } from "../calls/call-sender.ts";
import type { Child } from "../child.ts";
import { type ChildExit, exitOf } from "../child-exit.ts";

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
