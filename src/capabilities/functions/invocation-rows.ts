/**
 * Invocations on their way to the database, as the bytes that COPY takes. As objects they would wait a
 * quarter of a second each, thousands at a time, and most would meet a collection meanwhile.
 */
import { CopyRows } from "../../postgres/wire/copy-rows.ts";

export interface NewInvocation {
  readonly name: string;
  readonly version: string;
  readonly shared: boolean;
  readonly request_id: string;
  readonly method: string;
  readonly status: number;
  readonly duration_ms: number;
  readonly cold: boolean;
  readonly bytes_in: number | null;
  readonly bytes_out: number | null;
  readonly peak_memory_bytes: number | null;
  readonly error_code: string | null;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** In the order of `add`, behind the id. */
export const INVOCATION_COLUMNS = [
  ...["id", "name", "version", "shared", "request_id", "method", "status", "duration_ms", "cold"],
  ...["bytes_in", "bytes_out", "peak_memory_bytes", "error_code", "at"],
] as const;

export class InvocationRows {
  readonly #copy = new CopyRows(INVOCATION_COLUMNS.length);
  /** Where each row's id goes. */
  readonly #idsAt: number[] = [];
  #bytes: Uint8Array | null = null;

  get count(): number {
    return this.#idsAt.length;
  }

  /** True once it has been numbered: it takes no more. */
  get isClosed(): boolean {
    return this.#bytes !== null;
  }

  add(row: NewInvocation): void {
    const copy = this.#copy;
    copy.row();
    this.#idsAt.push(copy.length);
    copy.bigint(0);
    copy.text(row.name);
    copy.text(row.version);
    copy.boolean(row.shared);
    copy.text(row.request_id);
    copy.text(row.method);
    copy.smallint(row.status);
    copy.real(row.duration_ms);
    copy.boolean(row.cold);
    copy.bigint(row.bytes_in);
    copy.bigint(row.bytes_out);
    copy.bigint(row.peak_memory_bytes);
    copy.text(row.error_code);
    copy.timestamptz(row.at);
  }

  /** The whole copy, its rows' ids from `first` on; may be asked for again, with other ids. */
  numbered(first: number): Uint8Array {
    this.#bytes ??= this.#copy.end();
    for (const [n, at] of this.#idsAt.entries()) this.#copy.setBigint(at, first + n);
    return this.#bytes;
  }
}
