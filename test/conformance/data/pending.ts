/** Rows whose feature is on its way, by page. A row that passes while it is listed fails. */
export const pending: Readonly<Record<string, readonly string[]>> = {
  embedding: [],
  "tables-views": [],
  upsert: [],
  writing: [],
};
