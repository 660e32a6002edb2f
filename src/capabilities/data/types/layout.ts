/**
 * Lays out TypeScript types as Prettier would (two spaces, 80 columns, no semicolons): what is
 * generated is committed to projects and read in diffs.
 */

/** A type expression: text as it is, or something that may need several lines. */
export type Doc = string | ObjectDoc | UnionDoc | TupleDoc | ArrayDoc;

export interface ObjectDoc {
  readonly kind: "object";
  readonly members: readonly Member[];
  /** On several lines even where one would do. */
  readonly expanded: boolean;
}

export interface Member {
  /** As written: a property name, with `?` when optional, or an index signature. */
  readonly key: string;
  readonly value: Doc;
}

interface UnionDoc {
  readonly kind: "union";
  readonly parts: readonly Doc[];
}

interface TupleDoc {
  readonly kind: "tuple";
  readonly items: readonly Doc[];
}

interface ArrayDoc {
  readonly kind: "array";
  readonly element: Doc;
}

const WIDTH = 80;
const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;

/** A property's name, quoted where it has to be. */
export function propertyName(name: string): string {
  return IDENTIFIER.test(name) ? name : JSON.stringify(name);
}

/** A block on lines of its own; without members a type that has none. */
export function block(members: readonly Member[]): Doc {
  const none = [{ key: "[_ in never]", value: "never" }];
  return { kind: "object", members: members.length === 0 ? none : members, expanded: true };
}

/** On one line where it fits. */
export function inline(members: readonly Member[]): Doc {
  return { kind: "object", members, expanded: false };
}

export function union(parts: readonly Doc[]): Doc {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : { kind: "union", parts };
}

export function tuple(items: readonly Doc[]): Doc {
  return { kind: "tuple", items };
}

export function arrayOf(element: Doc): Doc {
  return { kind: "array", element };
}

/** `key: value` at an indent of so many spaces, without the indent of its first line. */
export function printMember({ key, value }: Member, indent: number, tail = 0): string {
  const head = `${key}: `;
  const flat = flatten(value);
  if (flat !== null && indent + head.length + flat.length + tail <= WIDTH) return head + flat;
  if (typeof value !== "string" && value.kind === "union") {
    return `${key}:\n${" ".repeat(indent + 2)}${unionLines(value, indent + 2)}`;
  }
  return head + print(value, indent);
}

/** The type, its first line beginning where it stands. */
function print(doc: Doc, indent: number): string {
  if (typeof doc === "string") return doc;
  const inner = " ".repeat(indent + 2);
  const close = `\n${" ".repeat(indent)}`;
  switch (doc.kind) {
    case "object": {
      const lines = doc.members.map((member) => inner + printMember(member, indent + 2));
      return `{\n${lines.join("\n")}${close}}`;
    }
    case "tuple": {
      const lines = doc.items.map((item) => `${inner}${fitted(item, indent + 2, 1)},`);
      return `[\n${lines.join("\n")}${close}]`;
    }
    case "array":
      return isUnion(doc.element)
        ? `(\n${inner}${unionLines(doc.element, indent + 2)}${close})[]`
        : `${print(doc.element, indent)}[]`;
    case "union":
      return unionLines(doc, indent);
  }
}

function fitted(doc: Doc, indent: number, tail: number): string {
  const flat = flatten(doc);
  return flat !== null && indent + flat.length + tail <= WIDTH ? flat : print(doc, indent);
}

function unionLines(doc: UnionDoc, indent: number): string {
  const pad = `\n${" ".repeat(indent)}| `;
  return doc.parts
    .map((part) => fitted(part, indent + 2, 0))
    .join(pad)
    .replace(/^/, "| ");
}

/** On one line, however long; null for what never is. */
function flatten(doc: Doc): string | null {
  if (typeof doc === "string") return doc;
  switch (doc.kind) {
    case "object": {
      if (doc.expanded) return null;
      const members = doc.members.map(({ key, value }) => {
        const flat = flatten(value);
        return flat === null ? null : `${key}: ${flat}`;
      });
      return members.includes(null) ? null : `{ ${members.join("; ")} }`;
    }
    case "union":
      return joined(doc.parts, " | ");
    case "tuple": {
      const items = joined(doc.items, ", ");
      return items === null ? null : `[${items}]`;
    }
    case "array": {
      const flat = flatten(doc.element);
      if (flat === null) return null;
      return isUnion(doc.element) ? `(${flat})[]` : `${flat}[]`;
    }
  }
}

function joined(docs: readonly Doc[], separator: string): string | null {
  const flat = docs.map(flatten);
  return flat.includes(null) ? null : flat.join(separator);
}

function isUnion(doc: Doc): doc is UnionDoc {
  return typeof doc !== "string" && doc.kind === "union";
}
