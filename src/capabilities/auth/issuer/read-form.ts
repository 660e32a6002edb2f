/**
 * Parameters of OAuth requests: a query, a form (RFC 6749 appendix B), or JSON where GoTrue takes
 * it. A parameter that is sent twice is refused, because two readers would read two values (§3.1).
 */
import { readBody } from "../../../core/body.ts";
import { readJson } from "../http/read-json.ts";
import { oauthErrors } from "./errors.ts";

const FORM_BYTES_MAX = 64 * 1024;
const VALUE_LENGTH_MAX = 8192;
const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;

/** Parameters by name; absent ones are "". An empty value counts as absent (§3.1). */
export interface Params {
  get(name: string): string;
}

/** @throws invalid_request */
export function queryParams(request: Request): Params {
  return paramsOf(new URL(request.url).searchParams);
}

/** Form or JSON. @throws invalid_request, payload_too_large, unsupported_media_type */
export async function bodyParams(request: Request): Promise<Params> {
  if (!FORM_TYPE.test(request.headers.get("content-type") ?? "")) {
    return paramsOf(Object.entries(await readJson(request)));
  }
  return formParams(request);
}

/** @throws invalid_request, payload_too_large */
export async function formParams(request: Request): Promise<Params> {
  const bytes = await readBody(request, FORM_BYTES_MAX);
  return paramsOf(new URLSearchParams(Buffer.from(bytes).toString("utf8")));
}

function paramsOf(entries: Iterable<readonly [string, unknown]>): Params {
  const values = new Map<string, string>();
  for (const [name, value] of entries) {
    if (values.has(name)) throw oauthErrors.invalid_request("A parameter was sent twice");
    if (typeof value !== "string") throw oauthErrors.invalid_request("Parameters must be text");
    if (value.length > VALUE_LENGTH_MAX) {
      throw oauthErrors.invalid_request("A parameter is too long");
    }
    if (value.includes("\u0000") || !value.isWellFormed()) {
      throw oauthErrors.invalid_request("A parameter holds characters that are not text");
    }
    values.set(name, value);
  }
  return { get: (name) => values.get(name) ?? "" };
}
