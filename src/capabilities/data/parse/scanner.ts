/**
 * A cursor over one query parameter, with the lexical rules that all of them share: names, quoted
 * names, JSON paths. Every parser in this folder is written on it. The only error it raises is
 * PGRST100, worded as PostgREST's parser words it.
 */
import { errors } from "../errors.ts";
import type { Field, JsonStep } from "./tree.ts";

const NON_ASCII_LETTER = /^\p{L}$/u;

/** `[A-Za-z0-9_ $]` and every letter of Unicode, as in PostgREST's URL grammar. */
function isNameCharacter(code: number, character: string): boolean {
  if (code >= 128) return NON_ASCII_LETTER.test(character);
  return (
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    (code >= 48 && code <= 57) ||
    code === 95 ||
    code === 32 ||
    code === 36
  );
}

export class Scanner {
  readonly text: string;
  /** `failed to parse …`, for the error. */
  readonly what: string;
  position = 0;

  constructor(text: string, what: string) {
    this.text = text;
    this.what = `failed to parse ${what} (${text.length > 200 ? `${text.slice(0, 200)}…` : text})`;
  }

  /** Raises PGRST100 at the current position. */
  fail(expecting: string): never {
    const rest = this.character();
    const unexpected = rest === "" ? "end of input" : JSON.stringify(rest);
    throw errors.PGRST100(
      this.what,
      this.position + 1,
      `unexpected ${unexpected} expecting ${expecting}`,
    );
  }

  get done(): boolean {
    return this.position >= this.text.length;
  }

  /** The character here (a whole code point), or the empty string at the end. */
  character(): string {
    const code = this.text.codePointAt(this.position);
    return code === undefined ? "" : String.fromCodePoint(code);
  }

  startsWith(token: string): boolean {
    return this.text.startsWith(token, this.position);
  }

  /** Consumes `token` if it stands here. */
  take(token: string): boolean {
    if (!this.startsWith(token)) return false;
    this.position += token.length;
    return true;
  }

  expect(token: string): void {
    if (!this.take(token)) this.fail(JSON.stringify(token));
  }

  skipSpace(): void {
    while (this.startsWith(" ") || this.startsWith("\t")) this.position += 1;
  }

  rest(): string {
    const rest = this.text.slice(this.position);
    this.position = this.text.length;
    return rest;
  }

  /** `"…"` with backslash escapes; the opening quote stands here. NUL cannot stand in a name. */
  quoted(): string {
    this.expect('"');
    let value = "";
    for (;;) {
      const character = this.character();
      if (character === "") this.fail('"\\"" or "\\\\"');
      this.position += character.length;
      if (character === '"') return value;
      if (character !== "\\") {
        value += character;
        continue;
      }
      const escaped = this.character();
      if (escaped === "") this.fail("a character");
      this.position += escaped.length;
      value += escaped;
    }
  }

  /** A run of name characters, trimmed; empty when none stands here. */
  identifier(): string {
    const start = this.position;
    for (;;) {
      const character = this.character();
      if (character === "" || !isNameCharacter(character.codePointAt(0) ?? 0, character)) break;
      this.position += character.length;
    }
    return this.text.slice(start, this.position).trim();
  }

  /** A column, table or key name: identifiers joined by `-`, or a quoted text. */
  name(): string {
    if (this.startsWith('"')) {
      const value = this.quoted();
      if (value === "" || value.includes("\0")) this.fail("a name without NUL");
      return value;
    }
    let name = this.identifier();
    if (name === "") this.fail("field name (* or [a..z0..9_$])");
    while (this.startsWith("-") && !this.startsWith("->")) {
      this.position += 1;
      name += `-${this.identifier()}`;
    }
    return name;
  }

  /** `name`, then any number of `->key`, `->>key`, `->0`. */
  field(): Field {
    this.skipSpace();
    const name = this.name();
    const path = this.jsonPath();
    this.skipSpace();
    return { name, path };
  }

  jsonPath(): JsonStep[] {
    const path: JsonStep[] = [];
    for (;;) {
      const arrow = this.take("->>") ? "->>" : this.take("->") ? "->" : null;
      if (arrow === null) return path;
      const index = this.#index();
      path.push(
        index === null
          ? { arrow, key: this.name(), isIndex: false }
          : { arrow, key: index, isIndex: true },
      );
    }
  }

  /** Digits that end a step; `->1a` is a key. At most 9 of them, so that they fit an integer. */
  #index(): string | null {
    const match = /^-?\d{1,9}(?=$|->|::|\.|,|\)| )/.exec(
      this.text.slice(this.position, this.position + 14),
    );
    if (!match) {
      if (this.startsWith("-")) this.fail("digit");
      return null;
    }
    this.position += match[0].length;
    return match[0];
  }
}
