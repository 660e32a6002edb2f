/**
 * A WebSocket of a client to a function: opened to the function first, so that what it refuses is an
 * ordinary answer, then the client is upgraded and both sides are tied together.
 */
import type { RequestContext, Socket } from "../../core/context.ts";
import type { FunctionCall, FunctionSocket } from "../../core/ports/function-runtime.ts";
import { functionsErrors } from "./errors.ts";
import type { FunctionsParts } from "./parts.ts";

/** What may wait for a side that reads too slowly, bytes. */
const BUFFERED_MAX = 4 * 1_048_576;
/** RFC 6455 §7.4.1: try again later. */
const TOO_SLOW = 1013;
const NORMAL = 1000;

export function asksForSocket(request: Request): boolean {
  return request.headers.get("upgrade")?.toLowerCase() === "websocket";
}

/** Sixteen bytes in base64. */
const KEY = /^[A-Za-z0-9+/]{22}==$/;

/** What the client's upgrade will be refused for (RFC 6455 §4.2.1), before a function has seen it. */
function isHandshake({ method, headers }: Request): boolean {
  const version = headers.get("sec-websocket-version");
  return method === "GET" && version === "13" && KEY.test(headers.get("sec-websocket-key") ?? "");
}

/**
 * @param request as the client sent it
 * @throws sockets_not_supported (WASM, Lambda), not_an_upgrade, socket_refused, and what a call may throw
 */
export async function serveSocket(
  parts: FunctionsParts,
  ctx: RequestContext,
  request: Request,
  call: FunctionCall,
): Promise<void> {
  const runtime = parts.runtimes[call.spec.runtime];
  if (!runtime.connect) throw functionsErrors.sockets_not_supported(call.spec.name);
  if (!isHandshake(request)) throw functionsErrors.not_an_upgrade();
  let client: Socket | null = null;
  const early: (string | Uint8Array)[] = [];
  let ended: { code: number; reason: string } | null = null;
  const toClient = (data: string | Uint8Array) => {
    if (!client) return void early.push(data);
    client.send(data);
    if (client.bufferedBytes > BUFFERED_MAX) {
      client.close(TOO_SLOW, "The client reads too slowly");
      fn.close(NORMAL);
    }
  };
  const fn: FunctionSocket = await runtime.connect(call, {
    message: toClient,
    close(code, reason) {
      ended = { code: closeCode(code), reason };
      client?.close(ended.code, reason);
    },
  });
  const headers = fn.protocol === "" ? {} : { "Sec-WebSocket-Protocol": fn.protocol };
  const isUpgraded = ctx.upgrade(
    {
      open(socket) {
        client = socket;
        for (const data of early.splice(0)) toClient(data);
        if (ended) socket.close(ended.code, ended.reason);
      },
      message(socket, data) {
        fn.send(data);
        if (fn.bufferedBytes <= BUFFERED_MAX) return;
        socket.close(TOO_SLOW, "The function reads too slowly");
        fn.drop();
      },
      close: (_socket, code, reason) => fn.close(closeCode(code), reason),
    },
    headers,
  );
  if (isUpgraded) return;
  fn.close(NORMAL);
  throw functionsErrors.not_an_upgrade();
}

/** Codes that only an endpoint itself reports may not be sent (RFC 6455 §7.4.1). */
function closeCode(code: number): number {
  const isSendable = code === 1000 || (code >= 3000 && code <= 4999);
  return isSendable ? code : code === 1001 || code === 1011 ? code : NORMAL;
}
