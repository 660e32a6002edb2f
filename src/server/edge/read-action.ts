/**
 * What a request does, for the approval that `X-Reactor-Approval` names: `ask`, or the id of one that
 * was given. The digest covers everything that may change what is done, so that an approval is for
 * exactly one request.
 */
import { readBody } from "../../core/body.ts";
import { coreErrors } from "../../core/errors.ts";
import type { AskedAction } from "../../core/ports/auth.ts";
import { canonicalPath } from "./aliases.ts";
import { targetOf } from "./guard.ts";

const HEADER = "x-reactor-approval";
/** Of the body, and characters of the headers: whoever decides is shown all of it. */
const SHOWN_MAX = 8 * 1024;
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Of the connection, or who asks: they may differ when the request is sent again. */
const PASSED_OVER = new Set([
  ...[HEADER, "authorization", "apikey", "host", "connection", "content-length", "user-agent"],
  ...["accept-encoding", "accept-language", "transfer-encoding", "x-request-id", "keep-alive"],
  ...["traceparent", "tracestate", "forwarded", "via", "x-forwarded-for", "x-forwarded-host"],
  ...["x-forwarded-proto", "x-forwarded-port", "x-real-ip", "x-retry-count"],
]);

export const namesApproval = ({ headers }: Request) => headers.has(HEADER);

/** With the request to go on with, since the body was read. @throws bad_request, payload_too_large */
export async function readAction(
  request: Request,
): Promise<{ readonly action: AskedAction; readonly request: Request }> {
  const asked = request.headers.get(HEADER) ?? "";
  if (asked !== "ask" && !ID.test(asked)) {
    throw coreErrors.bad_request("X-Reactor-Approval is 'ask' or the id of an approval");
  }
  const { method, url, signal } = request;
  const { path, query } = targetOf(url);
  const target = `${canonicalPath(path)}${query}`;
  const headers = [...request.headers].filter(([name]) => !PASSED_OVER.has(name)).sort();
  const bytes = await readBody(request, SHOWN_MAX);
  const head = JSON.stringify([method, target, headers]);
  const digest = new Bun.CryptoHasher("sha256").update(`${head}\n`).update(bytes).digest("hex");
  const approvalId = asked === "ask" ? null : asked;
  const shown = headers.map(([name, value]) => `${name}: ${value}`).join("\n");
  if (shown.length > SHOWN_MAX) {
    throw coreErrors.bad_request("There are more headers than somebody could approve");
  }
  const body = bytes.byteLength === 0 ? null : (bytes as Uint8Array<ArrayBuffer>);
  return {
    action: {
      ...{ approvalId, method, target, digest, bodyBytes: bytes.byteLength },
      headers: shown,
      // PostgreSQL keeps no U+0000.
      body: new TextDecoder().decode(bytes).replaceAll("\0", "\uFFFD"),
    },
    request: new Request(url, { method, headers: request.headers, body, signal }),
  };
}
