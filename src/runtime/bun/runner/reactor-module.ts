/**
 * What `import { reactor } from "reactor"` gives a function. Its type for authors is declared in
 * `runtime/reactor.d.ts`; keep the two in step.
 */
import type { EgressClient } from "../../egress/egress-client.ts";
import type { AssignMessage } from "../../messages.ts";
import type { Background } from "./background.ts";
import { callScope } from "./call-scope.ts";
import { createKeyStore, createSecretStore } from "./function-store.ts";
import type { RunnerLog } from "./runner-log.ts";
import { createServerClient } from "./server-client.ts";

export interface ReactorModule {
  readonly reactor: Readonly<Record<string, unknown>>;
}

export function createReactorModule(
  assign: AssignMessage,
  log: RunnerLog,
  egress: EgressClient,
  background: Background,
): ReactorModule {
  const kv = createKeyStore(egress);
  const secrets = createSecretStore(egress);
  const waitUntil = (work: Promise<unknown>) => background.waitUntil(work);
  const lines = Object.freeze({
    debug: (...args: unknown[]) => log.write("debug", args),
    info: (...args: unknown[]) => log.write("info", args),
    warn: (...args: unknown[]) => log.write("warn", args),
    error: (...args: unknown[]) => log.write("error", args),
  });
  const reactor = Object.freeze({
    env: Object.freeze({ ...assign.env }),
    config: Object.freeze({ ...assign.config }),
    log: lines,
    kv,
    secrets,
    waitUntil,
    ...createServerClient(egress, "caller"),
    service: createServerClient(egress, "service"),
    get requestId() {
      return callScope.getStore()?.id ?? null;
    },
  });
  return { reactor };
}
