/** Into the log of a module's function: why a call was ended, or what it failed with. */
import { ReactorError } from "../../core/errors.ts";
import type { FunctionCall, FunctionSpec } from "../../core/ports/function-runtime.ts";
import { inMib } from "../child-exit.ts";
import { cutLine } from "../log-cap.ts";
import type { FullRuntimeOptions } from "../options.ts";

/** Begins the line of a call that failed by what its module did. */
export const CALL_FAILED = "The call failed";

export function tellFailure(
  { spec, requestId }: FunctionCall,
  error: unknown,
  { onLog }: Pick<FullRuntimeOptions, "onLog">,
): void {
  const why = error instanceof ReactorError ? whyOf(error, spec.limits) : null;
  if (why === null) return;
  const { name, version } = spec;
  onLog({ function: name, version, requestId, level: "error", message: cutLine(why) });
}

/** Null: nothing that happened in the function. */
function whyOf(
  { code, message, details }: ReactorError,
  { deadlineMs, memoryBytes }: FunctionSpec["limits"],
): string | null {
  if (code === "function_timeout") return `The call was stopped: deadline (${deadlineMs} ms)`;
  if (code === "function_out_of_memory") {
    return `The process was killed: memory (${inMib(memoryBytes)})`;
  }
  if (code === "function_crashed") return details;
  if (code !== "function_failed") return null;
  return message === "" ? CALL_FAILED : `${CALL_FAILED}: ${message}`;
}
