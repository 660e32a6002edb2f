/** What `/_admin/sql` answers. */

export interface SqlColumn {
  readonly name: string;
  readonly type: string;
}

export interface SqlResult {
  /** `SELECT 3`, `CREATE TABLE`. */
  readonly tag: string;
  /** Null for a statement that gives no rows. */
  readonly columns: readonly SqlColumn[] | null;
  /** As PostgreSQL writes them. */
  readonly rows: readonly (readonly (string | null)[])[];
  /** There are more. */
  readonly truncated: boolean;
  readonly ms: number;
}

export interface SqlNotice {
  readonly severity: string;
  readonly message: string;
  readonly detail: string | null;
  readonly hint: string | null;
}

export interface SqlAnswer {
  readonly results: readonly SqlResult[];
  readonly notices: readonly SqlNotice[];
}

/** A refusal; of a statement that failed with what came before it. */
export interface SqlFault extends Partial<SqlAnswer> {
  readonly code: string;
  readonly message: string;
  readonly details: string | null;
  readonly hint: string | null;
  readonly sqlstate?: string;
  /** In the text as sent, from 1; null when PostgreSQL does not say. */
  readonly line?: number | null;
  readonly column?: number | null;
}
