/**
 * WebSockets of a function, in Bun's own form: `fetch(request, server)` calls `server.upgrade(request)`,
 * and the module's `websocket` object hears what comes. Each call of it runs in the scope of the request
 * that was upgraded, so that log lines and `reactor.fetch` belong to it.
 */
import type { Server, ServerWebSocket, WebSocketHandler } from "bun";
import { CALL_HEADER, type CallHeader, type SocketCallHeader } from "../../messages.ts";
import { type FunctionHandler, told } from "./answer-call.ts";
import { callScope } from "./call-scope.ts";
import type { RunnerLog } from "./runner-log.ts";

interface SocketData {
  readonly call: CallHeader;
  readonly own: unknown;
}

type OwnSocket = ServerWebSocket<unknown>;

/** What a module may export as `websocket`. */
export type FunctionSockets = Partial<
  Pick<WebSocketHandler<unknown>, "open" | "message" | "close" | "drain">
>;

/** What a function is given as `server`. */
export interface Upgrader {
  /** True when the request asked for a WebSocket; answer nothing then. */
  upgrade(request: Request, options?: { data?: unknown; headers?: HeadersInit }): boolean;
}

/** Between server and runner only. */
const TRANSPORT_HEADERS = [CALL_HEADER, "connection", "transfer-encoding"];

/** A WebSocket's opening, as HTTP. Nothing is answered once it is one; any answer says that it is none. */
export async function openFor(
  handler: FunctionHandler,
  request: Request,
  server: Server<unknown>,
  log: RunnerLog,
): Promise<Response | undefined> {
  const call = JSON.parse(request.headers.get(CALL_HEADER) ?? "{}") as SocketCallHeader;
  let isUpgraded = false;
  const upgrader = upgraderOf(server, request, call, () => {
    isUpgraded = true;
  });
  try {
    const seen = asSeenByFunction(request, call);
    const answer = await callScope.run(call, handler, seen, upgrader);
    return isUpgraded ? undefined : (answer ?? new Response(null, { status: 500 }));
  } catch (error) {
    return new Response(told("the function threw", error, log), { status: 500 });
  }
}

function asSeenByFunction(request: Request, call: SocketCallHeader): Request {
  for (const name of TRANSPORT_HEADERS) request.headers.delete(name);
  for (const name of call.drop ?? []) request.headers.delete(name);
  if (!call.secure) return request;
  return new Request(request.url.replace(/^http:/, "https:"), request);
}

function upgraderOf(
  server: Server<unknown>,
  request: Request,
  call: CallHeader,
  onUpgrade: () => void,
): Upgrader {
  return {
    upgrade(_request, options = {}) {
      const data: SocketData = { call, own: options.data };
      const headers = options.headers ? { headers: options.headers } : {};
      const isUpgraded = server.upgrade(request, { data, ...headers });
      if (isUpgraded) onUpgrade();
      return isUpgraded;
    },
  };
}

/** @param handlers asked at each event: the function is assigned after the runner listens. */
export function socketHandlers(
  handlers: () => FunctionSockets,
  log: RunnerLog,
): WebSocketHandler<unknown> {
  const calls = new WeakMap<OwnSocket, CallHeader>();
  const run = (ws: OwnSocket, what: string, handle: () => unknown) => {
    const call = calls.get(ws);
    const guarded = async () => {
      try {
        await handle();
      } catch (error) {
        log.failure(`the WebSocket's ${what} threw`, error);
      }
    };
    void (call ? callScope.run(call, guarded) : guarded());
  };
  return {
    // The server ends what is quiet for too long; here it would be the function's business.
    idleTimeout: 0,
    open(ws) {
      const { call, own } = ws.data as SocketData;
      calls.set(ws, call);
      ws.data = own;
      run(ws, "open", () => handlers().open?.(ws));
    },
    message: (ws, message) => run(ws, "message", () => handlers().message?.(ws, message)),
    drain: (ws) => run(ws, "drain", () => handlers().drain?.(ws)),
    close: (ws, code, reason) => run(ws, "close", () => handlers().close?.(ws, code, reason)),
  };
}
