/** What the parts of the document are made of. */

export type Json = string | number | boolean | null | readonly Json[] | { [key: string]: Json };
export interface JsonObject {
  [key: string]: Json;
}

export const OBJECT_TYPES = [
  "application/vnd.pgrst.object+json;nulls=stripped",
  "application/vnd.pgrst.object+json",
];

/** Blank lines between the two belong to neither. */
export function splitComment(comment: string): { first: string; rest: string } {
  const end = comment.indexOf("\n");
  if (end < 0) return { first: comment, rest: "" };
  return { first: comment.slice(0, end), rest: comment.slice(end).replace(/^\n+/, "") };
}

/** `summary` and `description` of a path. */
export function aboutOf(comment: string | null): JsonObject {
  if (comment === null) return {};
  const { first, rest } = splitComment(comment);
  return { summary: first, ...(rest === "" ? {} : { description: rest }) };
}
