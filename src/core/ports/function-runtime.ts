import type { TenantCtx } from "../tenant.ts";

/** Everything a runtime must know of one immutable function version. */
export interface FunctionSpec {
  /** `^[a-z][a-z0-9_-]{0,62}$`. */
  readonly name: string;
  /**
   * sha256 (hex) over tenant, code, runtime, entry, config, env and limits: what makes a version. The
   * values of secrets and of variables set later are no part of it: two specs of one version may differ.
   */
  readonly version: string;
  readonly runtime: "bun" | "wasm" | "lambda";
  /**
   * `bun`: one bundled ES module. `wasm`: the module. `lambda`: a bundled handler, or which function of
   * AWS is meant. A path in this server's code cache.
   */
  readonly codePath: string;
  /** `wasm`: export to call when the path names none; null = by the naming rule. */
  readonly entry: string | null;
  /** Extism config / function configuration, plain strings. */
  readonly config: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly limits: FunctionLimits;
  /** It may ask this server with the rights of the secret key. */
  readonly service: boolean;
  /** `bun`: processes kept ready, 0 or more, and processes at most, 1 or more. */
  readonly instances: { readonly min: number; readonly max: number };
  /** `wasm`: `request` gives each call an instance of its own. */
  readonly isolation: "reuse" | "request";
  /** Hosts it may send requests to, in lower case: `api.example.com`, `*.example.com`, `*`. */
  readonly egress: readonly string[];
}

export interface FunctionLimits {
  /** Whole invocation, milliseconds; the child is killed past it. Default 30,000. */
  readonly deadlineMs: number;
  /** Memory that a runner has to itself, bytes; killed past it. Default 256 MiB. */
  readonly memoryBytes: number;
  /** Request body, bytes. Default 64 MiB. */
  readonly bodyInBytes: number;
  /** Answer's body, bytes; null = no bound. */
  readonly bodyOutBytes: number | null;
  /** Concurrent calls in one instance. Default 64 (bun), 1 (wasm instance). */
  readonly concurrency: number;
  /** Calls that may wait beyond those at work. Default 128. */
  readonly queue: number;
  /** A process without calls for so long is ended, milliseconds. Default 10 min. */
  readonly idleMs: number;
}

/**
 * What a runtime needs of a request. Touching `body` makes a stream of it, which costs more than a small
 * body: whoever has its length asks for `bytes()`. Touching `signal` costs too: a call of a moment needs none.
 */
export interface FunctionRequest
  extends Pick<Request, "url" | "method" | "signal" | "body" | "bytes"> {
  /** Names in lower case. A plain record: cheaper than `Headers` to make, to look into and to hand on. */
  readonly headers: Readonly<Record<string, string>>;
  /** `Content-Length` as sent; null where the body has none announced. For who needs no other header. */
  readonly contentLength: string | null;
}

/** What says in whose name a function asks this server for things. */
export interface CallerHeaders {
  readonly authorization: string | null;
  readonly apikey: string | null;
  /** `X-Reactor-Org`: without it the function would act in another organisation than it was asked in. */
  readonly org?: string | null;
}

export interface FunctionCall {
  readonly tenant: TenantCtx;
  readonly requestId: string;
  readonly spec: FunctionSpec;
  /** As the function shall see it: URL path below the function, headers filtered, body streaming. */
  readonly request: FunctionRequest;
  /** `wasm`: the export named in the path, or null. */
  readonly exportName: string | null;
  /** The caller's credential headers, for what the function asks of this server in the caller's name. */
  readonly caller?: CallerHeaders;
  /** Told where it runs before it begins, also of a call that fails; again when it is given to another process. */
  readonly onPlaced?: (place: FunctionPlace) => void;
}

/** Where a call runs. */
export interface FunctionPlace {
  /** True when a process or instance had to be assigned for this call. */
  readonly cold: boolean;
  /** Most memory of its process seen so far, bytes; absent where it is not known. */
  readonly peakMemoryBytes?: (() => number) | undefined;
}

/** Names in lower case; a list where a header came several times (`set-cookie`). */
export type AnswerHeaders = Readonly<Record<string, string | readonly string[]>>;

/**
 * What came back: the parts of a response, because whoever passes it on has headers of its own to add, and
 * one `Response` is enough. Errors are thrown as `ReactorError` (function_timeout 504, function_crashed
 * 502, function_failed 500 …).
 */
export interface FunctionAnswer extends FunctionPlace {
  /** 200 to 599. */
  readonly status: number;
  readonly statusText?: string | undefined;
  /** As the function set them; whether they can be sent has not been looked at. */
  readonly headers: AnswerHeaders;
  /** Whole, as it comes, or none. */
  readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;
}

/** An open WebSocket to a function. */
export interface FunctionSocket {
  /** Chosen by the function; empty for none. */
  readonly protocol: string;
  /** What the function has not taken yet, bytes. */
  readonly bufferedBytes: number;
  send(data: string | Uint8Array): void;
  close(code?: number, reason?: string): void;
  /** Ends it without a word, and forgets what waits. */
  drop(): void;
}

/** What comes from the function. Nothing follows `close`. */
export interface FunctionSocketEvents {
  message(data: string | Uint8Array): void;
  close(code: number, reason: string): void;
}

export interface FunctionLogLine {
  readonly function: string;
  readonly version: string;
  readonly requestId: string | null;
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
}

export interface FunctionRuntime {
  readonly kind: FunctionSpec["runtime"];
  /** How far functions are kept from the server: see `runtime/jail/jail-plan.ts`. */
  readonly jail: "full" | "standard" | "weak" | "none";
  invoke(call: FunctionCall): Promise<FunctionAnswer>;
  /** Opens a WebSocket; absent where functions have none. Throws as `invoke`, and `socket_refused`. */
  connect?(call: FunctionCall, events: FunctionSocketEvents): Promise<FunctionSocket>;
  /** Makes what is to be kept ready of a version (`instances.min`). */
  prepare(spec: FunctionSpec): Promise<void>;
  /** Drains and ends instances of a version (after a redeploy). */
  retire(name: string, version: string): Promise<void>;
  /** Child processes alive now, for metrics and doctor. */
  processes(): readonly { pid: number; function: string | null; memoryBytes: number }[];
  start(): Promise<void>;
  stop(budgetMs: number): Promise<void>;
}
