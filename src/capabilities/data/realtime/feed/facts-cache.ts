/** `TableFacts` by table, for one state of the schema. */
import type { Table } from "../../schema/schema.ts";
import { readTableFacts } from "./facts-store.ts";
import type { JudgeQueries } from "./judge-queries.ts";
import type { TableFacts } from "./table-facts.ts";

export class FactsCache {
  readonly #queries: JudgeQueries;
  readonly #publication: string;
  #version = -1;
  readonly #facts = new Map<Table, Promise<TableFacts | null>>();

  constructor(queries: JudgeQueries, publication: string) {
    this.#queries = queries;
    this.#publication = publication;
  }

  /** Null when the table has gone. */
  get(table: Table, schemaVersion: number): Promise<TableFacts | null> {
    if (schemaVersion !== this.#version) {
      this.#facts.clear();
      this.#version = schemaVersion;
    }
    const known = this.#facts.get(table);
    if (known) return known;
    const facts = this.#queries.withOwner(({ system }) =>
      readTableFacts(system, table, this.#publication),
    );
    this.#facts.set(table, facts);
    facts.catch(() => this.#facts.delete(table));
    return facts;
  }
}
