/**
 * This server's own HTTP surface as a function sees it, once with the caller's rights and once, where the
 * function was given them, with the server's. Requests go over the runner's link; the server adds the
 * credentials of either, so that none is ever in this process.
 */
import type { EgressClient } from "../../egress/egress-client.ts";
import { callScope } from "./call-scope.ts";

/** Only its path counts. */
const BASE = "http://localhost";
const SERVICE = { to: "service" } as const;
const JSON_TYPE = "application/json";

export type As = "caller" | "service";

/** An answer of this server that was no success: the error body's own members. */
export class ServerError extends Error {
  readonly status: number;
  readonly code: string | null;
  readonly details: unknown;
  readonly hint: unknown;

  constructor(status: number, body: Readonly<Record<string, unknown>>) {
    super(typeof body["message"] === "string" ? body["message"] : `The server answered ${status}`);
    this.name = "ServerError";
    this.status = status;
    this.code = typeof body["code"] === "string" ? body["code"] : null;
    this.details = body["details"] ?? null;
    this.hint = body["hint"] ?? null;
  }
}

type Rows = Record<string, unknown>[];
type Query = string | Readonly<Record<string, string>>;

export interface ServerClient {
  fetch(path: string, init?: RequestInit): Promise<Response>;
  readonly data: {
    select(table: string, query?: Query): Promise<Rows>;
    insert(table: string, rows: unknown, query?: Query): Promise<Rows>;
    upsert(table: string, rows: unknown, query?: Query): Promise<Rows>;
    update(table: string, query: Query, values: unknown): Promise<Rows>;
    delete(table: string, query: Query): Promise<Rows>;
    rpc(name: string, args?: unknown): Promise<unknown>;
  };
  readonly auth: { user(): Promise<Record<string, unknown>> };
  readonly functions: { invoke(name: string, body?: unknown): Promise<unknown> };
}

export function createServerClient(egress: EgressClient, as: As): ServerClient {
  const ask = (path: string, init?: RequestInit) => askServer(egress, as, path, init);
  const json = async (path: string, init?: RequestInit) => await answerValue(await ask(path, init));
  const write = (method: string, path: string, body: unknown, prefer: string) =>
    json(path, {
      method,
      headers: { "content-type": JSON_TYPE, prefer: `return=representation${prefer}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }) as Promise<Rows>;
  const table = (name: string, query?: Query) =>
    `/data/v1/${encodeURIComponent(name)}${queryOf(query)}`;
  return Object.freeze({
    fetch: ask,
    data: Object.freeze({
      select: (name: string, query?: Query) => json(table(name, query)) as Promise<Rows>,
      insert: (name: string, rows: unknown, query?: Query) =>
        write("POST", table(name, query), rows, ""),
      upsert: (name: string, rows: unknown, query?: Query) =>
        write("POST", table(name, query), rows, ",resolution=merge-duplicates"),
      update: (name: string, query: Query, values: unknown) =>
        write("PATCH", table(name, query), values, ""),
      delete: (name: string, query: Query) => write("DELETE", table(name, query), undefined, ""),
      rpc: (name: string, args: unknown = {}) =>
        json(`/data/v1/rpc/${encodeURIComponent(name)}`, {
          method: "POST",
          headers: { "content-type": JSON_TYPE },
          body: JSON.stringify(args),
        }),
    }),
    auth: Object.freeze({
      user: () => json("/auth/v1/user") as Promise<Record<string, unknown>>,
    }),
    functions: Object.freeze({
      invoke: (name: string, body?: unknown) =>
        json(`/fn/v1/${encodeURIComponent(name)}`, {
          method: "POST",
          headers: { "content-type": JSON_TYPE },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
    }),
  });
}

function queryOf(query: Query | undefined): string {
  if (query === undefined) return "";
  const text = typeof query === "string" ? query : new URLSearchParams(query).toString();
  return text === "" || text.startsWith("?") ? text : `?${text}`;
}

/** Parsed where it is JSON, else the text; null for nothing. */
async function answerValue(response: Response): Promise<unknown> {
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") === true;
  const value: unknown = isJson && text !== "" ? JSON.parse(text) : text || null;
  if (response.ok) return value;
  const isBody = typeof value === "object" && value !== null;
  throw new ServerError(response.status, isBody ? { ...value } : { message: value });
}

/** Redirects are handed back, not followed. Rejects once the call has ended in whose name it asks. */
async function askServer(
  egress: EgressClient,
  as: As,
  path: string,
  init?: RequestInit,
): Promise<Response> {
  const call = callScope.getStore();
  if (!call && as === "caller") {
    throw new Error("reactor.fetch works while a request is being answered");
  }
  const url = new URL(path, BASE);
  if (url.origin !== BASE) {
    throw new TypeError(`reactor.fetch takes a path of this server, not ${path}`);
  }
  const { method, headers, body, signal } = new Request(url, init);
  if (call) headers.set("x-request-id", call.id);
  // In the organisation that the caller named, unless the function asks as somebody else.
  const isTheirs = !headers.has("authorization") && !headers.has("apikey");
  if (as === "caller" && call?.org && isTheirs && !headers.has("x-reactor-org")) {
    headers.set("x-reactor-org", call.org);
  }
  const asked = { url: url.pathname + url.search, method, headers: [...headers] };
  const to = as === "caller" && call ? ({ to: "server", call: call.n } as const) : SERVICE;
  return await egress.send({ ...to, ...asked, hasBody: body !== null }, body, signal);
}
