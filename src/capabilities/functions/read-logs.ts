/**
 * A function's log: a page of it, or the page and then every new line as server-sent events (HTML
 * Living Standard §9.2). A reader takes lines from the database at its own pace, so a slow one costs
 * no memory, and one that comes back with `Last-Event-ID` misses nothing that is still kept.
 */
import type { RequestContext } from "../../core/context.ts";
import { coreErrors } from "../../core/errors.ts";
import { storableTime } from "../../core/storable-time.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { functionsErrors } from "./errors.ts";
import type { FunctionsParts } from "./parts.ts";
import {
  type LogFilter,
  readLogAfter,
  readLogSince,
  readNewestLogId,
  type StoredLogLine,
} from "./store-records.ts";

export interface LogQuery {
  /** Id of a line, or an ISO 8601 time. */
  readonly since?: string | undefined;
  /** 1 to 1,000; default 100. */
  readonly limit?: number | undefined;
  /** Least level. */
  readonly level?: Level | undefined;
  readonly request_id?: string | undefined;
}

type Level = StoredLogLine["level"];

const LEVELS: readonly Level[] = ["debug", "info", "warn", "error"];

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000;
const HEARTBEAT_MS = 15_000;
const LINE_ID = /^\d{1,18}$/;

/** @throws function_not_found, bad_request for a `since` that is neither */
export async function readLogs(
  parts: FunctionsParts,
  tenant: TenantCtx,
  name: string,
  query: LogQuery,
): Promise<{ lines: StoredLogLine[] }> {
  const { registry } = parts.state(tenant);
  await registry.load();
  if (!registry.get(name)) throw functionsErrors.function_not_found(name.slice(0, 64));
  await parts.state(tenant).records.flush();
  return { lines: await page(parts, tenant, name, query) };
}

async function page(
  parts: FunctionsParts,
  tenant: TenantCtx,
  name: string,
  query: LogQuery,
): Promise<StoredLogLine[]> {
  const { since, limit } = query;
  const filter = filterOf(query);
  const sql = parts.sql(tenant);
  const count = Math.min(Math.max(1, limit ?? LIMIT_DEFAULT), LIMIT_MAX);
  if (since !== undefined && LINE_ID.test(since)) {
    return readLogAfter(sql, name, since, count, filter);
  }
  return readLogSince(sql, name, since === undefined ? null : isoSince(since), count, filter);
}

function filterOf({ level, request_id }: LogQuery): LogFilter {
  const levels = level === undefined ? null : LEVELS.slice(LEVELS.indexOf(level));
  return { levels, requestId: request_id ?? null };
}

function isoSince(since: string): string {
  const at = storableTime(since);
  if (!at) throw coreErrors.bad_request("since must be the id of a line or a time");
  return at.toISOString();
}

/** Ends with the request, with the server, or when the reader goes away. */
export async function followLogs(
  parts: FunctionsParts,
  ctx: RequestContext,
  request: Request,
  name: string,
  query: LogQuery,
): Promise<Response> {
  const lastSeen = request.headers.get("last-event-id") ?? undefined;
  const since = lastSeen && LINE_ID.test(lastSeen) ? lastSeen : query.since;
  await parts.state(ctx.tenant).records.flush();
  const newest = await readNewestLogId(parts.sql(ctx.tenant), name);
  const { lines } = await readLogs(parts, ctx.tenant, name, { ...query, since });
  const after = since !== undefined && LINE_ID.test(since) ? since : newest;
  ctx.keepOpen();
  const filter = filterOf(query);
  const signals = [request.signal, parts.tails.end.signal, ctx.closing];
  const ended = AbortSignal.any(signals.filter((signal) => signal !== undefined));
  return new Response(tail(parts, ctx.tenant, name, { lines, filter, after }, ended), {
    headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store" },
  });
}

/** What a tail begins with. */
interface First {
  readonly lines: StoredLogLine[];
  readonly filter: LogFilter;
  /** Id of the line behind which it goes on, where there is no line yet. */
  readonly after: string;
}

function tail(
  parts: FunctionsParts,
  tenant: TenantCtx,
  name: string,
  first: First,
  ended: AbortSignal,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const bell = createBell(parts, tenant, name, ended);
  let { lines } = first;
  let lastId = lines.at(-1)?.id ?? first.after;
  let opened = false;
  // The first page may not have held all there was.
  bell.ring();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (opened && lines.length === 0) {
        const rang = await bell.wait();
        if (ended.aborted) return controller.close();
        lines = await readLogAfter(parts.sql(tenant), name, lastId, LIMIT_MAX, first.filter);
        if (lines.length === LIMIT_MAX) bell.ring();
        if (lines.length === 0)
          return controller.enqueue(encoder.encode(rang ? ":\n\n" : ": beat\n\n"));
      }
      opened = true;
      lastId = lines.at(-1)?.id ?? lastId;
      controller.enqueue(encoder.encode(`: open\n\n${lines.map(event).join("")}`));
      lines = [];
    },
    cancel: () => bell.remove(),
  });
}

function event(line: StoredLogLine): string {
  return `id: ${line.id}\nevent: log\ndata: ${JSON.stringify(line)}\n\n`;
}

interface Bell {
  /** True when it was rung, also since the last wait; false after the time of a heartbeat. */
  wait(): Promise<boolean>;
  ring(): void;
  remove(): void;
}

function createBell(
  parts: FunctionsParts,
  tenant: TenantCtx,
  name: string,
  ended: AbortSignal,
): Bell {
  let rung = false;
  let wake: () => void = () => undefined;
  const ring = () => {
    rung = true;
    wake();
  };
  const unfollow = parts.state(tenant).feed.follow(name, ring);
  const onEnd = () => {
    unfollow();
    ring();
  };
  ended.addEventListener("abort", onEnd, { once: true });
  return {
    async wait() {
      if (!rung && !ended.aborted) {
        await new Promise<void>((resolve) => {
          const cancel = parts.deps.clock.after(HEARTBEAT_MS, resolve);
          wake = () => {
            cancel();
            resolve();
          };
        });
      }
      const wasRung = rung;
      rung = false;
      return wasRung;
    },
    ring,
    remove: onEnd,
  };
}
