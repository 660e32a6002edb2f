/**
 * From text to an expression, by recursive descent:
 *
 *   or      = and *( "||" and )
 *   and     = not *( "&&" not )
 *   not     = "!" not / compare
 *   compare = value [ ( "==" / "!=" / "<" / "<=" / ">" / ">=" / "in" ) value ]
 *   value   = text / number / "true" / "false" / "null" / list / path / call / "(" or ")"
 *   list    = "[" [ or *( "," or ) ] "]"
 *   path    = name *( "." name / "[" text "]" )
 *   call    = name "(" or *( "," or ) ")"
 */
import { nearestName } from "../../core/nearest-name.ts";
import { ATTRIBUTES, isOpen } from "./attributes.ts";
import { type Expression, ExpressionError, type Operator, type Value } from "./expression.ts";
import { FUNCTIONS } from "./functions.ts";
import { type Token, tokenize } from "./tokenize.ts";

const SOURCE_MAX = 2_000;
const DEPTH_MAX = 32;
const NODES_MAX = 256;
const OPERATORS = new Set(["==", "!=", "<", "<=", ">", ">=", "in"]);
const WORDS: ReadonlyMap<string, Value> = new Map([
  ["true", true],
  ["false", false],
  ["null", null],
]);

/** @throws ExpressionError with the place in the text */
export function parseExpression(source: string): Expression {
  if (source.length > SOURCE_MAX) {
    throw new ExpressionError(`it is longer than ${SOURCE_MAX} characters`, SOURCE_MAX);
  }
  return new Parser(tokenize(source)).whole();
}

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;
  #nodes = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Expression {
    const expression = this.#or();
    if (this.#peek().kind !== "end") throw this.#unexpected("an operator or the end");
    return expression;
  }

  #or(): Expression {
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) {
      throw new ExpressionError(`it is nested deeper than ${DEPTH_MAX} levels`, this.#peek().from);
    }
    let left = this.#and();
    while (this.#takes("||")) left = this.#pair("or", left, this.#and());
    this.#depth -= 1;
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.#takes("&&")) left = this.#pair("and", left, this.#not());
    return left;
  }

  #not(): Expression {
    const { from } = this.#peek();
    let signs = 0;
    while (this.#takes("!")) signs += 1;
    let operand = this.#compare();
    for (; signs > 0; signs -= 1) {
      operand = this.#made({ kind: "not", operand, from: from + signs - 1, to: operand.to });
    }
    return operand;
  }

  #compare(): Expression {
    const left = this.#value();
    const { kind, text } = this.#peek();
    if ((kind !== "sign" && kind !== "name") || !OPERATORS.has(text)) return left;
    this.#next += 1;
    const right = this.#value();
    const operator = text as Operator;
    return this.#made({ kind: "compare", operator, left, right, from: left.from, to: right.to });
  }

  #value(): Expression {
    const token = this.#peek();
    const { kind, text, from, to } = token;
    if (kind === "name") return this.#named(token);
    if (kind === "text" || kind === "number") {
      this.#next += 1;
      const value = kind === "text" ? text : Number(text);
      return this.#made({ kind: "literal", value, from, to });
    }
    if (this.#takes("(")) {
      const inner = this.#or();
      this.#expect(")");
      return inner;
    }
    if (this.#takes("[")) {
      const items = this.#items("]");
      return this.#made({ kind: "list", items, from, to: this.#last().to });
    }
    throw this.#unexpected("a value");
  }

  #named(token: Token): Expression {
    const { text, from, to } = token;
    this.#next += 1;
    const word = WORDS.get(text);
    if (word !== undefined) return this.#made({ kind: "literal", value: word, from, to });
    if (this.#takes("(")) return this.#call(token);
    const names = [text];
    for (;;) {
      if (this.#takes(".")) names.push(this.#take("name", "a name").text);
      else if (this.#takes("[")) {
        names.push(this.#take("text", "a name in quotes").text);
        this.#expect("]");
      } else break;
    }
    checkPath(names, from);
    return this.#made({ kind: "path", names, from, to: this.#last().to });
  }

  #call({ text: name, from }: Token): Expression {
    const known = FUNCTIONS.get(name);
    if (!known) throw new ExpressionError(unknown(name, [...FUNCTIONS.keys()], "function"), from);
    const args = this.#items(")");
    if (args.length !== known.parameters) {
      throw new ExpressionError(`${name} takes ${known.parameters} values`, from);
    }
    return this.#made({ kind: "call", name, args, from, to: this.#last().to });
  }

  #items(close: string): Expression[] {
    const items: Expression[] = [];
    if (this.#takes(close)) return items;
    do items.push(this.#or());
    while (this.#takes(","));
    this.#expect(close);
    return items;
  }

  #pair(kind: "and" | "or", left: Expression, right: Expression): Expression {
    return this.#made({ kind, left, right, from: left.from, to: right.to });
  }

  #made(expression: Expression): Expression {
    this.#nodes += 1;
    if (this.#nodes > NODES_MAX) {
      throw new ExpressionError(`it has more than ${NODES_MAX} parts`, expression.from);
    }
    return expression;
  }

  #peek(): Token {
    return this.#tokens[this.#next] as Token;
  }

  #last(): Token {
    return this.#tokens[this.#next - 1] as Token;
  }

  #takes(sign: string): boolean {
    const { kind, text } = this.#peek();
    if (kind !== "sign" || text !== sign) return false;
    this.#next += 1;
    return true;
  }

  #take(kind: Token["kind"], what: string): Token {
    const token = this.#peek();
    if (token.kind !== kind) throw this.#unexpected(what);
    this.#next += 1;
    return token;
  }

  #expect(sign: string): void {
    if (!this.#takes(sign)) throw this.#unexpected(`'${sign}'`);
  }

  #unexpected(wanted: string): ExpressionError {
    const { text, from } = this.#peek();
    return new ExpressionError(`expected ${wanted}, got ${text}`, from);
  }
}

/** Only what there is can be asked about. */
function checkPath(names: readonly string[], at: number): void {
  const [root = "", member, ...rest] = names;
  const members = Object.hasOwn(ATTRIBUTES, root) ? ATTRIBUTES[root] : undefined;
  if (!members) throw new ExpressionError(unknown(root, Object.keys(ATTRIBUTES), "name"), at);
  if (member === undefined) throw new ExpressionError(`${root} alone is no value`, at);
  if (!Object.hasOwn(members, member)) {
    throw new ExpressionError(
      unknown(`${root}.${member}`, namesOf(root, members), "attribute"),
      at,
    );
  }
  if (rest.length > 0 && !isOpen(member)) {
    throw new ExpressionError(`${root}.${member} has no members`, at);
  }
}

const namesOf = (root: string, members: object) => Object.keys(members).map((m) => `${root}.${m}`);

function unknown(name: string, known: readonly string[], what: string): string {
  const near = nearestName(name, known);
  return `there is no ${what} ${name}${near === null ? "" : `; did you mean ${near}?`}`;
}
