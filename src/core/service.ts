/** Background work that the server starts after mounting and stops, in reverse, at shutdown. */
export interface Service {
  /** `<capability>.<what>`, e.g. `auth.session_janitor`: log field and metric label. */
  readonly name: string;
  /** `process`: runs in every server. `cluster`: runs only where its lease is held. */
  readonly scope: "process" | "cluster";
  /** Returns when running; backgrounds its loop. Twice is fine. */
  start(): Promise<void>;
  /** Returns when stopped, within `budgetMs`. Twice is fine; before `start` is fine. */
  stop(budgetMs: number): Promise<void>;
}
