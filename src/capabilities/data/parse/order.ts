/** `order=`: comma-separated terms with direction and place of nulls. */
import { Scanner } from "./scanner.ts";
import type { OrderTerm } from "./tree.ts";

export function parseOrder(text: string): readonly OrderTerm[] {
  const scanner = new Scanner(text, "order");
  const terms: OrderTerm[] = [];
  do {
    scanner.skipSpace();
    terms.push(parseTerm(scanner));
    scanner.skipSpace();
  } while (scanner.take(","));
  if (!scanner.done) scanner.fail('"," or end of input');
  return terms;
}

function parseTerm(scanner: Scanner): OrderTerm {
  let field = scanner.field();
  let relation: string | null = null;
  if (field.path.length === 0 && scanner.take("(")) {
    relation = field.name;
    field = scanner.field();
    scanner.expect(")");
  }
  const direction = scanner.take(".asc") ? "asc" : scanner.take(".desc") ? "desc" : null;
  const nulls = scanner.take(".nullsfirst") ? "first" : scanner.take(".nullslast") ? "last" : null;
  checkEnd(scanner, direction !== null, nulls !== null);
  return { field, relation, direction, nulls };
}

function checkEnd(scanner: Scanner, hasDirection: boolean, hasNulls: boolean): void {
  scanner.skipSpace();
  if (scanner.done || scanner.startsWith(",")) return;
  if (hasNulls) scanner.fail('"," or end of input');
  if (!scanner.take(".")) scanner.fail('delimiter (.), "," or end of input');
  const known = hasDirection ? "nullsfirst" : "asc";
  const expecting = '"nullsfirst" or "nullslast"';
  scanner.failAt(
    scanner.position,
    hasDirection ? expecting : `"asc", "desc", ${expecting}`,
    mismatch(scanner, known),
  );
}

/** The first character here that departs from `word`. */
function mismatch(scanner: Scanner, word: string): string {
  const rest = scanner.text.slice(scanner.position);
  let i = 0;
  while (i < word.length && rest[i] === word[i]) i += 1;
  const code = rest.codePointAt(i);
  return code === undefined ? "" : String.fromCodePoint(code);
}
