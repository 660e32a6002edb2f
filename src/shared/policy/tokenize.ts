/** Takes the text of an expression apart. */
import { ExpressionError } from "./expression.ts";

export interface Token {
  readonly kind: "name" | "text" | "number" | "sign" | "end";
  /** A text without its quotes and escapes. */
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

const SPACE = /[ \t\r\n]+/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /-?\d{1,15}(?:\.\d{1,15})?(?![\w.])/y;
const SIGN = /&&|\|\||==|!=|<=|>=|[<>!()[\],.]/y;
const TEXT = /"((?:[^"\\\n]|\\["\\nt])*)"|'((?:[^'\\\n]|\\['\\nt])*)'/y;
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t" };

/** The tokens, an `end` last. @throws ExpressionError */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp) => {
    pattern.lastIndex = at;
    return pattern.exec(source);
  };
  const push = (kind: Token["kind"], raw: string, text: string) => {
    tokens.push({ kind, text, from: at, to: at + raw.length });
    at += raw.length;
  };
  while (at < source.length) {
    const space = match(SPACE);
    if (space) {
      at += space[0].length;
      continue;
    }
    const name = match(NAME);
    const number = name ? null : match(NUMBER);
    const text = name || number ? null : match(TEXT);
    const sign = name || number || text ? null : match(SIGN);
    if (name) push("name", name[0], name[0]);
    else if (number) push("number", number[0], number[0]);
    else if (text) push("text", text[0], unescaped(text[1] ?? text[2] ?? ""));
    else if (sign) push("sign", sign[0], sign[0]);
    else throw new ExpressionError(`unexpected ${JSON.stringify(source[at])}`, at);
  }
  tokens.push({ kind: "end", text: "the end", from: at, to: at });
  return tokens;
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => ESCAPES[character] ?? character);
}
