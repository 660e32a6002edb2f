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

/** Makes a WASM module callable in a host. */
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
  /** Work that goes on after answers: how much there is now, and whether any of this call's. */
  | {
      readonly t: "background";
      readonly running: number;
      readonly call?: number;
      readonly works: boolean;
    }
  | { readonly t: "assign_failed"; readonly message: string }
  | { readonly t: "pong"; readonly n: number }
  | { readonly t: "log"; readonly lines: readonly LogEntry[] };

/** On a WebSocket's opening, which comes as HTTP: `SocketCallHeader` as JSON. The function does not see it. */
export const CALL_HEADER = "x-reactor-call";

/** What the runner knows of a call beside the request. The code of others can read all of it. */
export interface CallHeader {
  /** Request id. */
  readonly id: string;
  /** The call's number in this process, for `reactor.fetch`: the server knows whose it is. */
  readonly n: number;
  /** `X-Reactor-Org`, where the caller sent it. */
  readonly org?: string;
}

export interface SocketCallHeader extends CallHeader {
  /** `https` when the public URL says so; the socket itself is plain. */
  readonly secure?: true;
  /** Headers that the transport adds and the caller did not send. */
  readonly drop?: readonly string[];
}

/** Head of a call to a function of JavaScript. */
export interface RequestCall {
  /** Absolute. */
  readonly url: string;
  readonly method: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly call: CallHeader;
}

/** Head of a call to a WASM host: run a module with the body as its input, or load the body as a module. */
export type HostCall = WasmCall | { readonly load: LoadOrder };

export interface WasmCall {
  /** Number of the call, 1 to 2^32-1: what the host marks as running. */
  readonly n: number;
  /** What the host puts on log lines; the server knows whose it is. */
  readonly id: string;
  readonly key: string;
  readonly exportName: string;
  /** When the host stops it, milliseconds since the epoch. */
  readonly deadlineAt: number;
  /** The caller's credentials, for what the module asks of this server: the host has no code of others. */
  readonly authorization?: string;
  readonly apikey?: string;
  readonly org?: string;
}
