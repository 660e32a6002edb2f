/** Every page of rows, by the name of its file. */

import { rows as embedding } from "./embedding.rows.ts";
import type { Row } from "./kit.ts";
import { rows as tablesViews } from "./tables-views.rows.ts";
import { rows as upsert } from "./upsert.rows.ts";
import { rows as writing } from "./writing.rows.ts";

export const pages: Readonly<Record<string, readonly Row[]>> = {
  embedding,
  "tables-views": tablesViews,
  upsert,
  writing,
};
