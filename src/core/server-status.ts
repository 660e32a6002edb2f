/** What `GET /_admin/status` answers and `reactor status` prints; scripts rely on the names. */
export interface ServerStatus {
  readonly url: string;
  readonly pid: number;
  readonly publishable_key: string;
  readonly secret_key: string;
  readonly jwks_url: string;
  /** libpq URL of the owner. */
  readonly database_url: string;
  readonly version: string;
  readonly capabilities: Readonly<Record<string, { readonly status: string }>>;
  readonly data_dir: string;
  /** ISO 8601. */
  readonly started_at: string;
}
