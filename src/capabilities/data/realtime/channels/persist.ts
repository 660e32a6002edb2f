/** `persist` of a broadcast: how long it is kept for replay. Pure. */
import { isObject } from "./wire.ts";

/**
 * `true` or `{}` = as long as rows are kept, `{ttl}` = so many seconds, as a number or its digits;
 * null = it is not kept. More than rows are kept is refused: the sender would rely on it.
 */
export function readPersist(value: unknown, keepS: number): number | null | "invalid" {
  if (value === null || value === undefined || value === false || value === "false") return null;
  if (value === true || value === "true") return keepS;
  if (!isObject(value)) return "invalid";
  const { ttl } = value;
  if (ttl === undefined || ttl === null) return keepS;
  const seconds = typeof ttl === "string" && /^\d{1,9}$/.test(ttl) ? Number(ttl) : ttl;
  if (typeof seconds !== "number" || !Number.isInteger(seconds)) return "invalid";
  return seconds >= 1 && seconds <= keepS ? seconds : "invalid";
}
