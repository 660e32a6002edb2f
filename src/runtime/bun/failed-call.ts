/** A call that its process did not answer: whether it is given to another one, and what its caller is told. */
import { coreErrors, ReactorError } from "../../core/errors.ts";
import type { Clock } from "../../core/ports/clock.ts";
import { CallNotSent, CallRefused } from "../calls/call-sender.ts";
import { describeExit, exitOf } from "../child-exit.ts";
import { runtimeErrors } from "../errors.ts";
import type { ActiveCall } from "./active-call.ts";
import { CallNotBegun } from "./forward.ts";
import type { Instance } from "./instance.ts";

/** Processes that a call is given to while each ends before it has seen the call. */
const UNSEEN_TRIES = 10;

/**
 * Whether it may be asked again: while no function has seen it, and once where a neighbour's deadline took
 * the process along and asking twice is safe (RFC 9110, section 9.2.2).
 *
 * @param tries how often it has been given to a process, from 1
 */
export function mayRepeat(
  active: ActiveCall,
  instance: Instance,
  error: unknown,
  tries: number,
): boolean {
  if (active.failure || active.answered || error instanceof ReactorError) return false;
  const { method } = active.call.request;
  const hasNoBody = method === "GET" || method === "HEAD";
  if (error instanceof CallNotBegun || error instanceof CallNotSent) {
    // It has ended, or only waits for its last answers to be taken.
    instance.kill({ kind: "ended" });
    return tries < UNSEEN_TRIES && (hasNoBody || active.whole !== null);
  }
  const killed = instance.child.killed();
  if (!hasNoBody || tries > 1) return false;
  return killed?.kind === "deadline" && killed.requestId !== active.call.requestId;
}

/** What the caller is told. */
export async function explainFailure(
  active: ActiveCall,
  instance: Instance,
  error: unknown,
  clock: Pick<Clock, "sleep">,
): Promise<unknown> {
  if (active.failure) return active.failure;
  if (error instanceof ReactorError) return error;
  const { name, limits } = active.call.spec;
  if (error instanceof CallRefused) {
    return runtimeErrors.function_busy(name, limits.concurrency, limits.queue);
  }
  const exit = await exitOf(instance.child, clock);
  if (exit?.killed?.kind === "memory") {
    return runtimeErrors.function_out_of_memory(name, limits.memoryBytes);
  }
  if (exit) return runtimeErrors.function_crashed(name, `The process was ${describeExit(exit)}`);
  return coreErrors.internal_error(error);
}

/** The deadline of a call passed: what happens depends on whom it waits for. */
export function endOverrun(active: ActiveCall, instance: Instance | null): void {
  const { spec, requestId } = active.call;
  const { name, limits } = spec;
  const { uploading, answered } = active;
  const error = uploading ? runtimeErrors.function_upload_timeout : runtimeErrors.function_timeout;
  active.abort(error(name, limits.deadlineMs));
  if (uploading || answered) instance?.mustAnswer();
  else instance?.kill({ kind: "deadline", requestId });
}
