/** Every page of rows, by the name of its file. */

import { rows as computed } from "./computed.rows.ts";
import { rows as embedding } from "./embedding.rows.ts";
import { rows as functions } from "./functions.rows.ts";
import type { Row } from "./kit.ts";
import { rows as media } from "./media.rows.ts";
import { rows as representations } from "./representations.rows.ts";
import { rows as tablesViews } from "./tables-views.rows.ts";
import { rows as upsert } from "./upsert.rows.ts";
import { rows as writing } from "./writing.rows.ts";

export const pages: Readonly<Record<string, readonly Row[]>> = {
  computed,
  embedding,
  functions,
  media,
  representations,
  "tables-views": tablesViews,
  upsert,
  writing,
};
