/**
 * What the edge learned of a request before any capability saw it. Kept beside the request, not in
 * it, so that plain functions and Elysia routes reach the same value: `contextOf(request)`.
 */
import type { Principal } from "./ports/auth.ts";
import type { Logger } from "./ports/log.ts";
import type { TenantCtx } from "./tenant.ts";

export interface RequestContext {
  /** `X-Request-Id`: the client's if well formed, else a UUIDv7. */
  readonly id: string;
  readonly tenant: TenantCtx;
  /** Carries `request_id` and `tenant`. */
  readonly log: Logger;
  /** Address of the socket's other end; `unix` on the private Unix socket. */
  readonly peer: string;
  /** True on a TLS listener. */
  readonly secure: boolean;
  /** The client's address after trusted proxies. */
  readonly address: string;
  /** Scheme and authority by which the client reached us, for absolute links. */
  readonly origin: string;
  /** As routed: normalised, after aliases. */
  readonly path: string;
  /** As sent, before aliases: what `request.path` and links show. */
  readonly originalPath: string;
  /** Monotonic milliseconds at arrival. */
  readonly startedAt: number;
  /** Set by the router: the pattern that matched, for metrics. */
  route: string;
  /** The least status of its answer with which this request is logged; absent = any. */
  loggedFromStatus?: number;
  /** The answer repeats the client's own `X-Request-Id`, whatever it is. */
  echoesRequestId?: boolean;
  /**
   * Who asks; resolves once, throws `bad_credential` and `org_forbidden`. API keys that have scopes
   * are refused (`insufficient_scope`): see `scopedPrincipal`.
   */
  principal(): Promise<Principal> | Principal;
  /**
   * The same for routes that ask `permits` about everything they do, in `admitted`: keys with scopes
   * come in.
   */
  scopedPrincipal(): Promise<Principal> | Principal;
  /** Switches the idle timeout off: for streams. */
  keepOpen(): void;
  /**
   * Aborted when the listener begins to drain: streams that would go on for ever end then, or they
   * hold up the shutdown. Absent where there is no listener.
   */
  readonly closing?: AbortSignal;
  /** Upgrades this request to a WebSocket; false when it was not an upgrade request. */
  upgrade(handler: SocketHandler, headers?: Readonly<Record<string, string>>): boolean;
}

/** One WebSocket's callbacks: the shared websocket handler of every listener dispatches to it. */
export interface SocketHandler {
  open?(socket: Socket): void;
  message(socket: Socket, data: string | Uint8Array): void;
  drain?(socket: Socket): void;
  close?(socket: Socket, code: number, reason: string): void;
}

export interface Socket {
  /** Bytes sent; 0 = dropped, -1 = back-pressure (wait for `drain`). */
  send(data: string | Uint8Array): number;
  close(code?: number, reason?: string): void;
  readonly bufferedBytes: number;
}

const contexts = new WeakMap<Request, RequestContext>();

export function attachContext(request: Request, context: RequestContext): void {
  contexts.set(request, context);
}

/** The context of a request that came through the edge; a request that did not is a defect. */
export function contextOf(request: Request): RequestContext {
  const context = contexts.get(request);
  if (!context) throw new Error("request did not pass the edge");
  return context;
}
