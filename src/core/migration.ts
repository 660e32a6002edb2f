/** One forward-only SQL file, embedded at build or read from a project. */
export interface MigrationFile {
  /** `0001_identity` or `20260101120000_name`: sorts in the order of application. */
  readonly name: string;
  readonly sql: string;
}
