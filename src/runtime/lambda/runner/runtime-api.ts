/**
 * The Lambda Runtime API, version 2018-06-01. Inside a runner, where there are no sockets, code that
 * polls it by `fetch` is answered here and our own bootstrap asks it directly; programs of their own
 * reach it through `host/serve-api.ts`. Several may poll at once.
 */
import { RUNTIME_PORT } from "../../jail/jail-order.ts";
import type { CallHeader } from "../../messages.ts";

export const RUNTIME_API = `127.0.0.1:${RUNTIME_PORT}`;
export const BASE = `http://${RUNTIME_API}/2018-06-01/runtime`;

const PATH =
  /^\/2018-06-01\/runtime\/(?:(init\/error)|invocation\/(?:(next)|([^/]+)\/(response|error)))$/;

export interface Invocation {
  readonly id: string;
  /** JSON. */
  readonly event: string;
  /** Milliseconds since the epoch. */
  readonly deadlineAt: number;
  readonly arn: string;
  /** As `X-Amzn-Trace-Id` has it. */
  readonly traceId: string;
  /** JSON that the caller sent along; null for none. */
  readonly clientContext: string | null;
  /** Whose call it is, for log lines and `reactor.fetch`. */
  readonly scope: CallHeader | null;
}

/** What was posted as the response. */
export interface RuntimeResponse {
  readonly type: string;
  /** It streams, and may begin with a head of its own. */
  readonly isStream: boolean;
  readonly body: ReadableStream<Uint8Array> | null;
}

interface Pending {
  readonly invocation: Invocation;
  settle(response: RuntimeResponse): void;
  fail(error: Error): void;
}

/** Nobody was told of the invocation: another process may be. */
export class NotBegun extends Error {}

export class RuntimeApi {
  readonly #waiting: Pending[] = [];
  readonly #pollers: ((pending: Pending) => void)[] = [];
  readonly #running = new Map<string, Pending>();
  readonly #begun = Promise.withResolvers<void>();
  #initError: Error | null = null;
  #isEnded = false;

  constructor() {
    // Who does not wait for it hears of the error otherwise.
    this.#begun.promise.catch(() => undefined);
  }

  /** Resolves when somebody first asks for an invocation; rejects when there will be none. */
  get begun(): Promise<void> {
    return this.#begun.promise;
  }

  /** Somebody has asked for the next invocation, or said that there will be none. */
  get isPolled(): boolean {
    if (this.#initError) throw this.#initError;
    return this.#pollers.length > 0;
  }

  /** Invocations that somebody was given and has not answered. */
  get taken(): number {
    return this.#running.size;
  }

  /** @throws what was posted as the error; its message and type are the function's own */
  invoke(invocation: Invocation, signal: AbortSignal): Promise<RuntimeResponse> {
    if (this.#isEnded) return Promise.reject(new NotBegun());
    return new Promise((settle, fail) => {
      const pending = { invocation, settle, fail };
      signal.addEventListener("abort", () => this.#giveUp(pending), { once: true });
      const poller = this.#pollers.shift();
      if (poller) poller(pending);
      else this.#waiting.push(pending);
    });
  }

  /** Nobody asks any more. What was asked for stays unanswered. */
  end(): void {
    this.#isEnded = true;
    for (const pending of this.#waiting.splice(0)) pending.fail(new NotBegun());
  }

  /** What has not begun need not begin. */
  #giveUp(pending: Pending): void {
    const at = this.#waiting.indexOf(pending);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    pending.fail(new Error("The client is gone"));
  }

  scopeOf(id: string): CallHeader | null {
    return this.#running.get(id)?.invocation.scope ?? null;
  }

  /** Answers a request to the Runtime API. */
  async handle(request: Request): Promise<Response> {
    const [, init, next, id, kind] = PATH.exec(new URL(request.url).pathname) ?? [];
    if (next && request.method === "GET") return await this.#next(request.signal);
    if (request.method !== "POST") return refusal(404, "UnknownPath");
    if (init) {
      this.#initError = await errorIn(request);
      this.#begun.reject(this.#initError);
      return accepted();
    }
    const pending = id === undefined ? undefined : this.#running.get(id);
    if (!kind || !pending) return refusal(400, "InvalidRequestID");
    this.#running.delete(pending.invocation.id);
    if (kind === "error") pending.fail(await errorIn(request));
    else pending.settle(responseIn(request));
    return accepted();
  }

  async #next(signal: AbortSignal): Promise<Response> {
    this.#begun.resolve();
    const pending = this.#waiting.shift() ?? (await this.#poll(signal));
    const { id, event, deadlineAt, arn, traceId, clientContext } = pending.invocation;
    this.#running.set(id, pending);
    const headers = {
      "content-type": "application/json",
      "lambda-runtime-aws-request-id": id,
      "lambda-runtime-deadline-ms": String(deadlineAt),
      "lambda-runtime-invoked-function-arn": arn,
      "lambda-runtime-trace-id": traceId,
      ...(clientContext === null ? {} : { "lambda-runtime-client-context": clientContext }),
    };
    return new Response(event, { headers });
  }

  /** Whoever goes away while it waits is given nothing. */
  #poll(signal: AbortSignal): Promise<Pending> {
    return new Promise<Pending>((take) => {
      this.#pollers.push(take);
      const leave = () => {
        const at = this.#pollers.indexOf(take);
        if (at >= 0) this.#pollers.splice(at, 1);
      };
      signal.addEventListener("abort", leave, { once: true });
    });
  }
}

function responseIn(request: Request): RuntimeResponse {
  const { headers, body } = request;
  return {
    type: headers.get("content-type") ?? "application/octet-stream",
    isStream: headers.get("lambda-runtime-function-response-mode") === "streaming",
    body,
  };
}

interface PostedError {
  readonly errorMessage?: unknown;
  readonly errorType?: unknown;
  readonly stackTrace?: unknown;
}

async function errorIn(request: Request): Promise<Error> {
  const text = await request.text();
  const fallback =
    request.headers.get("lambda-runtime-function-error-type") ?? "The function failed";
  const given = postedError(text);
  const error = new Error(String(given.errorMessage ?? (text || fallback)));
  if (typeof given.errorType === "string") error.name = given.errorType;
  const frames = Array.isArray(given.stackTrace) ? given.stackTrace.map(frameText) : [];
  // Node's own begin with the message.
  const isWhole = frames[0]?.includes(error.message) ?? false;
  error.stack = [...(isWhole ? [] : [`${error.name}: ${error.message}`]), ...frames].join("\n");
  return error;
}

/** Lines of text; Go's runtime sends objects. */
function frameText(frame: unknown): string {
  if (typeof frame === "string") return frame;
  const { label, path, line } = (frame ?? {}) as Readonly<Record<string, unknown>>;
  return typeof path === "string" ? `    at ${label} (${path}:${line})` : JSON.stringify(frame);
}

/** An error that is no JSON object is its own text. */
function postedError(text: string): PostedError {
  try {
    return (JSON.parse(text) as PostedError | null) ?? {};
  } catch {
    return {};
  }
}

function accepted(): Response {
  return Response.json({ status: "OK" }, { status: 202 });
}

function refusal(status: number, errorType: string): Response {
  return Response.json({ errorMessage: errorType, errorType }, { status });
}
