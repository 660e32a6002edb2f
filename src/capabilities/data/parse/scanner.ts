/**
 * A cursor over one query parameter, with the lexical rules that all of them share: names, quoted
 * names, JSON paths, types. Every parser in this folder is written on it. The only error it raises is
 * PGRST100, worded as PostgREST's parser words it.
 */
import { errors } from "../errors.ts";
import type { Field, JsonStep } from "./tree.ts";

const NON_ASCII_LETTER = /^\p{L}$/u;

/** `[A-Za-z0-9_ $]` and every letter of Unicode, as in PostgREST's URL grammar. */
function isNameCharacter(character: string): boolean {
  const code = character.charCodeAt(0);
  if (code >= 128) return NON_ASCII_LETTER.test(character);
  return (
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    isDigit(character) ||
    code === 95 ||
    code === 32 ||
    code === 36
  );
}

function isDigit(character: string): boolean {
  return character >= "0" && character <= "9" && character.length === 1;
}

/** In the key of a JSON path, everything but what can follow or enclose one. */
function isKeyCharacter(character: string): boolean {
  return !"(-:.,>)".includes(character);
}

/** Where the text could have ended, PostgREST's parser shows what stands there as a character. */
function quote(text: string, expecting: string): string {
  if (!expecting.endsWith("end of input")) return JSON.stringify(text);
  return `'${text.replace(/['\\]/, "\\$&")}'`;
}

/** More digits than an integer has would be a key like any other. */
const INDEX_DIGITS_MAX = 9;
const INDEX_ENDS = ["->", "::", ".", ",", ")", " "];

export class Scanner {
  readonly text: string;
  /** `failed to parse …`, for the error. */
  readonly what: string;
  position = 0;

  /** @param shown the text as the error shows it, where that is not what is read. */
  constructor(text: string, what: string, shown: string = text) {
    this.text = text;
    const short = shown.length > 200 ? `${shown.slice(0, 200)}…` : shown;
    this.what = `failed to parse ${what} (${short})`;
  }

  /** Raises PGRST100 at the current position. */
  fail(expecting: string): never {
    return this.failAt(this.position, expecting);
  }

  /** @param unexpected what is in the way; default the character there. */
  failAt(position: number, expecting: string, unexpected?: string): never {
    this.position = position;
    const here = unexpected ?? this.character();
    const shown = here === "" ? "end of input" : quote(here, expecting);
    throw errors.PGRST100(this.what, position + 1, `unexpected ${shown} expecting ${expecting}`);
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

  /** Consumes and returns the first of `tokens` that stands here. */
  takeAny<T extends string>(tokens: readonly T[]): T | null {
    return tokens.find((token) => this.take(token)) ?? null;
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

  /** Consumes while `accepts` holds. */
  takeWhile(accepts: (character: string) => boolean): string {
    const start = this.position;
    for (;;) {
      const character = this.character();
      if (character === "" || !accepts(character)) break;
      this.position += character.length;
    }
    return this.text.slice(start, this.position);
  }

  /** `"…"` with backslash escapes; the opening quote stands here. */
  quoted(): string {
    return this.maybeQuoted() ?? this.failAt(this.text.length, '"\\"" or "\\\\"');
  }

  /** The same, or null (and the position anywhere) where no quoted text stands or it does not end. */
  maybeQuoted(): string | null {
    if (!this.take('"')) return null;
    let value = "";
    for (;;) {
      value += this.takeWhile((c) => c !== '"' && c !== "\\");
      if (this.take('"')) return value;
      this.position += 1;
      const escaped = this.character();
      if (escaped === "") return null;
      this.position += escaped.length;
      value += escaped;
    }
  }

  /** A run of name characters, trimmed; empty when none stands here. */
  identifier(): string {
    return this.takeWhile(isNameCharacter).trim();
  }

  /** A column, table or key name: identifiers joined by `-`, or a quoted text. */
  name(): string {
    return this.#dashed(isNameCharacter, "field name (* or [a..z0..9_$])");
  }

  /** A name, or null (and nothing consumed) where none stands. */
  maybeName(): string | null {
    const character = this.character();
    if (character !== '"' && (character === "" || !isNameCharacter(character))) return null;
    return this.name();
  }

  #dashed(accepts: (character: string) => boolean, expecting: string): string {
    if (this.startsWith('"')) {
      const value = this.quoted();
      if (value === "" || value.includes("\0")) this.fail("a name without NUL");
      return value;
    }
    let name = this.takeWhile(accepts).trim();
    if (name === "") this.fail(expecting);
    while (this.startsWith("-") && !this.startsWith("->")) {
      this.position += 1;
      name += `-${this.takeWhile(accepts).trim()}`;
    }
    if (name.includes("\0")) this.fail("a name without NUL");
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
      const arrow = this.takeAny(["->>", "->"]);
      if (arrow === null) return path;
      const index = this.#index();
      path.push(
        index === null
          ? {
              arrow,
              key: this.#dashed(isKeyCharacter, "any non reserved character different from: .,>()"),
              isIndex: false,
            }
          : { arrow, key: index, isIndex: true },
      );
    }
  }

  /** Digits that end a step; `->1a` is a key, `->-1a` an error: no key begins with a dash. */
  #index(): string | null {
    const start = this.position;
    const isNegative = this.take("-");
    const digits = this.takeWhile(isDigit);
    if (isNegative && digits === "") this.fail("digit");
    const ends = this.done || INDEX_ENDS.some((token) => this.startsWith(token));
    if (digits !== "" && ends && digits.length <= INDEX_DIGITS_MAX)
      return this.text.slice(start, this.position);
    if (isNegative) this.fail('digit, "->", "::", ".", "," or end of input');
    this.position = start;
    return null;
  }

  /** `::type`: the type's name as written, or null where no cast stands. */
  cast(): string | null {
    if (!this.take("::")) return null;
    const type = this.identifier();
    if (type === "") this.fail("letter or digit");
    return type;
  }
}
