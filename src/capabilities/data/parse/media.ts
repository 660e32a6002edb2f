/** Content negotiation: what `Accept` asks for, among what tables can answer with. */
import { errors } from "../errors.ts";

/** `array`: JSON array; `object`: exactly one row as a JSON object; `csv`: text/csv. */
export type Media = "array" | "object" | "csv";

const OFFERED: Readonly<Record<string, Media>> = {
  "*/*": "array",
  "application/*": "array",
  "application/json": "array",
  "application/vnd.pgrst.array+json": "array",
  "application/vnd.pgrst.array": "array",
  "application/vnd.pgrst.object+json": "object",
  "application/vnd.pgrst.object": "object",
  "text/csv": "csv",
  "text/*": "csv",
};

export const CONTENT_TYPES: Readonly<Record<Media, string>> = {
  array: "application/json; charset=utf-8",
  object: "application/vnd.pgrst.object+json; charset=utf-8",
  csv: "text/csv; charset=utf-8",
};

/** The acceptable type of the highest quality; the first named among equals. None is PGRST107. */
export function negotiate(accept: string | null): Media {
  if (accept === null || accept === "" || accept === "*/*" || accept === "application/json") {
    return "array";
  }
  const ranges = accept
    .split(",")
    .map((part, place) => ({ ...parseRange(part), place }))
    .sort((a, b) => b.quality - a.quality || a.place - b.place);
  for (const { type, quality } of ranges) {
    if (quality > 0 && Object.hasOwn(OFFERED, type)) return OFFERED[type] ?? "array";
  }
  throw errors.PGRST107(ranges.map((r) => r.type));
}

function parseRange(part: string): { type: string; quality: number } {
  const [type = "", ...parameters] = part.split(";").map((p) => p.trim().toLowerCase());
  const q = parameters.find((p) => p.startsWith("q="));
  const quality = q === undefined ? 1 : Number(q.slice(2));
  // `nulls=stripped` is another representation, which is not offered yet.
  const name = parameters.includes("nulls=stripped") ? `${type};nulls=stripped` : type;
  return { type: name, quality: Number.isFinite(quality) ? quality : 1 };
}
