/**
 * Asking another server and reading its answer: what it refuses is thrown here as the same error,
 * what it cannot say becomes `unavailable`. Answers are small and waited for with a deadline.
 */
import { coreErrors, ReactorError } from "../../core/errors.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Logger } from "../../core/ports/log.ts";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface AskOptions {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly log: Logger;
}

const DEADLINE_MS = 5_000;
const ANSWER_BYTES_MAX = 262_144;
/** Headers of a refusal that belong to its meaning. */
const KEPT_HEADERS = ["WWW-Authenticate", "Retry-After"];

/** The JSON object answered with 2xx. @throws what the other server threw; unavailable (503) */
export async function askRemote(
  options: AskOptions,
  url: string,
  init: RequestInit,
): Promise<Record<string, unknown>> {
  const deadline = new AbortController();
  const cancel = options.clock.after(DEADLINE_MS, () => {
    deadline.abort(new Error(`no answer within ${DEADLINE_MS} ms`));
  });
  try {
    // A credential is not handed on to wherever an answer points.
    const settings = { ...init, redirect: "error", signal: deadline.signal } as const;
    const response = await options.fetch(url, settings);
    const body = await readObject(response);
    if (response.ok) return body;
    throw rebuilt(response, body);
  } catch (error) {
    if (error instanceof ReactorError) throw error;
    options.log.warn("auth.remote_failed", { url, error });
    throw coreErrors.unavailable("Authentication", error);
  } finally {
    cancel();
  }
}

async function readObject(response: Response): Promise<Record<string, unknown>> {
  const text = await response.text();
  if (text.length > ANSWER_BYTES_MAX) throw new Error("the answer is too large");
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null) throw new Error("the answer is not an object");
  return value as Record<string, unknown>;
}

/** The other server's error as it threw it; an answer that is not one of ours is a fault. */
function rebuilt(response: Response, body: Record<string, unknown>): Error {
  const { code, message, details, hint, ...extra } = body;
  if (typeof code !== "string" || typeof message !== "string" || response.status < 400) {
    return new Error(`unexpected answer ${response.status}`);
  }
  const headers: Record<string, string> = {};
  for (const name of KEPT_HEADERS) {
    const value = response.headers.get(name);
    if (value !== null) headers[name] = value;
  }
  return new ReactorError({
    ...{ status: response.status, code, message, extra, headers },
    details: typeof details === "string" ? details : null,
    hint: typeof hint === "string" ? hint : null,
  });
}
