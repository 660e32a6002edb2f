/**
 * Decides host, method and path once, before routing and before every policy check: whatever passes
 * here means the same to each later reader. `request.url` comes from Bun in the form `new URL` gives
 * it (dot segments gone, `\` read as `/`) but with a fragment, which a later reader would cut off;
 * and Bun answers two Host headers, TRACE and `Expect: junk`: none of these may reach a route.
 */
import { defineErrors } from "../../core/errors.ts";

export const guardErrors = defineErrors({
  invalid_host: () => ({
    status: 400,
    message: "The request must carry exactly one valid Host header",
  }),
  invalid_path: (details: string) => ({
    status: 400,
    message: "The request path is not acceptable",
    details,
    hint: "Send the path in its normal form: no empty, '.' or '..' segments, valid UTF-8",
  }),
  method_not_implemented: (method: string) => ({
    status: 501,
    code: "method_not_implemented",
    message: `The method ${method} is not implemented`,
  }),
  expectation_failed: () => ({
    status: 417,
    message: "The Expect header is not understood",
    hint: "Only 100-continue is",
  }),
  uri_too_long: (limitBytes: number) => ({
    status: 414,
    message: "The request target is too long",
    details: `The limit is ${limitBytes} bytes`,
  }),
});

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
/** RFC 3986 §3.2.2 host with an optional port; brackets for IPv6. */
const HOST = /^(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;
/** Nothing in such a path can change under decoding or normalisation. */
const PLAIN_PATH = /^(?:\/[A-Za-z0-9_~!$&'()*+,;=:@-][A-Za-z0-9._~!$&'()*+,;=:@-]*)*\/?$/;
/** RFC 3986 §3.3: everything else stands in a path percent-encoded only. */
const MUST_BE_ENCODED = /[^\u0021-\u007e]|["<>^`{}#?]/;
/** Segments below are names that clients choose, encoded by `encodeURIComponent`; no policy reads them. */
const NAMED_PATHS = "/realtime/v1/api/broadcast/";
/** Target bytes, query included. Bun itself refuses heads over 16 KiB (431). */
export const TARGET_BYTES_MAX = 16_384;

export interface RequestTarget {
  /** Raw path, in normal form. */
  readonly path: string;
  /** Raw query with its `?`, or "". */
  readonly query: string;
}

/** Hosts that were found good, so that the next request's need not be parsed. */
const HOSTS_KNOWN_MAX = 256;

/** A host check that remembers; it is asked once a request. */
export function hostMemory(): (host: string) => boolean {
  const known = new Set<string>();
  return (host) => {
    if (known.has(host)) return true;
    if (!isHost(host)) return false;
    if (known.size >= HOSTS_KNOWN_MAX) known.clear();
    known.add(host);
    return true;
  };
}

/** The grammar lets ports and addresses pass that no URL holds, and links are made of this. */
function isHost(host: string): boolean {
  return HOST.test(host) && URL.canParse(`http://${host}`);
}

/** @throws invalid_host, method_not_implemented, expectation_failed */
export function checkHead(request: Request, isGoodHost = isHost): string {
  const host = request.headers.get("host") ?? "";
  if (!isGoodHost(host)) throw guardErrors.invalid_host();
  if (!METHODS.has(request.method)) throw guardErrors.method_not_implemented(request.method);
  const expect = request.headers.get("expect");
  if (expect !== null && expect.toLowerCase() !== "100-continue") {
    throw guardErrors.expectation_failed();
  }
  return host;
}

/** Splits Bun's absolute `request.url` without `new URL`, which would normalise. */
export function targetOf(url: string): RequestTarget {
  const pathAt = url.indexOf("/", url.indexOf("://") + 3);
  if (pathAt < 0) return { path: "/", query: "" };
  if (url.length - pathAt > TARGET_BYTES_MAX) throw guardErrors.uri_too_long(TARGET_BYTES_MAX);
  // No client sends a fragment; where it does, readers would not agree on where the target ends.
  if (url.includes("#", pathAt)) throw guardErrors.invalid_path("It contains a fragment");
  const queryAt = url.indexOf("?", pathAt);
  const path = queryAt < 0 ? url.slice(pathAt) : url.slice(pathAt, queryAt);
  checkPath(path);
  return { path, query: queryAt < 0 ? "" : url.slice(queryAt) };
}

/** @throws invalid_path unless the path is already in normal form and decodes to text. */
export function checkPath(path: string): void {
  if (PLAIN_PATH.test(path)) return;
  const isNamed = path.startsWith(NAMED_PATHS);
  if (path.includes("\\")) throw guardErrors.invalid_path("It contains a backslash");
  if (path.includes("//")) throw guardErrors.invalid_path("It contains an empty segment");
  if (MUST_BE_ENCODED.test(path)) {
    throw guardErrors.invalid_path("It contains a character that must be percent-encoded");
  }
  for (const segment of path.split("/")) checkSegment(segment, isNamed);
}

function checkSegment(segment: string, mayHoldSlash: boolean): void {
  const text = decodeSegment(segment);
  if (text === "." || text === "..") throw guardErrors.invalid_path("It contains a dot segment");
  if (!mayHoldSlash) checkSlash(text);
  // A control character would split log lines and headers further on.
  if (/[\u0000-\u001f\u007f]/.test(text)) {
    throw guardErrors.invalid_path("It contains a control character");
  }
}

function checkSlash(text: string): void {
  if (/[/\\]/.test(text)) throw guardErrors.invalid_path("It contains an encoded slash");
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw guardErrors.invalid_path("It is not valid percent-encoded UTF-8");
  }
}
