/**
 * `Prefer: explain=access`: runs a request, and where it is refused or answers nothing tells why. To
 * whoever may not know that it is a preference like any unknown one.
 */
import { attachContext, type RequestContext } from "../../../core/context.ts";
import { coreErrors, ReactorError } from "../../../core/errors.ts";
import { parseDatabaseUrl } from "../../../postgres/url.ts";
import { createUserPool, type ManagedUserPool } from "../../../postgres/wire/user-pool.ts";
import { findFunction } from "../find-function.ts";
import { readIncoming } from "../incoming.ts";
import { readQueryString } from "../parse/query-string.ts";
import { readPayload } from "../read-body.ts";
import type { DataRoom } from "../room.ts";
import type { Access } from "./access.ts";
import { createExaminer } from "./examine-rows.ts";
import { explainFunction } from "./explain-function.ts";
import { explainTable } from "./explain-table.ts";
import type { Explaining } from "./explaining.ts";
import { asksForAccess, mayExplain, withoutAccess } from "./may-explain.ts";
import { type TableCommand, touchedBy } from "./touched.ts";

export type Target =
  | { readonly kind: "table"; readonly name: string; readonly command: TableCommand }
  | { readonly kind: "function"; readonly name: string };

type Run = (request: Request) => Promise<Response>;

export function explained(
  room: DataRoom,
  request: Request,
  context: RequestContext,
  target: Target,
  run: Run,
): Promise<Response> {
  // Nearly every request: no promise of its own.
  if (!asksForAccess(request.headers)) return run(request);
  return runExplained(room, request, context, target, run);
}

async function runExplained(
  room: DataRoom,
  request: Request,
  context: RequestContext,
  target: Target,
  run: Run,
): Promise<Response> {
  if (!(await mayExplain(room, request.headers, context))) return run(request);
  const copies = await copiesOf(room, request, context);
  const explain = (error: ReactorError | null) =>
    explainAccess(room, copies(), context, target, error);
  try {
    const asked = copies();
    const isCounted = addCount(asked.headers, target);
    const answer = await run(asked);
    // The answer to HEAD has no place for anything.
    if (request.method === "HEAD" || !isEmpty(answer, target)) return applied(answer, isCounted);
    const access = await explain(null);
    return access === null ? applied(answer, isCounted) : envelope(answer, access);
  } catch (error) {
    if (!(error instanceof ReactorError) || !isExplained(error)) throw error;
    const access = await explain(error);
    if (access === null) throw error;
    const { status, code, message, details, hint, headers, extra, cause } = error;
    throw new ReactorError({
      ...{ status, code, message, details, hint, cause },
      headers: { ...headers, "Preference-Applied": APPLIED },
      extra: { ...extra, access },
    });
  }
}

const APPLIED = "explain=access";

/** Refused by a right or a policy, or one row was asked for and there is none. */
function isExplained({ code, details }: ReactorError): boolean {
  return code === "42501" || (code === "PGRST116" && details === "The result contains 0 rows");
}

/** As often as needed: the body is kept, the preference is not. */
async function copiesOf(
  room: DataRoom,
  request: Request,
  context: RequestContext,
): Promise<() => Request> {
  const { url, method } = request;
  const headers = new Headers(request.headers);
  const prefer = withoutAccess(headers.get("prefer") ?? "");
  if (prefer === null) headers.delete("prefer");
  else headers.set("prefer", prefer);
  const hasBody = request.body !== null;
  const body = hasBody ? await bodyOf(request, room.config.max_body_bytes) : null;
  return () => {
    const copy = new Request(url, {
      ...{ method, headers: new Headers(headers) },
      ...(body === null ? {} : { body }),
    });
    attachContext(copy, context);
    return copy;
  };
}

async function bodyOf(request: Request, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > maxBytes) throw coreErrors.payload_too_large(maxBytes);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** A change must tell how many rows it touched; true where only we want to know. */
function addCount(headers: Headers, target: Target): boolean {
  if (target.kind === "function" || !["update", "delete"].includes(target.command)) return false;
  const prefer = headers.get("prefer");
  if (prefer?.includes("count=")) return false;
  headers.set("prefer", prefer === null ? "count=exact" : `${prefer}, count=exact`);
  return true;
}

function isEmpty({ status, headers }: Response, target: Target): boolean {
  if (status >= 300) return false;
  const [range, total] = (headers.get("content-range") ?? "").split("/");
  if (target.kind === "table" && target.command !== "select") return total === "0";
  return range === "*";
}

/** The answer as it would be, with word that it was asked to explain. */
function applied(answer: Response, isCounted: boolean): Response {
  const { headers } = answer;
  if (isCounted) {
    const range = headers.get("content-range");
    if (range !== null) headers.set("content-range", range.replace(/\/\d+$/, "/*"));
  }
  const names = (headers.get("preference-applied") ?? "").split(",").map((name) => name.trim());
  const kept = names.filter((name) => name !== "" && !(isCounted && name === "count=exact"));
  headers.set("Preference-Applied", [...kept, APPLIED].join(", "));
  return answer;
}

/** An empty answer has no place for an explanation, so the two are put in one object. */
async function envelope(answer: Response, access: Access): Promise<Response> {
  const text = await answer.text();
  const isJson = /[/+]json\b/.test(answer.headers.get("content-type") ?? "");
  const data: unknown = text === "" ? null : isJson ? JSON.parse(text) : text;
  return new Response(JSON.stringify({ data, access }), {
    headers: {
      "Content-Type": "application/vnd.reactor.access+json; charset=utf-8",
      "Preference-Applied": APPLIED,
      "Cache-Control": "no-store",
    },
  });
}

async function explainAccess(
  room: DataRoom,
  request: Request,
  context: RequestContext,
  target: Target,
  error: ReactorError | null,
): Promise<Access | null> {
  const incoming = await readIncoming(room, request, context);
  const { schema } = await room.cache.get(context.tenant);
  const { system: sql } = room.databases.for(context.tenant);
  const owner = openOwner(room, context);
  const explaining: Explaining = {
    ...{ room, incoming, schema, sql },
    examinerOf: (touched) => createExaminer({ room, incoming, schema, touched, owner }),
  };
  try {
    if (target.kind === "function") {
      const isPost = incoming.method === "POST";
      const raw = readQueryString(incoming.search, room.limits, isPost ? "filters" : "params");
      const use = { of: "arguments", hasColumns: false } as const;
      const payload = isPost ? await readPayload(request, room.config.max_body_bytes, use) : null;
      const given = payload?.keys ?? raw.params.map(([key]) => key);
      const { fn } = findFunction(schema, {
        ...{ schema: incoming.schema, name: target.name, args: [...new Set(given)].sort() },
        ...{ isUniform: payload?.isUniform ?? true, whole: payload?.whole ?? null },
      });
      return await explainFunction(explaining, fn, error);
    }
    const touched = await touchedBy(room, request, incoming, schema, target.name, target.command);
    return await explainTable(explaining, touched, error);
  } finally {
    await owner?.pool.close();
  }
}

/** A login of the owner's for one explanation. None on a database of somebody else's. */
function openOwner(
  room: DataRoom,
  context: RequestContext,
): { pool: ManagedUserPool; role: string } | null {
  if (room.isForeign) return null;
  const address = parseDatabaseUrl(room.databases.for(context.tenant).ownerUrl);
  const { clock, rng } = room;
  const limits = { size: 1 };
  const pool = createUserPool({ address, limits, prepared: false, clock, rng, log: context.log });
  return { pool, role: address.user };
}
