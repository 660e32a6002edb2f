/** `GET /_admin/logs`: recent lines from memory, or a stream that goes on. */
import { contextOf } from "../../core/context.ts";
import { coreErrors } from "../../core/errors.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { LogLevel } from "../../core/ports/log.ts";
import { type LogBuffer, type LogFilter, matchesFilter } from "../../shared/log/log-buffer.ts";
import { eventStream } from "../sse.ts";

export interface LogQuery {
  /** ISO 8601; only lines at or after. */
  readonly since?: string | undefined;
  /** Least level. */
  readonly level?: LogLevel | undefined;
  readonly capability?: string | undefined;
  /** 1 to 5,000; default 200. The newest are kept. */
  readonly limit?: number | undefined;
  readonly follow?: "0" | "1" | "true" | "false" | undefined;
}

function filterOf(query: LogQuery): LogFilter {
  const sinceMs = query.since === undefined ? undefined : Date.parse(query.since);
  if (Number.isNaN(sinceMs)) throw coreErrors.validation_failed("query/since: not a time");
  return { sinceMs, level: query.level, capability: query.capability, limit: query.limit ?? 200 };
}

export function readLogs(
  buffer: LogBuffer,
  clock: Clock,
  query: LogQuery,
  request: Request,
): Response {
  const filter = filterOf(query);
  const lines = buffer.recent(filter);
  const isFollowing = query.follow === "1" || query.follow === "true";
  // HEAD is answered by the GET, whose stream would be read to its end to know its length.
  if (!isFollowing || request.method === "HEAD") return Response.json({ lines });
  const context = contextOf(request);
  context.keepOpen();
  return eventStream(clock, [request.signal, context.closing], (sink) => {
    for (const line of lines) sink.push("log", line);
    return buffer.subscribe((line) => {
      if (matchesFilter(line, filter)) sink.push("log", line);
    });
  });
}
