/** `order=`: comma-separated terms with direction and place of nulls. */
import { Scanner } from "./scanner.ts";
import type { OrderTerm } from "./tree.ts";

export function parseOrder(text: string): readonly OrderTerm[] {
  const scanner = new Scanner(text, "order");
  const terms: OrderTerm[] = [];
  do {
    terms.push(parseTerm(scanner));
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
  scanner.skipSpace();
  if (scanner.startsWith(".")) {
    scanner.position += 1;
    scanner.fail(
      direction === null
        ? '"asc", "desc", "nullsfirst" or "nullslast"'
        : '"nullsfirst" or "nullslast"',
    );
  }
  return { field, relation, direction, nulls };
}
