/** A row of a change with its values as JSON, those that only Postgres can render filled in later. */
import type { RawChange, RowValues } from "./raw-change.ts";
import { renderValue } from "./render-value.ts";

export class RowView {
  readonly change: RawChange;
  values: RowValues;
  readonly #rendered = new Map<string, string>();
  /** Postgres could not make values of the texts. */
  hasFailed = false;

  constructor(change: RawChange, values: RowValues) {
    this.change = change;
    this.values = values;
  }

  /** Undefined when it is not told, or there is no such column. */
  text(column: string): string | null | undefined {
    const at = this.change.shape.columns.findIndex(({ name }) => name === column);
    return at < 0 ? undefined : this.values[at];
  }

  /** Fills in a value that the log left out. */
  fill(column: string, text: string | null): void {
    this.values = this.values.map((value, at) =>
      this.change.shape.columns[at]?.name === column && value === undefined ? text : value,
    );
  }

  /** Columns that only Postgres can render. */
  unrendered(): string[] {
    return this.change.shape.columns.flatMap(({ name, form }, at) =>
      form === "sql" && typeof this.values[at] === "string" ? [name] : [],
    );
  }

  setRendered(column: string, json: string): void {
    this.#rendered.set(column, json);
  }

  /** JSON object text of these columns, without those whose values are not known. */
  json(isWanted: (column: string) => boolean): string {
    const members: string[] = [];
    for (const [at, { name, form }] of this.change.shape.columns.entries()) {
      const text = this.values[at];
      if (text === undefined || !isWanted(name)) continue;
      const value = text === null ? "null" : (renderValue(form, text) ?? this.#rendered.get(name));
      if (value !== undefined) members.push(`${JSON.stringify(name)}:${value}`);
    }
    return `{${members.join(",")}}`;
  }
}
