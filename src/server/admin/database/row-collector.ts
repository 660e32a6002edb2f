/** Takes the driver's raw rows as texts, up to bounds of number and size. */
import type { SqlResult } from "../../../core/sql-answer.ts";

export interface RawColumn {
  readonly name: string;
  readonly oid: number;
}

export interface RawResult extends Omit<SqlResult, "columns"> {
  readonly columns: readonly RawColumn[] | null;
}

type Row = readonly (string | null)[];

/** What the driver says of a result beside its rows. */
interface Described {
  readonly command?: string | null;
  readonly count?: number | null;
  readonly statement?: { readonly columns?: readonly { name: string; type: number }[] | null };
}

/** Their tags count rows that were shown, not rows that were changed. */
const SHOWING = new Set(["SELECT", "SHOW", "EXPLAIN"]);

export class RowCollector {
  readonly #rowsMax: number;
  readonly #bytesMax: number;
  readonly #rows: Row[] = [];
  #columns: readonly RawColumn[] | null = null;
  #bytes = 0;
  #isFull = false;

  constructor(rowsMax: number, bytesMax: number) {
    this.#rowsMax = rowsMax;
    this.#bytesMax = bytesMax;
  }

  /** There are more rows than it may take. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** @param chunk rows of the driver in raw form. */
  take(chunk: unknown): void {
    this.#columns ??= columnsOf(chunk as Described);
    const texts = (chunk as (Uint8Array | null)[][]).map(textsOf);
    this.#bytes += sizeOf(texts);
    const room = this.#rowsMax - this.#rows.length;
    this.#rows.push(...texts.slice(0, room));
    this.#isFull = texts.length > room || this.#bytes > this.#bytesMax;
  }

  /** @param end what the driver resolved to. */
  result(end: unknown): Omit<RawResult, "ms"> {
    const { command, count } = end as Described;
    const name = command ?? "SELECT";
    const columns = this.#columns ?? columnsOf(end as Described);
    const isBare = columns?.length === 0 && this.#rows.length === 0;
    const number = SHOWING.has(name) ? this.#rows.length : count;
    return {
      tag: number === null || number === undefined ? name : `${name} ${number}`,
      columns: isBare ? null : columns,
      rows: this.#rows,
      truncated: this.#isFull,
    };
  }
}

function columnsOf({ statement }: Described): readonly RawColumn[] | null {
  return statement?.columns?.map(({ name, type }) => ({ name, oid: type })) ?? null;
}

const decoder = new TextDecoder();

function textsOf(row: readonly (Uint8Array | null)[]): (string | null)[] {
  return row.map((value) => (value === null ? null : decoder.decode(value)));
}

/** About what it takes in memory, bytes. */
export function sizeOf(rows: readonly Row[]): number {
  return rows.reduce((sum, row) => sum + row.reduce((n, v) => n + (v?.length ?? 0) + 8, 0), 0);
}
