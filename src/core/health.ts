/** What one part says of itself in `/health`. */
export interface Health {
  readonly status: "ok" | "degraded" | "failed";
  /** Facts for an operator; never a secret. */
  readonly details?: Readonly<Record<string, string | number | boolean | null>>;
}
