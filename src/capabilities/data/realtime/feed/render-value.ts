/**
 * Values as `to_json` renders them, from the text that their types print. What cannot be told from
 * the text alone (arrays, composites, types with a cast to json) has the form `sql` and is left to
 * Postgres.
 */

/**
 * `quoted`: a JSON string of the text, whatever it is. `number`: the text itself where it is a JSON
 * number, else quoted (`NaN`). `json`: the text itself.
 */
export type TextForm =
  | "quoted"
  | "number"
  | "boolean"
  | "json"
  | "timestamp"
  | "timestamptz"
  | "sql";

const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** Postgres prints `+00`, and minutes and seconds only where there are any. */
const BARE_OFFSET = /([+-]\d\d)( BC)?$/;

/** Null for `sql`. */
export function renderValue(form: TextForm, text: string): string | null {
  switch (form) {
    case "quoted":
      return JSON.stringify(text);
    case "number":
      return JSON_NUMBER.test(text) ? text : JSON.stringify(text);
    case "boolean":
      return text === "t" ? "true" : "false";
    case "json":
      return text;
    case "timestamp":
      return JSON.stringify(text.replace(" ", "T"));
    case "timestamptz":
      return JSON.stringify(text.replace(" ", "T").replace(BARE_OFFSET, "$1:00$2"));
    case "sql":
      return null;
  }
}
