/**
 * How the rows of this folder are written: one request and the whole answer that PostgREST's
 * documentation promises for it. Expectations are literals, derived from the documentation (each
 * group names its page) and never recorded from an answer of ours.
 *
 * A builder adds what holds for every answer of its kind, so that each row checks it: the content
 * type, and the range that follows from the rows the literal holds.
 */
import type { HttpRow } from "../../support/rows.ts";

export { fault } from "../../support/rows.ts";

export const JSON_TYPE = "application/json; charset=utf-8";
export const CSV_TYPE = "text/csv; charset=utf-8";
export const OBJECT = "application/vnd.pgrst.object+json";

/** Database roles beside the anonymous one; each has a token. */
export type Role = "harbour_clerk" | "harbour_master" | "harbour_visitor" | "Harbour Guest";

export interface Row extends Omit<HttpRow, "as"> {
  /** Sent after the first answer was right; what was written, or not. */
  readonly after?: Row;
}

type AnswerHeaders = NonNullable<HttpRow["expect"]["headers"]>;

export interface More {
  readonly as?: Role;
  readonly accept?: string;
  readonly prefer?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status?: number;
  /** Headers of the answer, over those the builder adds. */
  readonly answer?: AnswerHeaders;
  /** `Content-Range`. */
  readonly range?: string;
  /** `Preference-Applied`. */
  readonly applied?: string | null;
  readonly after?: Row;
}

/** A body that must be this text, byte for byte: numbers that JSON.parse would round, XML, … */
export class Raw {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A body of bytes, in hexadecimal. */
export class Hex {
  readonly digits: string;
  constructor(digits: string) {
    this.digits = digits;
  }
}

export const raw = (text: string) => new Raw(text);
export const hex = (digits: string) => new Hex(digits);
export const ids = (...numbers: readonly number[]) => numbers.map((id) => ({ id }));

/** GET of a table, a view or a function. */
export function get(name: string, path: string, body: unknown, more: More = {}): Row {
  return build(name, "GET", path, undefined, body, more, { "content-range": rangeOf(body) });
}

export function head(name: string, path: string, more: More = {}): Row {
  return build(name, "HEAD", path, undefined, undefined, more, { "content-type": JSON_TYPE });
}

/** @param body undefined = an empty answer without a content type */
export function post(name: string, path: string, sent: unknown, body?: unknown, more: More = {}) {
  const range = { "content-range": "*/*" };
  return build(name, "POST", path, sent, body, { status: 201, ...more }, range);
}

export function patch(name: string, path: string, sent: unknown, body?: unknown, more: More = {}) {
  return build(name, "PATCH", path, sent, body, {
    status: body === undefined ? 204 : 200,
    ...more,
  });
}

export function put(name: string, path: string, sent: unknown, body?: unknown, more: More = {}) {
  return build(name, "PUT", path, sent, body, { status: body === undefined ? 204 : 200, ...more });
}

export function del(name: string, path: string, body?: unknown, more: More = {}): Row {
  const status = body === undefined ? 204 : 200;
  const range = { "content-range": "*/*" };
  return build(name, "DELETE", path, undefined, body, { status, ...more }, range);
}

/** POST of a function. */
export function call(
  name: string,
  path: string,
  sent: unknown,
  body: unknown,
  more: More = {},
): Row {
  const range = { "content-range": rangeOf(body) };
  return build(name, "POST", `/rpc/${path}`, sent, body, more, range);
}

/** A request that is refused. @param method with its path: `GET /ports` */
export function fails(
  name: string,
  request: string,
  status: number,
  body: unknown,
  more: More & { readonly sent?: unknown } = {},
): Row {
  const at = request.indexOf(" ");
  const [method, path] = [request.slice(0, at), request.slice(at + 1)];
  return build(name, method, path, more.sent, body, { ...more, status });
}

/** The name under which a role's token is known to rows. */
export function tokenOf(role: Role): string {
  return `${role.toLowerCase().replaceAll(" ", "_")}.token`;
}

function rangeOf(body: unknown): string {
  if (!Array.isArray(body)) return "0-0/*";
  return body.length === 0 ? "*/*" : `0-${body.length - 1}/*`;
}

function build(
  name: string,
  method: string,
  path: string,
  sent: unknown,
  body: unknown,
  more: More,
  always: AnswerHeaders = {},
): Row {
  const { as, accept, prefer, range, applied, after } = more;
  const headers: Record<string, string> = { ...more.headers };
  if (as !== undefined) headers["authorization"] = `Bearer {${tokenOf(as)}}`;
  if (accept !== undefined) headers["accept"] = accept;
  if (prefer !== undefined) headers["prefer"] = prefer;
  const answer: AnswerHeaders = {
    "content-type": body === undefined ? null : JSON_TYPE,
    ...always,
    ...(range === undefined ? {} : { "content-range": range }),
    ...(applied === undefined ? {} : { "preference-applied": applied }),
    ...more.answer,
  };
  return {
    name,
    method,
    path: path.startsWith("/rest/v1") ? path : `/data/v1${path}`,
    headers,
    body: sent,
    expect: { status: more.status ?? 200, headers: answer, body },
    ...(after === undefined ? {} : { after }),
  };
}
