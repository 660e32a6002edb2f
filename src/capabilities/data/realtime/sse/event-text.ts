/** Events of a subscription as server-sent events are written (HTML Living Standard §9.2). */
import type { Change, ChangeType } from "../change-feed.ts";

const NAMES: Readonly<Record<ChangeType, string>> = {
  INSERT: "insert",
  UPDATE: "update",
  DELETE: "delete",
};
/** A value of type `json` keeps the line breaks it was written with. */
const LINE_BREAK = /\r\n?|\n/g;

export function changeText(change: Change): string {
  const { id, type, schema, table, commitTimestamp, record, oldRecord } = change;
  const head = JSON.stringify({ table, schema, commit_timestamp: commitTimestamp }).slice(0, -1);
  const old = oldRecord === null ? "" : `,"old":${oldRecord}`;
  return eventText(NAMES[type], `${head},"new":${record ?? "null"}${old}}`, id);
}

/** @param data JSON text. */
export function eventText(name: string, data: string, id: string | null): string {
  const idLine = id === null ? "" : `id: ${id}\n`;
  return `${idLine}event: ${name}\ndata: ${data.replace(LINE_BREAK, "\ndata: ")}\n\n`;
}
