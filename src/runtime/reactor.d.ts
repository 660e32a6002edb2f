/** Types of the module that the Bun runtime puts before a function; see bun/runner/reactor-module.ts. */
declare module "reactor" {
  interface ReactorLog {
    debug(...args: unknown[]): void;
    info(...args: unknown[]): void;
    warn(...args: unknown[]): void;
    error(...args: unknown[]): void;
  }

  type Row = Record<string, unknown>;
  /** As in a URL, or by name: `"id=eq.1&select=name"`, `{ id: "eq.1" }`. */
  type Query = string | Readonly<Record<string, string>>;

  /** What this server refused. */
  interface ServerError extends Error {
    readonly status: number;
    readonly code: string | null;
    readonly details: unknown;
    readonly hint: unknown;
  }

  /** This server's HTTP surface. Its methods throw a `ServerError` for what is no success. */
  interface ServerClient {
    /** A path of this server: `fetch("/data/v1/invoice?limit=10")`. Throws for other hosts. */
    fetch(path: string, init?: RequestInit): Promise<Response>;
    readonly data: {
      select(table: string, query?: Query): Promise<Row[]>;
      insert(table: string, rows: Row | Row[], query?: Query): Promise<Row[]>;
      /** On a conflict of the primary key, or of `on_conflict` in the query, updates. */
      upsert(table: string, rows: Row | Row[], query?: Query): Promise<Row[]>;
      update(table: string, query: Query, values: Row): Promise<Row[]>;
      delete(table: string, query: Query): Promise<Row[]>;
      rpc(name: string, args?: Row): Promise<unknown>;
    };
    readonly auth: { user(): Promise<Row> };
    readonly functions: { invoke(name: string, body?: unknown): Promise<unknown> };
  }

  /** The function's own keys, shared by all its versions: 1 to 400 bytes, values of up to 1 MiB. */
  interface KeyStore {
    get(key: string): Promise<Uint8Array | null>;
    getText(key: string): Promise<string | null>;
    getJson<T = unknown>(key: string): Promise<T | null>;
    entry(key: string): Promise<{ value: Uint8Array; version: number } | null>;
    /** The new version; null when `ifVersion` (0: absent) is not what stands. */
    set(
      key: string,
      value: unknown,
      options?: { ttlS?: number; ifVersion?: number },
    ): Promise<number | null>;
    delete(key: string): Promise<boolean>;
    list(prefix?: string, options?: { after?: string; limit?: number }): Promise<string[]>;
  }

  /** The methods of `ServerClient` are those of the caller: row security sees them, not the function. */
  export const reactor: ServerClient & {
    /** The function's environment, as deployed. The same as `process.env`. */
    readonly env: Readonly<Record<string, string>>;
    /** The function's `config` table. */
    readonly config: Readonly<Record<string, string>>;
    /** Lines carry the id of the request. `console` does the same. */
    readonly log: ReactorLog;
    /** Id of the request being answered, null outside of one. */
    readonly requestId: string | null;
    readonly kv: KeyStore;
    /** Asked anew each time: a changed secret takes effect with the next call. */
    readonly secrets: { get(name: string): Promise<string | null> };
    /** Goes on after the answer, with the rights of its caller, for as long again as a call may take. */
    waitUntil(work: Promise<unknown>): void;
    /** The same with the rights of the secret key; needs `service = true` in the settings. */
    readonly service: ServerClient;
  };
}
