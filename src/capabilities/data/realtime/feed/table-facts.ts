/** What judging the changes of one table needs to know of it; read once per state of the schema. */

export interface TableFacts {
  readonly oid: number;
  /** `pg_class.relkind`. */
  readonly kind: string;
  /** What names a row: the primary key, else the index that is the replica identity; may be empty. */
  readonly keyColumns: readonly string[];
  /**
   * Whose updates and deletes cannot be published, because neither a key nor `full` names its rows:
   * the table itself, or a partition of it, which has an identity of its own; null = all can.
   */
  readonly withoutIdentity: { readonly schema: string; readonly name: string } | null;
  /** In the publication, by itself, through its root, its schema, or as one of all tables. */
  readonly isPublished: boolean;
  /** Nobody is just publishing it. */
  readonly isSettled: boolean;
  readonly generated: readonly GeneratedColumn[];
  /** Columns whose values are told, and are equal exactly when their texts are, with their types. */
  readonly plainTypes: ReadonlyMap<string, string>;
}

/** A column that is computed from others; no change tells its value. */
export interface GeneratedColumn {
  readonly name: string;
  /** Over the row's own columns, unqualified; other names are complete. */
  readonly sql: string;
}

/** What one role may do with a table now. */
export interface RoleFacts {
  /** Its rows are judged by policies for this role. */
  readonly isJudged: boolean;
  /** Row level security is enabled, whether it binds this role or not. */
  readonly isGuarded: boolean;
  /** It may select every column, the system's too. */
  readonly selectsAll: boolean;
  /** There are rows that it could see: some policy for reading is its own. */
  readonly readsSome: boolean;
  /** Columns that it may select. */
  readonly columns: ReadonlySet<string>;
}
