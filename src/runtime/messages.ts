/**
 * What server and child say to each other over the control channel. The server believes nothing a
 * child says beyond its shape: the child runs somebody else's code.
 */

export type LogLevelName = "debug" | "info" | "warn" | "error";

/** Level, request id or null, text. */
export type LogEntry = readonly [LogLevelName, string | null, string];

/** Turns a blank runner into the process of one function version. */
export interface AssignMessage {
  readonly t: "assign";
  readonly name: string;
  readonly version: string;
  /** The bundled ES module, inside the child's own folder; of a zip, the handler's file or the program. */
  readonly codePath: string;
  readonly env: Readonly<Record<string, string>>;
  readonly config: Readonly<Record<string, string>>;
  /** The module holds a handler for AWS Lambda. */
  readonly lambda?: LambdaAssignment;
}

export interface LambdaAssignment {
  /** As `_HANDLER` has it. */
  readonly handler: string;
  /** Name of the exported handler, and what is to be taken of it; null = `handler`, or the default export. */
  readonly exportPath: readonly string[] | null;
  /** Folder of the unpacked zip; null: a bundle. */
  readonly root: string | null;
  /** Invocations that the handler takes at one time. */
  readonly concurrency: number;
  readonly deadlineMs: number;
  readonly memoryMb: number;
}

/** Makes the WASM module behind it callable in a host. JSON, in the body: a configuration may be long. */
export interface LoadOrder {
  /** Names version and settings together. */
  readonly key: string;
  /** Grows from order to order. */
  readonly n: number;
  readonly memoryBytes: number;
  readonly config: Readonly<Record<string, string>>;
  /** Each call has an instance of its own. */
  readonly fresh: boolean;
}

export type ToChild =
  | AssignMessage
  /** `n` of the last order to load it: a later one may overtake this on its other way. */
  | { readonly t: "unload"; readonly key: string; readonly n: number }
  | { readonly t: "ping"; readonly n: number };

export type FromChild =
  | { readonly t: "ready" }
  | { readonly t: "assigned" }
  /** Work that goes on after answers: how much of it there is now. */
  | { readonly t: "background"; readonly running: number }
  | { readonly t: "assign_failed"; readonly message: string }
  | { readonly t: "pong"; readonly n: number }
  | { readonly t: "log"; readonly lines: readonly LogEntry[] };

/** Private headers between server and child; taken off before anybody else sees them. */
/** How many bytes of the body are the order; the rest is the module. */
export const LOAD_HEADER = "x-reactor-load";
export const CALL_HEADER = "x-reactor-call";
export const OUTCOME_HEADER = "x-reactor-outcome";
/** An outcome: the function was not told of the call, and will not be by this process. */
export const NOT_BEGUN = "not-begun";

/** Content of `CALL_HEADER`, JSON. */
export interface CallHeader {
  /** Request id. */
  readonly id: string;
  /** The caller's credentials, for `reactor.fetch`. */
  readonly authorization?: string;
  readonly apikey?: string;
  /** `X-Reactor-Org`, where the caller sent it. */
  readonly org?: string;
  /** `https` when the public URL says so; the socket itself is plain. */
  readonly secure?: true;
  /** Headers that the transport adds and the caller did not send. */
  readonly drop?: readonly string[];
}

/** Content of `CALL_HEADER` on a call to a WASM host, JSON. */
export interface WasmCallHeader {
  /** Number of the call, 1 to 2^32-1: what the host marks as running. */
  readonly n: number;
  /** What the host puts on log lines; the server knows whose it is. */
  readonly id: string;
  readonly key: string;
  readonly exportName: string;
  /** When the host stops it, milliseconds since the epoch. */
  readonly deadlineAt: number;
  /** The caller's credentials, for what the module asks of this server. */
  readonly authorization?: string;
  readonly apikey?: string;
  readonly org?: string;
}
