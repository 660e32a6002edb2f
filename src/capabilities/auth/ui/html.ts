/**
 * HTML by tagged template: what stands in the template is markup, what is put into it is text. Text
 * is escaped for element content and for double-quoted attributes, the only two places the pages put
 * any; a value of `html` passes as it is, lists are joined, and null, undefined and false are nothing.
 */
export interface Html {
  readonly markup: string;
}

export type Child = Html | string | number | null | undefined | false | readonly Child[];

const MARKUP = new WeakSet<object>();

export function html(parts: TemplateStringsArray, ...children: readonly Child[]): Html {
  const markup = parts.reduce((text, part, at) => text + markupOf(children[at - 1]) + part);
  return marked(markup);
}

/** Only what `html` made is trusted: an object of that shape from a body or a row is not. */
function marked(markup: string): Html {
  const made = Object.freeze({ markup });
  MARKUP.add(made);
  return made;
}

function markupOf(child: Child): string {
  if (child === null || child === undefined || child === false) return "";
  if (typeof child === "string") return escapeText(child);
  if (typeof child === "number") return String(child);
  if (Array.isArray(child)) return child.map(markupOf).join("");
  if (!MARKUP.has(child)) throw new TypeError("a page was given an object that is no markup");
  return (child as Html).markup;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}
