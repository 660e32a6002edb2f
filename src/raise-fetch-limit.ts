/**
 * Bun lets one process have 256 requests of `fetch` under way, and reads another limit only from the
 * environment at start. Every call of a function is such a request, so a server would stall at 256
 * open streams: it starts itself once more with the limit raised. Same process, same pid.
 */
import { ptr } from "bun:ffi";
import type { Env } from "./core/config/env.ts";
import { selfCommand } from "./core/self.ts";
import { cString, cStringArray, libc } from "./postgres/embedded/libc.ts";

const LIMIT = "BUN_CONFIG_MAX_HTTP_REQUESTS";
/** Bun keeps the number in 16 bits. */
const REQUESTS_MAX = "65335";

/** Does not return when the process was started anew. Where it cannot be, the default limit stays. */
export function raiseFetchLimit(argv: readonly string[], env: Env): void {
  if (env[LIMIT] !== undefined || process.platform !== "linux") return;
  const command = selfCommand(...argv);
  const pairs = Object.entries({ ...env, [LIMIT]: REQUESTS_MAX });
  const texts = pairs.map(([name, value]) => `${name}=${value ?? ""}`);
  try {
    const path = cString(command[0] ?? process.execPath);
    const [args, vars] = [cStringArray(command), cStringArray(texts)];
    libc().execve(ptr(path), ptr(args.array), ptr(vars.array));
  } catch {
    // No glibc (musl): the server runs, with Bun's own limit.
  }
}
