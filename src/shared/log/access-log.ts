/**
 * The line of every answer: the one that is logged often enough to be written by hand, from as few
 * pieces as may be. A text put together is copied piece by piece when it is written, and that costs
 * more than all else about the line.
 */
import { ByAnswer } from "../by-answer.ts";
import { isoTime, isPlainText } from "./plain-line.ts";

export interface AccessEntry {
  /** Letters, digits and `._:-`. */
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
  return { request_id: id, method, path, route, status, ms: Math.round(ms * 1000) / 1000, peer };
}

/** Null where a text must be escaped, cut or masked. */
export type AccessLine = (timeMs: number, entry: AccessEntry) => string | null;

interface Middle {
  readonly beforePath: string;
  readonly behindPath: string;
}

export function accessLines(): AccessLine {
  const middles = new ByAnswer(middleOf);
  let headMs = Number.NaN;
  let head = "";
  let peer: string | null = null;
  let tail: string | null = null;
  let plainPath = "";
  return (timeMs, entry) => {
    const middle = middles.of(entry.method, entry.route, entry.status);
    // Requests come in runs, within a millisecond and from one peer.
    if (timeMs !== headMs) head = headOf(timeMs);
    headMs = timeMs;
    if (peer !== entry.peer) tail = tailOf(entry.peer);
    peer = entry.peer;
    if (middle === null || tail === null) return null;
    if (entry.path !== plainPath && !isPlainText(entry.path)) return null;
    plainPath = entry.path;
    const { beforePath, behindPath } = middle;
    return head + entry.id + beforePath + entry.path + behindPath + textOfMs(entry.ms) + tail;
  };
}

function headOf(timeMs: number): string {
  return flat(
    `{"time":"${isoTime(timeMs)}","level":"info","event":"${ACCESS_EVENT}","request_id":"`,
  );
}

function middleOf(method: string, route: string, status: number): Middle | null {
  if (!isPlainText(method) || !isPlainText(route)) return null;
  return {
    beforePath: flat(`","method":"${method}","path":"`),
    behindPath: flat(`","route":"${route}","status":${status},"ms":`),
  };
}

function tailOf(peer: string): string | null {
  return isPlainText(peer) ? flat(`,"peer":"${peer}"}`) : null;
}

/** One piece: what a template makes stays in pieces until it is read. */
function flat(text: string): string {
  return Buffer.from(text).toString();
}

/** `""`, `".001"`, … `".999"`, as numbers are written. */
const THOUSANDTHS = Array.from({ length: 1000 }, (_, at) => String(at / 1000).slice(1));

/** Rounded to thousandths. Numbers with a fraction take JavaScript several times as long. */
function textOfMs(ms: number): string {
  const us = Math.round(ms * 1000);
  const whole = Math.floor(us / 1000);
  return whole + (THOUSANDTHS[us - whole * 1000] ?? "");
}
