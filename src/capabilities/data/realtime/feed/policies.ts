/** The policies by which a role's reading of a table is decided, as SQL. */

export interface TablePolicies {
  /** One of them must hold; none = no row. */
  readonly permissive: readonly string[];
  /** All of them must hold. */
  readonly restrictive: readonly string[];
}
