/** The log of a function's process: what it says, and, as its last line, why the process ended. */
import type { FunctionSpec } from "../../core/ports/function-runtime.ts";
import type { Child } from "../child.ts";
import { explainExit } from "../child-exit.ts";
import { createLogCap, LOG_LINES_ACCEPTED_PER_S } from "../log-cap.ts";
import type { FullRuntimeOptions } from "../options.ts";

/** Which request a line without one belongs to, where there is only one it can be. */
export interface CurrentRequest {
  /** Of what the process prints. */
  printing(): string | null;
  /** Of what ends it. */
  running(): string | null;
}

export function relayLog(
  child: Child,
  spec: FunctionSpec,
  options: Pick<FullRuntimeOptions, "clock" | "onLog">,
  current: CurrentRequest,
): void {
  const common = { function: spec.name, version: spec.version };
  const cap = createLogCap(options.clock, {
    linesPerS: LOG_LINES_ACCEPTED_PER_S,
    onDropped: (message) => options.onLog({ ...common, requestId: null, level: "warn", message }),
  });
  child.onLog = ([level, requestId, message]) => {
    if (!cap.admit()) return;
    options.onLog({ ...common, requestId: requestId ?? current.printing(), level, message });
  };
  // What it said is here before it counts as gone.
  void child.exited.then((exit) => {
    const { killed } = exit;
    if (killed?.kind === "ended") return;
    const requestId = killed?.kind === "deadline" ? killed.requestId : current.running();
    const message = `The process ${explainExit(exit, spec.limits)}`;
    options.onLog({ ...common, requestId, level: "error", message });
  });
}
