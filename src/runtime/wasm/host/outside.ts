/**
 * What a WASM function can ask of the outside: the web, this server in its caller's name, its own keys
 * and secrets. All of it goes over the host's link; the server decides. While one of these is under way
 * the module is suspended (JavaScript Promise Integration) and other calls run.
 *
 * `http_request` is Extism's own; the others are host functions in `extism:host/user`, where the kits of
 * all languages look for them, and secrets in a module of their own, so that a deploy shows who wants them.
 */
import type { EgressClient } from "../../egress/egress-client.ts";
import { keyPath } from "../../key-path.ts";
import type { LazyAbort } from "../../lazy-abort.ts";
import type { WasmCall } from "../../messages.ts";
import { EXTISM_MODULE } from "../extism-imports.ts";
import type { ExtismMemory } from "../extism-memory.ts";
import type { ModuleImport } from "../inspect-module.ts";

export const USER_MODULE = "extism:host/user";
export const SECRET_MODULE = "reactor:host/secret";

/** The call that is asking. */
export interface Asking {
  readonly header: WasmCall;
  readonly link: EgressClient;
  readonly memory: ExtismMemory;
  /** When the caller is gone or the time is up. */
  readonly abort: LazyAbort;
  /** Of the last request. */
  answer: { readonly status: number; readonly headers: string } | null;
}

type Outside = (asking: Asking, a: bigint, b: bigint) => Promise<bigint>;

/** By module and name; each takes and gives addresses of blocks, 0 for nothing. */
export const OUTSIDE: Readonly<Record<string, Readonly<Record<string, Outside>>>> = {
  [EXTISM_MODULE]: { http_request: (asking, head, body) => httpRequest(asking, head, body) },
  [USER_MODULE]: {
    server_request: (asking, head, body) => serverRequest(asking, head, body),
    kv_get: (asking, key) => keyRequest(asking, "GET", key, 0n),
    kv_set: (asking, key, value) => keyRequest(asking, "PUT", key, value),
    kv_delete: (asking, key) => keyRequest(asking, "DELETE", key, 0n),
  },
  [SECRET_MODULE]: { secret_get: (asking, name) => secretRequest(asking, name) },
};

export function isOutside({ module, name }: Pick<ModuleImport, "module" | "name">): boolean {
  return Object.hasOwn(OUTSIDE, module) && Object.hasOwn(OUTSIDE[module] ?? {}, name);
}

export function waitsOutside(imports: readonly ModuleImport[]): boolean {
  return imports.some(isOutside);
}

interface HttpHead {
  readonly url?: unknown;
  readonly path?: unknown;
  readonly method?: unknown;
  readonly headers?: unknown;
}

const textOf = (memory: ExtismMemory, address: bigint) =>
  new TextDecoder().decode(memory.block(Number(address)));

function readHead(asking: Asking, address: bigint): HttpHead {
  const head: unknown = JSON.parse(textOf(asking.memory, address));
  if (typeof head !== "object" || head === null) throw new Error("The request is no JSON object");
  return head;
}

function headersOf({ headers }: HttpHead): [string, string][] {
  if (typeof headers !== "object" || headers === null) return [];
  return Object.entries(headers).map(([name, value]) => [name, String(value)]);
}

function bodyOf(asking: Asking, address: bigint): Uint8Array<ArrayBuffer> | null {
  return address === 0n ? null : asking.memory.block(Number(address));
}

/** Extism: `{url, method, headers}` and a body; the answer's body comes back. */
async function httpRequest(asking: Asking, head: bigint, body: bigint): Promise<bigint> {
  const request = readHead(asking, head);
  if (typeof request.url !== "string") throw new Error("The request has no url");
  const init: RequestInit = {
    method: typeof request.method === "string" ? request.method : "GET",
    headers: headersOf(request),
    body: bodyOf(asking, body),
    signal: asking.abort.signal,
  };
  const response = await asking.link.request(request.url, init, asking.header.key);
  return await keepAnswer(asking, response);
}

/** `{path, method, headers}` and a body, to this server with the caller's rights. */
async function serverRequest(asking: Asking, head: bigint, body: bigint): Promise<bigint> {
  const request = readHead(asking, head);
  if (typeof request.path !== "string") throw new Error("The request has no path");
  const headers = new Headers(headersOf(request));
  const { id, authorization, apikey, org } = asking.header;
  // In the organisation that the caller named, unless the module asks as somebody else.
  if (org && !headers.has("authorization") && !headers.has("apikey")) {
    if (!headers.has("x-reactor-org")) headers.set("x-reactor-org", org);
  }
  if (authorization && !headers.has("authorization")) headers.set("authorization", authorization);
  if (apikey && !headers.has("apikey")) headers.set("apikey", apikey);
  headers.set("x-request-id", id.slice(id.lastIndexOf(" ") + 1));
  const init = { method: String(request.method ?? "GET"), headers, body: bodyOf(asking, body) };
  return await keepAnswer(asking, await toServer(asking, "server", request.path, init));
}

async function keyRequest(
  asking: Asking,
  method: string,
  key: bigint,
  value: bigint,
): Promise<bigint> {
  const path = keyPath(textOf(asking.memory, key));
  const response = await toServer(asking, "host", path, { method, body: bodyOf(asking, value) });
  return await valueIn(asking, response);
}

async function secretRequest(asking: Asking, name: bigint): Promise<bigint> {
  const path = `/secrets/${encodeURIComponent(textOf(asking.memory, name))}`;
  return await valueIn(asking, await toServer(asking, "host", path, { method: "GET" }));
}

function toServer(
  { link, header, abort }: Asking,
  to: "server" | "host",
  path: string,
  init: RequestInit,
): Promise<Response> {
  const { method, headers, body } = new Request(new URL(path, "http://localhost"), init);
  const head = { to, url: path, method, headers: [...headers], hasBody: body !== null };
  return link.send({ ...head, key: header.key }, body, abort.signal);
}

/** 404 is no value; any other refusal ends the call with its reason. */
async function valueIn(asking: Asking, response: Response): Promise<bigint> {
  if (response.status === 404 || response.status === 204) return 0n;
  if (!response.ok) throw new Error(await response.text());
  return store(asking, response);
}

async function keepAnswer(asking: Asking, response: Response): Promise<bigint> {
  const headers = JSON.stringify(Object.fromEntries(response.headers));
  asking.answer = { status: response.status, headers };
  return await store(asking, response);
}

/** No more than the call's blocks may hold is taken from the network. */
async function store(asking: Asking, response: Response): Promise<bigint> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > asking.memory.roomBytes) throw new RangeError("The answer is too large");
    chunks.push(chunk);
  }
  return BigInt(asking.memory.store(Buffer.concat(chunks)));
}
