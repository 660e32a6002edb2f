/** Has Postgres render the values that only it can: arrays, composites, types with a cast to json. */
import type { Table } from "../../schema/schema.ts";
import type { Case } from "./case.ts";
import type { JudgeQueries } from "./judge-queries.ts";
import { renderSql, rowJson } from "./row-sql.ts";
import type { RowView } from "./row-view.ts";
import { selectRows } from "./select-rows.ts";

export async function renderRows(
  table: Table,
  cases: readonly Case[],
  queries: JudgeQueries,
): Promise<void> {
  const views = cases
    .filter((one) => one.candidates.length > 0)
    .flatMap((one) => [one.row, one.old])
    .filter((view): view is RowView => view !== null && view.unrendered().length > 0);
  const columns = [...new Set(views.flatMap((view) => view.unrendered()))].filter((name) =>
    table.columns.has(name),
  );
  const principal = cases.find((one) => one.candidates.length > 0)?.candidates[0]?.principal;
  if (columns.length === 0 || !principal) return;
  const sql = renderSql(table, columns);
  const { rows, failed } = await selectRows(views, (some) => {
    const json = some.map((view) => rowJson(table, view.change, view.values));
    return queries.asCaller({ principal, schema: table.schema }, sql, [`[${json.join(",")}]`]);
  });
  for (const [view, [, ...values]] of rows) {
    for (const [at, name] of columns.entries()) view.setRendered(name, values[at] ?? "null");
  }
  for (const view of failed.keys()) view.hasFailed = true;
}
