/**
 * The request as a function shall see it: the path below the function, no credential of the caller
 * unless asked for, no header that only the server may set, and who is calling in `X-Reactor-Auth`.
 */
import { toAscii } from "../../core/ascii-json.ts";
import type { RequestContext } from "../../core/context.ts";
import type { Principal } from "../../core/ports/auth.ts";
import type { FunctionRequest } from "../../core/ports/function-runtime.ts";
import type { ActiveFunction } from "./function-version.ts";

const CREDENTIALS = ["authorization", "apikey", "cookie"];
/** RFC 9110 §7.6.1, and what tells a server behind a proxy who called: ours to say. */
const NOT_PASSED_ON = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "upgrade",
  "expect",
  "forwarded",
  "x-real-ip",
  "idempotency-key",
];
const OWN_PREFIX = "x-reactor-";
const PROXY_PREFIX = "x-forwarded-";

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
  const queryAt = request.url.indexOf("?");
  const query = queryAt < 0 ? "" : request.url.slice(queryAt);
  const url = `${ctx.origin}${below || "/"}${query}`;
  return new Forwarded(request, url, forwardedHeaders(request.headers, ctx, found, principal));
}

/** Another view of the same request: a `Request` of its own would turn the body into a stream. */
class Forwarded implements FunctionRequest {
  readonly url: string;
  readonly headers: Headers;
  readonly #request: Request;

  constructor(request: Request, url: string, headers: Headers) {
    this.#request = request;
    this.url = url;
    this.headers = headers;
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
): Headers {
  const headers = new Headers(sent);
  for (const name of nominated(sent)) headers.delete(name);
  for (const name of NOT_PASSED_ON) headers.delete(name);
  if (!found.forwardAuthorization) for (const name of CREDENTIALS) headers.delete(name);
  for (const name of [...headers.keys()]) {
    if (name.startsWith(OWN_PREFIX) || name.startsWith(PROXY_PREFIX)) headers.delete(name);
  }
  headers.set("x-request-id", ctx.id);
  headers.set("x-forwarded-for", ctx.address);
  headers.set("x-forwarded-proto", ctx.origin.startsWith("https:") ? "https" : "http");
  headers.set("x-forwarded-host", ctx.origin.slice(ctx.origin.indexOf("//") + 2));
  headers.set("x-reactor-auth", authHeader(principal));
  return headers;
}

/** Names that the sender's `Connection` header makes hop-by-hop. */
function nominated(sent: Headers): string[] {
  const names = (sent.get("connection") ?? "").split(",").map((name) => name.trim());
  return names.filter((name) => /^[A-Za-z0-9-]{1,128}$/.test(name));
}

/**
 * `{"role","user_id","claims"}` as JSON in ASCII: a header carries bytes, and claims hold people's
 * names.
 */
export function authHeader(principal: Principal): string {
  const { role, userId, claims } = principal;
  const json = `{"role":${JSON.stringify(role)},"user_id":${JSON.stringify(userId)},"claims":${claims}}`;
  return toAscii(json);
}
