/** The line of every answer: the one that is logged often enough to be written by hand. */
import { isPlainText } from "./plain-line.ts";

export interface AccessEntry {
  readonly id: string;
  readonly method: string;
  /** As sent, without the query: that may hold what is nobody's business. */
  readonly path: string;
  /** The pattern that matched. */
  readonly route: string;
  readonly status: number;
  /** Milliseconds from arrival to the head of the answer. */
  readonly ms: number;
  /** Address of the socket's other end. */
  readonly peer: string;
}

/** Logs one answer as `http.request`. */
export type AccessLog = (entry: AccessEntry) => void;

export const ACCESS_EVENT = "http.request";

/** The same as fields, for who cannot take the text. */
export function accessFields(entry: AccessEntry): Record<string, unknown> {
  const { id, method, path, route, status, ms, peer } = entry;
  return { request_id: id, method, path, route, status, ms: rounded(ms), peer };
}

/** Null where a text must be escaped, cut or masked. */
export function accessLine(time: string, entry: AccessEntry): string | null {
  const { id, method, path, route, status, ms, peer } = entry;
  const isPlain = isPlainText(path) && isPlainText(id) && isPlainText(method) && isPlainText(peer);
  if (!isPlain || !isPlainText(route)) return null;
  return `{"time":"${time}","level":"info","event":"${ACCESS_EVENT}","request_id":"${id}","method":"${method}","path":"${path}","route":"${route}","status":${status},"ms":${rounded(ms)},"peer":"${peer}"}`;
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
