/** Types of the module that the Bun runtime puts before a function; see bun/runner/reactor-module.ts. */
declare module "reactor" {
  interface ReactorLog {
    debug(...args: unknown[]): void;
    info(...args: unknown[]): void;
    warn(...args: unknown[]): void;
    error(...args: unknown[]): void;
  }

  export const reactor: {
    /** The function's environment, as deployed. The same as `process.env`. */
    readonly env: Readonly<Record<string, string>>;
    /** The function's `config` table. */
    readonly config: Readonly<Record<string, string>>;
    /** Lines carry the id of the request. `console` does the same. */
    readonly log: ReactorLog;
    /** Id of the request being answered, null outside of one. */
    readonly requestId: string | null;
    /** Calls this server with the caller's own rights: `reactor.fetch("/data/v1/invoice")`. */
    fetch(path: string, init?: RequestInit): Promise<Response>;
  };
}
