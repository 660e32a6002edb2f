/**
 * HTTP as AWS's handlers know it: a request becomes an event of API Gateway's payload format 2.0, and
 * what a handler returns becomes an answer. Used by the server (AWS) and inside the runner (local).
 */
import type { FunctionRequest } from "../../core/ports/function-runtime.ts";

/** What a handler gave back is no answer. Said to its author. */
export class BadLambdaAnswer extends Error {
  constructor(message: string) {
    super(message);
    this.name = "BadLambdaAnswer";
  }
}

export interface EventSource {
  readonly request: Pick<FunctionRequest, "url" | "method" | "headers">;
  readonly body: Uint8Array | null;
  /** Of the function, where AWS has the id of the API. */
  readonly name: string;
  readonly requestId: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export type HttpEvent = Readonly<Record<string, unknown>>;

const TEXT =
  /^(?:text\/|application\/(?:[\w.-]+\+)?(?:json|xml)\b|application\/(?:javascript|x-www-form-urlencoded|graphql)\b)/i;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

export function toHttpEvent({ request, body, name, requestId, now }: EventSource): HttpEvent {
  const { pathname, search, searchParams, host } = new URL(request.url);
  const { cookie, ...headers } = request.headers;
  const sourceIp = headers["x-forwarded-for"]?.split(",")[0]?.trim() ?? "";
  const http = { method: request.method, path: pathname, protocol: "HTTP/1.1" };
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: pathname,
    rawQueryString: search.slice(1),
    ...(cookie ? { cookies: cookie.split(/;\s*/) } : {}),
    headers,
    ...(search.length > 1 ? { queryStringParameters: joined(searchParams) } : {}),
    requestContext: {
      accountId: "anonymous",
      apiId: name,
      domainName: headers["x-forwarded-host"] ?? host,
      domainPrefix: name,
      http: { ...http, sourceIp, userAgent: headers["user-agent"] ?? "" },
      requestId,
      routeKey: "$default",
      stage: "$default",
      time: commonLogTime(now),
      timeEpoch: now,
    },
    ...eventBody(body, request.headers),
  };
}

/** A name that is there more than once has its values with commas between. */
function joined(params: URLSearchParams): Record<string, string> {
  const names = [...new Set(params.keys())];
  return Object.fromEntries(names.map((name) => [name, params.getAll(name).join(",")]));
}

/** `12/Mar/2020:19:03:58 +0000` */
function commonLogTime(now: number): string {
  const [date = "", time = ""] = new Date(now).toISOString().split("T");
  const [year = "", month = "1", day = ""] = date.split("-");
  return `${day}/${MONTHS[Number(month) - 1]}/${year}:${time.slice(0, 8)} +0000`;
}

function eventBody(body: Uint8Array | null, headers: FunctionRequest["headers"]): HttpEvent {
  if (!body || body.length === 0) return { isBase64Encoded: false };
  const isText = TEXT.test(headers["content-type"] ?? "") && !headers["content-encoding"];
  const text = isText ? utf8(body) : null;
  if (text !== null) return { body: text, isBase64Encoded: false };
  return { body: Buffer.from(body).toString("base64"), isBase64Encoded: true };
}

function utf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/**
 * @param result what the handler returned, as parsed JSON: `{statusCode, headers, cookies, body,
 *   isBase64Encoded}`, a string, or anything else, which is answered as JSON
 * @throws BadLambdaAnswer
 */
export function toResponse(result: unknown): Response {
  if (!isRecord(result) || result["statusCode"] === undefined) {
    const text = typeof result === "string" ? result : JSON.stringify(result ?? null);
    return new Response(text, { headers: { "content-type": "application/json" } });
  }
  const init = responseInit(result);
  const body = hasNoBody(init.status) ? null : bodyOf(result);
  if (body !== null && !init.headers.has("content-type")) {
    init.headers.set("content-type", "text/plain; charset=utf-8");
  }
  return new Response(body, init);
}

export interface AnswerHead {
  readonly status: number;
  readonly headers: Headers;
}

/** Those of the connection and the length are the server's. */
const NOT_THEIRS = /^(?:connection|keep-alive|transfer-encoding|upgrade|content-length|date)$/i;

/** Status and headers of an answer, or of what a streaming handler sends ahead. Throws BadLambdaAnswer. */
export function responseInit(head: Readonly<Record<string, unknown>>): AnswerHead {
  const given = head["statusCode"] ?? 200;
  // An object may not even be convertible.
  const status = typeof given === "object" ? Number.NaN : Number(given);
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new BadLambdaAnswer("statusCode must be an integer from 200 to 599");
  }
  const headers = new Headers();
  for (const [name, value] of Object.entries(recordOf(head, "headers"))) {
    if (!NOT_THEIRS.test(name)) put(headers, name, value);
  }
  const { cookies } = head;
  if (cookies !== undefined && cookies !== null && !Array.isArray(cookies)) {
    throw new BadLambdaAnswer("cookies must be a list of strings");
  }
  for (const cookie of (cookies ?? []) as unknown[]) put(headers, "set-cookie", cookie);
  return { status, headers };
}

function put(headers: Headers, name: string, value: unknown): void {
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
    throw new BadLambdaAnswer(`The header '${name.slice(0, 64)}' must be a string`);
  }
  try {
    if (name.toLowerCase() === "set-cookie") headers.append(name, String(value));
    else headers.set(name, String(value));
  } catch {
    throw new BadLambdaAnswer(`'${name.slice(0, 64)}' is no valid header`);
  }
}

function recordOf(head: Readonly<Record<string, unknown>>, key: string): Record<string, unknown> {
  const value = head[key] ?? {};
  if (!isRecord(value)) throw new BadLambdaAnswer(`${key} must be an object`);
  return value;
}

/** An answer with such a status ends with its head. */
export function hasNoBody(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

function bodyOf(result: Readonly<Record<string, unknown>>): string | Uint8Array<ArrayBuffer> {
  const { body, isBase64Encoded } = result;
  if (body === undefined || body === null) return "";
  if (typeof body !== "string") {
    if (isBase64Encoded === true) throw new BadLambdaAnswer("body must be a base64 string");
    return JSON.stringify(body);
  }
  if (isBase64Encoded !== true) return body;
  if (!BASE64.test(body)) throw new BadLambdaAnswer("body is not base64");
  return new Uint8Array(Buffer.from(body, "base64"));
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
