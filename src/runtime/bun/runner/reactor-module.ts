/**
 * What `import { reactor } from "reactor"` gives a function. Its type for authors is declared in
 * `runtime/reactor.d.ts`; keep the two in step.
 */
import type { EgressClient } from "../../egress/egress-client.ts";
import type { AssignMessage } from "../../messages.ts";
import { callScope } from "./call-scope.ts";
import type { RunnerLog } from "./runner-log.ts";

export interface ReactorModule {
  readonly reactor: Readonly<Record<string, unknown>>;
}

export function createReactorModule(
  assign: AssignMessage,
  log: RunnerLog,
  egress: EgressClient,
): ReactorModule {
  const reactor = Object.freeze({
    env: Object.freeze({ ...assign.env }),
    config: Object.freeze({ ...assign.config }),
    log: Object.freeze({
      debug: (...args: unknown[]) => log.write("debug", args),
      info: (...args: unknown[]) => log.write("info", args),
      warn: (...args: unknown[]) => log.write("warn", args),
      error: (...args: unknown[]) => log.write("error", args),
    }),
    fetch: (path: string, init?: RequestInit) => callServer(egress, path, init),
    get requestId() {
      return callScope.getStore()?.id ?? null;
    },
  });
  return { reactor };
}

/** Only its path counts. */
const BASE = "http://localhost";

/** The server's own HTTP surface with the caller's rights. Redirects are handed back, not followed. */
function callServer(egress: EgressClient, path: string, init?: RequestInit): Promise<Response> {
  const call = callScope.getStore();
  if (!call) throw new Error("reactor.fetch works while a request is being answered");
  const url = new URL(path, BASE);
  if (url.origin !== BASE) {
    throw new TypeError(`reactor.fetch takes a path of this server, not ${path}`);
  }
  const { method, headers, body, signal } = new Request(url, init);
  if (call.authorization && !headers.has("authorization")) {
    headers.set("authorization", call.authorization);
  }
  if (call.apikey && !headers.has("apikey")) headers.set("apikey", call.apikey);
  headers.set("x-request-id", call.id);
  const hasBody = body !== null;
  const head = { to: "server", method, headers: [...headers], hasBody } as const;
  return egress.send({ ...head, url: url.pathname + url.search }, body, signal);
}
