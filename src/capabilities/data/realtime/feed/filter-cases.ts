/** Filters of subscriptions over the rows of changes: what could not be told by the text alone. */
import type { Case } from "./case.ts";
import { filterSql, rowJson } from "./row-sql.ts";
import type { RowView } from "./row-view.ts";
import { selectRows } from "./select-rows.ts";
import type { SqlFilter, Subscription } from "./subscription.ts";
import type { TableCourt } from "./table-court.ts";

interface Question {
  readonly filter: SqlFilter;
  /** Whose answer depends on it, for each case. */
  readonly askers: Map<Case, Subscription[]>;
}

/** Keeps the candidates whose filters hold. */
export async function passesFilters(cases: readonly Case[], court: TableCourt): Promise<void> {
  for (const one of cases) one.keep((candidate) => holdsPlainly(one, candidate, court));
  const questions = new Map<string, Question>();
  for (const one of cases) {
    for (const candidate of one.candidates) {
      for (const filter of candidate.filters.sql) note(questions, filter, one, candidate);
    }
  }
  await Promise.all([...questions.values()].map((question) => answer(question, court)));
}

function note(
  questions: Map<string, Question>,
  filter: SqlFilter,
  one: Case,
  asker: Subscription,
): void {
  const question = questions.get(filter.key) ?? { filter, askers: new Map() };
  questions.set(filter.key, question);
  const askers = question.askers.get(one) ?? [];
  question.askers.set(one, askers);
  askers.push(asker);
}

/** Values that had to be filled in first, and filters on columns that may not be told. */
function holdsPlainly(one: Case, { filters, identity }: Subscription, court: TableCourt): boolean {
  const rights = court.rightsOf(identity);
  if (!rights) return false;
  const told = one.row ? rights.columns : court.oldColumns(one, rights);
  const isTold = (name: string) => told.has(name);
  const isPlain = filters.plain.every(({ column, texts }) => {
    const text = one.view?.text(column);
    return isTold(column) && typeof text === "string" && texts.has(text);
  });
  return isPlain && filters.sql.every(({ columns }) => [...columns].every(isTold));
}

async function answer({ filter, askers }: Question, court: TableCourt): Promise<void> {
  const cases = [...askers.keys()].filter((one) => one.view !== null);
  const principal = [...askers.values()][0]?.[0]?.principal;
  if (!principal) return;
  const generated = court.facts.generated.filter(({ name }) => filter.columns.has(name));
  const sql = filterSql(court.table, filter.sql, filter.params.length, generated);
  const { rows, failed } = await selectRows(cases, (some) => {
    const json = some.map((one) => rowJson(court.table, one.change, (one.view as RowView).values));
    const caller = { principal, schema: court.table.schema };
    return court.queries.asCaller(caller, sql, [...filter.params, `[${json.join(",")}]`]);
  });
  for (const [one, subscriptions] of askers) {
    if (failed.has(one)) one.fail(subscriptions, "a filter could not be evaluated");
    if (rows.has(one) || failed.has(one)) continue;
    const askers = new Set(subscriptions);
    one.keep((candidate) => !askers.has(candidate));
  }
}
