/**
 * Everything that is the same for every request of every capability: head checks, request id,
 * tenant, client address, aliases, CORS, error rendering for what never reached a route, access log
 * and request metrics. Listeners call it; it calls the composed app.
 */
import type { MountedErrors } from "../../core/capability.ts";
import { attachContext } from "../../core/context.ts";
import { ReactorError } from "../../core/errors.ts";
import { errorResponse, reportError, toReactorError } from "../../core/http.ts";
import type { AskedAction, AuthClient } from "../../core/ports/auth.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Ids } from "../../core/ports/ids.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { type BearerMemory, bearerMemory } from "../../shared/auth/credentials.ts";
import type { AccessLog } from "../../shared/log/access-log.ts";
import { canonicalPath } from "./aliases.ts";
import type { Challenge } from "./challenge.ts";
import type { Cors } from "./cors.ts";
import { checkHead, hostMemory, targetOf } from "./guard.ts";
import { namesApproval, readAction } from "./read-action.ts";
import { type Arrival, EdgeContext } from "./request-context.ts";
import type { RequestMetrics } from "./request-metrics.ts";

/** What the edge hands a request to. */
export interface App {
  handle(request: Request): Promise<Response> | Response;
  /** The answer where no route matched but 404 says too little; null where it does not. */
  otherwise?(request: Request): Response | null;
}

export interface EdgeOptions {
  readonly app: App;
  readonly auth: AuthClient;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
  readonly access: AccessLog;
  readonly cors: Cors;
  readonly metrics: RequestMetrics;
  /** Paths with errors in a form of their own. */
  readonly errors?: readonly MountedErrors[];
  /** Completes the challenge of a 401; absent where no tokens are issued. */
  readonly challenge?: Challenge;
  /** The tenant served at a Host; throws for a host that is nobody's. */
  tenantOf(host: string): TenantCtx;
  /** The client's address behind trusted proxies. */
  addressOf(peer: string, headers: Headers): string;
}

/** `undefined` after a WebSocket upgrade: the connection is no longer HTTP. */
export type EdgeAnswer = Promise<Response | undefined>;
export type Edge = (request: Request, arrival: Arrival) => EdgeAnswer;

const REQUEST_ID = /^[A-Za-z0-9._:-]{8,128}$/;

export function createEdge(options: EdgeOptions): Edge {
  const memory: Memory = { isHost: hostMemory(), bearers: bearerMemory() };
  return async (sent, arrival) => {
    const startedAt = options.clock.monotonic();
    options.metrics.begin();
    const sentId = sent.headers.get("x-request-id");
    const id = sentId !== null && REQUEST_ID.test(sentId) ? sentId : options.ids.uuid();
    let call: Call = { request: sent, url: sent.url, arrival, startedAt, id, action: null };
    try {
      const host = checkHead(sent, memory.isHost);
      if (namesApproval(sent)) call = { ...call, ...(await readAction(sent)) };
      const admitted = admit(options, memory, call, host);
      if (admitted.preflight) return leave(options, call, admitted, admitted.preflight);
      return leave(options, call, admitted, await options.app.handle(admitted.routed));
    } catch (error) {
      return refuse(options, call, error);
    } finally {
      options.metrics.end();
    }
  };
}

/** What one request leaves behind for the next to be quicker. */
interface Memory {
  readonly isHost: (host: string) => boolean;
  readonly bearers: BearerMemory;
}

interface Call {
  readonly request: Request;
  /** As sent: `request` may be routed by another. */
  readonly url: string;
  readonly arrival: Arrival;
  readonly startedAt: number;
  readonly id: string;
  readonly action: AskedAction | null;
}

interface Admitted {
  readonly context: EdgeContext;
  /** What the app gets. */
  readonly routed: Request;
  /** The answer, when it is the edge's. */
  readonly preflight: Response | null;
  /** The idle timeout is off until there is an answer. */
  readonly isWaiting: boolean;
}

function admit(options: EdgeOptions, { bearers }: Memory, call: Call, host: string): Admitted {
  const { request, arrival, startedAt, id, action } = call;
  const { path: originalPath, query } = targetOf(request.url);
  const path = canonicalPath(originalPath);
  const context = new EdgeContext({
    id,
    tenant: options.tenantOf(host),
    addressOf: options.addressOf,
    origin: `${arrival.secure ? "https" : "http"}://${host}`,
    path,
    originalPath,
    startedAt,
    log: options.log,
    headers: request.headers,
    auth: options.auth,
    bearers,
    action,
    arrival,
  });
  // Elysia looks for the path behind `http://`, so what came over TLS is routed by that name too.
  const isAsSent = path === originalPath && !arrival.secure;
  const routed = isAsSent ? request : readdressed(request, `http://${host}${path}${query}`);
  attachContext(request, context);
  const isWaiting = awaitAnswer(call);
  const preflight = options.cors.preflight(request, path, context.tenant);
  return { context, routed, preflight, isWaiting };
}

/** What every answer of a route or a preflight passes; `undefined` after an upgrade. */
function leave(
  options: EdgeOptions,
  call: Call,
  { context, preflight, isWaiting }: Admitted,
  answer: Response,
): Response | undefined {
  const { request, arrival } = call;
  const { path, originalPath } = context;
  if (preflight) return finish(options, call, preflight, "preflight", originalPath);
  if (context.upgraded) {
    logAccess(options, call, context.route, originalPath, 101);
    return undefined;
  }
  const response = isUnmatched(context, answer)
    ? (options.app.otherwise?.(request) ?? answer)
    : answer;
  // Each look at `headers` is a call of native code.
  const { headers } = response;
  if (isWaiting && !isStream(context, headers)) arrival.timeout(arrival.idleTimeoutS);
  options.challenge?.(context, response);
  options.cors.apply(request, path, headers, context.tenant);
  if (!context.echoesRequestId) headers.set("X-Request-Id", call.id);
  const isLogged = response.status >= context.loggedFromStatus;
  logAccess(options, call, context.route, originalPath, response.status, isLogged);
  return response;
}

function isUnmatched({ route }: EdgeContext, { status }: Response): boolean {
  return status === 404 && route === "unmatched";
}

/**
 * The same request, routed by another address. Not a copy: the body of `new Request(url, request)` is
 * a stream whose cancel never ends (Bun 1.4.5), so that refusing it halfway would never be answered.
 */
function readdressed(request: Request, url: string): Request {
  return Object.defineProperty(request, "url", { value: url });
}

/**
 * Bun takes a request without a body for an idle connection and would cut it off while its answer is
 * being made. While a body is still arriving the idle timeout must hold; after it Bun has none.
 */
function awaitAnswer({ request, arrival }: Call): boolean {
  const { method, headers } = request;
  const isBodyless =
    method === "GET" ||
    method === "HEAD" ||
    ((headers.get("content-length") ?? "0") === "0" && !headers.has("transfer-encoding"));
  if (isBodyless) arrival.timeout(0);
  return isBodyless;
}

function isStream(context: EdgeContext, headers: Headers): boolean {
  return context.keptOpen || headers.get("content-type")?.startsWith("text/event-stream") === true;
}

/** What was refused before a context existed, or failed outside Elysia: the same body and headers. */
function refuse(options: EdgeOptions, call: Call, error: unknown): Response {
  const path = rawPath(call.url);
  const known = toReactorError(error, path);
  if (!(error instanceof ReactorError)) {
    options.log.error("http.failed", { request_id: call.id, error });
  } else if (error.status >= 500) reportErrorSafely(call.request, error);
  const response = errorResponse(toldAt(options, canonicalPath(path), known));
  options.cors.apply(call.request, path, response.headers, null);
  return finish(options, call, response, "unmatched", path);
}

function toldAt({ errors = [] }: EdgeOptions, path: string, error: ReactorError): ReactorError {
  const own = errors.find((one) => path === one.path || path.startsWith(`${one.path}/`));
  return own ? own.told(error) : error;
}

function reportErrorSafely(request: Request, error: ReactorError): void {
  try {
    reportError(request, error);
  } catch {
    // No context was attached: the refusal itself (501) is all there is to say.
  }
}

function rawPath(url: string): string {
  // Without a good Host, Bun hands over the path alone.
  const at = url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("://") + 3);
  const path = at < 0 ? "/" : url.slice(at);
  return path.split("?", 1)[0] ?? "/";
}

function finish(
  options: EdgeOptions,
  call: Call,
  response: Response,
  route: string,
  originalPath: string,
): Response {
  response.headers.set("X-Request-Id", call.id);
  logAccess(options, call, route, originalPath, response.status);
  return response;
}

function logAccess(
  options: EdgeOptions,
  call: Call,
  route: string,
  path: string,
  status: number,
  isLogged = true,
) {
  const ms = options.clock.monotonic() - call.startedAt;
  options.metrics.observe(call.request.method, route, status, ms);
  if (!isLogged) return;
  const { id, request, arrival } = call;
  options.access({ id, method: request.method, path, route, status, ms, peer: arrival.peer });
}
