/** From the result rows to the HTTP answer: numbers, headers that functions set, status overrides. */
import { isHex, RESULT } from "./compile/wrap-result.ts";
import { errors } from "./errors.ts";
import { headerText } from "./header-text.ts";
import type { Incoming } from "./incoming.ts";
import type { Media } from "./negotiate-media.ts";
import type { ResultRow } from "./run-request.ts";

const decoder = new TextDecoder();

/** A count column; Postgres prints bigint in decimal. */
export function numberAt(row: ResultRow, column: number): number | null {
  const bytes = row[column];
  if (!bytes) return null;
  let value = 0;
  for (const byte of bytes) value = value * 10 + (byte - 48);
  return value;
}

export function textAt(row: ResultRow, column: number): string | null {
  const bytes = row[column];
  return bytes ? decoder.decode(bytes) : null;
}

/** The finished body. */
export function bodyOf(row: ResultRow, media: Media): Uint8Array | null {
  const bytes = row[RESULT.body] ?? null;
  if (bytes === null || !isHex(media)) return bytes;
  return Buffer.from(decoder.decode(bytes), "hex");
}

/** `Content-Type`, and `Content-Profile` where there is more than one schema. */
export function contentHeaders(incoming: Incoming, media: Media): Record<string, string> {
  const headers: Record<string, string> = { "Content-Type": media.contentType };
  if (incoming.showsSchema) headers["Content-Profile"] = headerText(incoming.schema);
  return headers;
}

/** Request headers that an answer depends on, besides who asks. */
const VARY = "Accept, Prefer, Range";

/** The lines of a plan, whatever the statement would have answered. */
export function answerPlan(incoming: Incoming, rows: readonly ResultRow[], media: Media): Response {
  const lines = rows.map((row) => `${textAt(row, 0) ?? ""}\n`);
  const headers = { ...contentHeaders(incoming, media), "Cache-Control": "no-store", Vary: VARY };
  return new Response(lines.join(""), { headers });
}

/** Statuses whose answers have no body. */
const BODYLESS: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * The answer, after what the database set in `response.status` and `response.headers`. Rows depend on
 * who asks, which a cache between us cannot tell (`apikey` is no header it knows), so none may keep
 * them unless a function says otherwise.
 */
export function respond(
  row: ResultRow,
  status: number,
  headers: Record<string, string>,
  body: Uint8Array | null,
): Response {
  const chosen = row[RESULT.status]?.length ? statusFrom(textAt(row, RESULT.status) ?? "") : status;
  const bytes = BODYLESS.has(chosen) ? null : body;
  headers["Cache-Control"] = "no-store";
  headers["Vary"] = VARY;
  const init = row[RESULT.headers]?.length
    ? { status: chosen, headers: withHeaders(headers, textAt(row, RESULT.headers) ?? "") }
    : { status: chosen, headers };
  return new Response(bytes as Uint8Array<ArrayBuffer> | null, init);
}

function statusFrom(text: string): number {
  const status = Number(text);
  if (!Number.isInteger(status) || status < 200 || status > 599) throw errors.PGRST112();
  return status;
}

/** `[{"X-Name":"value"}, …]`: they win over ours, and one name may come more than once. */
function withHeaders(headers: Record<string, string>, text: string): Headers {
  const merged = new Headers(headers);
  const replaced = new Set<string>();
  for (const [name, sent] of headerList(text)) {
    const value = headerText(sent);
    try {
      if (replaced.has(name.toLowerCase())) merged.append(name, value);
      else merged.set(name, value);
    } catch {
      throw errors.PGRST111();
    }
    replaced.add(name.toLowerCase());
  }
  return merged;
}

function headerList(text: string): [string, string][] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw errors.PGRST111();
  }
  if (!Array.isArray(parsed)) throw errors.PGRST111();
  return parsed.map((item: unknown) => {
    const entries = typeof item === "object" && item !== null ? Object.entries(item) : [];
    const [entry] = entries;
    if (!entry || entries.length !== 1 || typeof entry[1] !== "string") throw errors.PGRST111();
    return [entry[0], entry[1]];
  });
}
