/**
 * What only a function may ask of its server, over its link and never over HTTP: its keys.
 *
 *   GET /kv/={key}           200 with the bytes and an ETag, 404
 *   PUT /kv/={key}?ttl_s=    204 with an ETag; If-None-Match: * or If-Match: "<etag>" else 412
 *   DELETE /kv/={key}        204, 404
 *   GET /kv?prefix=&after=&limit=   {"keys": […]}, at most 1,000, in byte order
 *
 * Keys belong to the function, all its versions share them. Refusals are 4xx with a sentence.
 */
import type { FunctionSpec } from "../../core/ports/function-runtime.ts";
import type { Kv, KvPutOptions } from "../../core/ports/kv.ts";
import type { TenantCtx } from "../../core/tenant.ts";

/** The sign is what `.` and `..` need to be no steps in a path. */
const KEYS = "/kv/=";
/** UTF-8 bytes. */
const KEY_MAX_BYTES = 400;
const VALUE_MAX_BYTES = 1_048_576;
const LIST_MAX = 1_000;
const TTL_MAX_S = 10 * 365 * 86_400;

export async function answerHostCall(
  kv: Kv,
  tenant: TenantCtx,
  { name }: Pick<FunctionSpec, "name">,
  request: Request,
): Promise<Response> {
  const url = new URL(request.url);
  const prefix = `fn/${name}/`;
  if (url.pathname === "/kv") return await listKeys(kv, tenant, prefix, url.searchParams);
  const key = keyIn(url.pathname);
  if (key === null) return refusal(404, "A function can ask for /kv/={key} and /kv");
  if (key === "" || Buffer.byteLength(key) > KEY_MAX_BYTES) {
    return refusal(400, `A key has 1 to ${KEY_MAX_BYTES} bytes`);
  }
  if (key.includes("\0")) return refusal(400, "A key has no NUL");
  switch (request.method) {
    case "GET":
      return await getValue(kv, tenant, prefix + key);
    case "PUT":
      return await putValue(kv, tenant, prefix + key, url.searchParams, request);
    case "DELETE": {
      const was = await kv.delete(tenant, prefix + key);
      return new Response(null, { status: was ? 204 : 404 });
    }
    default:
      return refusal(405, "A key is read by GET, written by PUT and removed by DELETE");
  }
}

/** Null for another path. */
function keyIn(path: string): string | null {
  if (!path.startsWith(KEYS)) return null;
  try {
    return decodeURIComponent(path.slice(KEYS.length));
  } catch {
    return null;
  }
}

async function getValue(kv: Kv, tenant: TenantCtx, key: string): Promise<Response> {
  const entry = await kv.get(tenant, key);
  if (!entry) return new Response(null, { status: 404 });
  const body = new Uint8Array(entry.value);
  return new Response(body, { headers: { ETag: `"${entry.version}"` } });
}

async function putValue(
  kv: Kv,
  tenant: TenantCtx,
  key: string,
  query: URLSearchParams,
  request: Request,
): Promise<Response> {
  const options = putOptions(query, request.headers);
  if (typeof options === "string") return refusal(400, options);
  const value = await boundedBytes(request);
  if (!value) return refusal(413, `A value has at most ${VALUE_MAX_BYTES} bytes`);
  const version = await kv.put(tenant, key, value, options);
  if (version === null) return refusal(412, "The key has another version");
  return new Response(null, { status: 204, headers: { ETag: `"${version}"` } });
}

/** A text says what cannot be read. */
function putOptions(query: URLSearchParams, headers: Headers): KvPutOptions | string {
  const options: KvPutOptions = {};
  const ttl = query.get("ttl_s");
  if (ttl !== null) {
    const seconds = Number(ttl);
    if (!(seconds > 0 && seconds <= TTL_MAX_S)) return `ttl_s is a number up to ${TTL_MAX_S}`;
    options.ttlMs = Math.ceil(seconds * 1_000);
  }
  const match = headers.get("if-match");
  if (match !== null) {
    const version = /^"(\d{1,15})"$/.exec(match)?.[1];
    if (version === undefined) return "If-Match is an ETag that a read or a write answered";
    options.ifVersion = Number(version);
  } else if (headers.get("if-none-match") === "*") options.ifVersion = 0;
  return options;
}

/** Null when there are too many. */
async function boundedBytes(request: Request): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > VALUE_MAX_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function listKeys(
  kv: Kv,
  tenant: TenantCtx,
  own: string,
  query: URLSearchParams,
): Promise<Response> {
  const limit = Number(query.get("limit") ?? LIST_MAX);
  if (!Number.isInteger(limit) || limit < 1 || limit > LIST_MAX) {
    return refusal(400, `limit is an integer from 1 to ${LIST_MAX}`);
  }
  const after = query.get("after");
  const keys = await kv.list(tenant, own + (query.get("prefix") ?? ""), {
    limit,
    ...(after === null ? {} : { after: own + after }),
  });
  return Response.json({ keys: keys.map((key) => key.slice(own.length)) });
}

function refusal(status: number, reason: string): Response {
  return new Response(reason, { status });
}
