/**
 * The path to the role in a token's claims (docs.postgrest.org, "JWT Role Extraction"): keys, array
 * indexes, one-element filters and slices of text, as in `.realm.roles[?(@ ^== "app_")][4:]`.
 */

type Comparison = "==" | "!=" | "^==" | "==^" | "*==";

export type JsPathStep =
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "slice"; readonly from: number | null; readonly to: number | null }
  | { readonly kind: "filter"; readonly comparison: Comparison; readonly text: string };

export type JsPath = readonly JsPathStep[];

/** Each alternative is one step; what matches none of them is no path. */
const STEP =
  /\.(?:([\p{L}\p{N}_$@]+)|"([^"]*)")|\[(\d+)\]|\[\?\(@\s*(==\^|==|!=|\^==|\*==)\s*"([^"]*)"\)\]|\[(-?\d*):(-?\d*)\]/uy;

/** Null when the text is no path. */
export function parseJsPath(text: string): JsPath | null {
  const steps: JsPathStep[] = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < text.length) {
    const match = STEP.exec(text);
    if (!match) return null;
    steps.push(stepOf(match));
  }
  return steps.length === 0 ? null : steps;
}

function stepOf(match: RegExpExecArray): JsPathStep {
  const [, bare, quoted, index, comparison, text, from = "", to = ""] = match;
  const key = bare ?? quoted;
  if (key !== undefined) return { kind: "key", key };
  if (index !== undefined) return { kind: "index", index: Number(index) };
  if (comparison !== undefined) {
    return { kind: "filter", comparison: comparison as Comparison, text: text ?? "" };
  }
  return { kind: "slice", from: bound(from), to: bound(to) };
}

/** A sign alone is no number, and stands for nothing. */
function bound(text: string): number | null {
  return text === "" || text === "-" ? null : Number(text);
}

/** What the path leads to; undefined when it leads nowhere. */
export function walkJsPath(value: unknown, path: JsPath): unknown {
  let here: unknown = value;
  for (const step of path) {
    here = take(here, step);
    if (here === undefined) return undefined;
  }
  return here;
}

function take(value: unknown, step: JsPathStep): unknown {
  switch (step.kind) {
    case "key": {
      const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
      if (!isObject || !Object.hasOwn(value, step.key)) return undefined;
      return (value as Record<string, unknown>)[step.key];
    }
    case "index":
      return Array.isArray(value) ? (value as unknown[])[step.index] : undefined;
    case "filter":
      return Array.isArray(value)
        ? (value as unknown[]).find((item) => typeof item === "string" && isMatch(item, step))
        : undefined;
    case "slice":
      return typeof value === "string" ? slice(value, step.from, step.to) : undefined;
  }
}

function isMatch(
  item: string,
  { comparison, text }: JsPathStep & { readonly kind: "filter" },
): boolean {
  switch (comparison) {
    case "==":
      return item === text;
    case "!=":
      return item !== text;
    case "^==":
      return item.startsWith(text);
    case "==^":
      return item.endsWith(text);
    case "*==":
      return item.includes(text);
  }
}

/** By characters, as in Python: negative bounds count from the end. */
function slice(text: string, from: number | null, to: number | null): string {
  return [...text].slice(from ?? 0, to ?? undefined).join("");
}
