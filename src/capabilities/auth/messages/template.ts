/**
 * Templates of mails: `{{ .Name }}`, `{{ .Data.name }}` and `{{ if .Name }}…{{ else }}…{{ end }}`, a part
 * of the notation of Go's templates, so that those written for Supabase work as they are. In HTML
 * every value is escaped.
 */
import { TEMPLATE_VARIABLES, type TemplateValues, type TemplateVariable } from "./message-kinds.ts";

export type Escape = (text: string) => string;

export interface Template {
  /** Every value goes through `escaped`. */
  render(values: TemplateValues, escaped: Escape): string;
}

type Read = (values: TemplateValues) => string;
type Node =
  | { readonly text: string }
  | { readonly value: Read }
  | { readonly condition: Read; readonly holds: Node[]; readonly otherwise: Node[] };

const TAG = /\{\{-?\s*([^{}]*?)\s*-?\}\}/g;
const NAME = /^\.([A-Za-z]\w*)(?:\.([A-Za-z]\w*))?$/;

/** A fault of a template, as a sentence. */
export class TemplateError extends Error {}

/** @throws TemplateError */
export function parseTemplate(source: string): Template {
  const root: Node[] = [];
  const open: { readonly before: Node[]; readonly branch: Extract<Node, { holds: Node[] }> }[] = [];
  let into = root;
  let at = 0;
  for (const match of source.matchAll(TAG)) {
    if (match.index > at) into.push({ text: source.slice(at, match.index) });
    at = match.index + match[0].length;
    const tag = match[1] ?? "";
    const top = open.at(-1);
    if (tag.startsWith("if ")) {
      const branch = { condition: readerOf(tag.slice(3).trim()), holds: [], otherwise: [] };
      into.push(branch);
      open.push({ before: into, branch });
      into = branch.holds;
    } else if (tag === "else" && top && into === top.branch.holds) into = top.branch.otherwise;
    else if (tag === "end" && top) into = open.pop()?.before ?? root;
    else into.push({ value: readerOf(tag) });
  }
  if (open.length > 0) throw new TemplateError("an {{ if }} has no {{ end }}");
  if (at < source.length) root.push({ text: source.slice(at) });
  return { render: (values, escaped) => renderAll(root, values, escaped) };
}

function readerOf(expression: string): Read {
  const [, name = "", below] = NAME.exec(expression) ?? [];
  if (name === "Data" && below !== undefined) {
    return ({ Data }) => {
      const value = Object.hasOwn(Data, below) ? Data[below] : "";
      return typeof value === "string" || typeof value === "number" ? String(value) : "";
    };
  }
  if (below === undefined && TEMPLATE_VARIABLES.includes(name as TemplateVariable)) {
    return (values) => values[name as TemplateVariable] ?? "";
  }
  throw new TemplateError(
    `{{ ${expression} }} is not known here; there are ${TEMPLATE_VARIABLES.map((one) => `.${one}`).join(", ")}, .Data.<name>, if, else and end`,
  );
}

function renderAll(nodes: readonly Node[], values: TemplateValues, escaped: Escape): string {
  return nodes.map((node) => render(node, values, escaped)).join("");
}

function render(node: Node, values: TemplateValues, escaped: Escape): string {
  if ("text" in node) return node.text;
  if ("value" in node) return escaped(node.value(values));
  return renderAll(node.condition(values) === "" ? node.otherwise : node.holds, values, escaped);
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&#34;",
  "'": "&#39;",
};

/** For text and for quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

/** A value in the plain part: on one line, so that nobody's name can write a paragraph. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
