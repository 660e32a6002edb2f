/**
 * The request as a function shall see it: the path below the function, no credential of the caller
 * unless asked for, no header that only the server may set, and who is calling in `X-Reactor-Auth`.
 */
import { toAscii } from "../../core/ascii-json.ts";
import type { RequestContext } from "../../core/context.ts";
import type { Principal } from "../../core/ports/auth.ts";
import type { FunctionRequest } from "../../core/ports/function-runtime.ts";
import type { ActiveFunction } from "./function-version.ts";

/**
 * RFC 9110 §7.6.1, what tells a server behind a proxy who called (ours to say), and what the server
 * alone may set.
 */
const NEVER =
  /^(?:connection|keep-alive|proxy-(?:authenticate|authorization|connection)|te|trailer|upgrade|expect|forwarded|x-real-ip|idempotency-key|x-(?:reactor|forwarded)-.*)$/;
const CREDENTIALS = /^(?:authorization|apikey|cookie)$/;

/**
 * @param below path below the function, "" or with a leading slash, still encoded
 */
export function forwardRequest(
  request: Request,
  ctx: RequestContext,
  found: ActiveFunction,
  principal: Principal,
  below: string,
): FunctionRequest {
  return new Forwarded({ request, ctx, found, principal, below });
}

interface Sent {
  readonly request: Request;
  readonly ctx: RequestContext;
  readonly found: ActiveFunction;
  readonly principal: Principal;
  readonly below: string;
}

/**
 * Another view of the same request: a `Request` of its own would turn the body into a stream. What of it a
 * function sees is made when it is asked for: a module is given its body only.
 */
class Forwarded implements FunctionRequest {
  readonly #sent: Sent;
  readonly #request: Request;
  #headers: FunctionRequest["headers"] | null = null;

  constructor(sent: Sent) {
    this.#sent = sent;
    this.#request = sent.request;
  }

  get url() {
    const { ctx, below } = this.#sent;
    const { url } = this.#request;
    const queryAt = url.indexOf("?");
    return `${ctx.origin}${below || "/"}${queryAt < 0 ? "" : url.slice(queryAt)}`;
  }

  get headers() {
    const { ctx, found, principal } = this.#sent;
    this.#headers ??= forwardedHeaders(this.#request.headers, ctx, found, principal);
    return this.#headers;
  }

  get contentLength() {
    return this.#request.headers.get("content-length");
  }

  get method() {
    return this.#request.method;
  }

  get signal() {
    return this.#request.signal;
  }

  get body() {
    return this.#request.body;
  }

  bytes() {
    return this.#request.bytes();
  }
}

function forwardedHeaders(
  sent: Headers,
  ctx: RequestContext,
  found: ActiveFunction,
  principal: Principal,
): Record<string, string> {
  const all = sent.toJSON() as Record<string, string | string[]>;
  const dropped = nominated(all["connection"]);
  const headers: Record<string, string> = {};
  for (const name in all) {
    if (NEVER.test(name) || dropped.includes(name)) continue;
    if (!found.forwardAuthorization && CREDENTIALS.test(name)) continue;
    // Of `Set-Cookie`, which says nothing in a request, Bun makes a list.
    headers[name] = String(all[name]);
  }
  headers["x-request-id"] = ctx.id;
  headers["x-forwarded-for"] = ctx.address;
  headers["x-forwarded-proto"] = ctx.origin.startsWith("https:") ? "https" : "http";
  headers["x-forwarded-host"] = ctx.origin.slice(ctx.origin.indexOf("//") + 2);
  headers["x-reactor-auth"] = authHeader(principal);
  return headers;
}

/** Names that the sender's `Connection` header makes hop-by-hop. */
function nominated(connection: string | string[] | undefined): readonly string[] {
  if (connection === undefined) return [];
  return String(connection)
    .split(",")
    .map((name) => name.trim().toLowerCase());
}

/**
 * `{"role","user_id","claims"}` as JSON in ASCII: a header carries bytes, and claims hold people's
 * names.
 */
export function authHeader(principal: Principal): string {
  const known = authHeaders.get(principal);
  if (known !== undefined) return known;
  const { role, userId, claims } = principal;
  const json = `{"role":${JSON.stringify(role)},"user_id":${JSON.stringify(userId)},"claims":${claims}}`;
  const header = toAscii(json);
  authHeaders.set(principal, header);
  return header;
}

/** Of a credential that is used again the principal is the same. */
const authHeaders = new WeakMap<Principal, string>();
