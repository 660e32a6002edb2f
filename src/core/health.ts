/** What one part says of itself in `/health`. */
export interface Health {
  readonly status: "ok" | "degraded" | "failed";
  /** Facts for an operator; never a secret. */
  readonly details?: Readonly<Record<string, string | number | boolean | null>>;
}

/** What `reactor doctor` tells of one thing that was looked at. */
export interface Finding {
  readonly name: string;
  readonly status: "ok" | "warning" | "failed";
  readonly message: string;
  /** What to do; null when nothing is needed. */
  readonly hint: string | null;
}
