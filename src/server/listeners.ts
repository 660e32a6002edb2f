/**
 * The sockets a server listens on: plain TCP, TLS with certificates by name and swap, and the
 * private Unix socket of its own children. Upgrades go through the listener the request came by:
 * with several listeners `Bun.serve`'s upgrade answers wrongly on any other.
 */
import type { ServerWebSocket } from "bun";
import type { Socket, SocketHandler } from "../core/context.ts";
import { errorResponse, toReactorError } from "../core/http.ts";
import type { Edge } from "./edge/edge.ts";
import type { Arrival } from "./edge/request-context.ts";

/** A certificate and the names it serves; the first of a list answers unknown names. */
export interface Certificate {
  /** PEM texts. */
  readonly cert: string;
  readonly key: string;
  /** SNI name; absent for the default. */
  readonly serverName?: string;
}

export interface ListenerOptions {
  readonly edge: Edge;
  /** Seconds a quiet connection is kept, 1 to 255. */
  readonly idleTimeoutS: number;
  /** Larger request bodies are refused by the listener itself (413). */
  readonly bodyBytesMax: number;
}

export interface TcpOptions extends ListenerOptions {
  readonly host: string;
  /** 0 = any. */
  readonly port: number;
  readonly certificates?: readonly Certificate[];
}

export interface Listener {
  /** `http://127.0.0.1:7890`, `https://…`, `unix:/…`. */
  readonly url: string;
  /**
   * New connections get these certificates; requests being answered are answered. Nothing without
   * TLS. @throws for a certificate that cannot be used: then the old ones stay.
   */
  swapCertificates(certificates: readonly Certificate[]): void;
  /** Stops accepting; resolves when the open requests have been answered. */
  drain(): Promise<void>;
  /** Ends what is left. */
  close(): Promise<void>;
}

interface SocketData {
  readonly handler: SocketHandler;
  /** The open ones of its listener. */
  readonly open: Set<ServerWebSocket<SocketData>>;
  socket: Socket | undefined;
}

/** RFC 6455 §7.4.1: the endpoint is going away. */
const GOING_AWAY = 1001;

type BunServer = Bun.Server<SocketData>;

function openSocket(ws: ServerWebSocket<SocketData>): Socket {
  return {
    send: (data) => (typeof data === "string" ? ws.sendText(data) : ws.sendBinary(data)),
    close: (code, reason) => ws.close(code, reason),
    get bufferedBytes() {
      return ws.getBufferedAmount();
    },
  };
}

/** One handler for every WebSocket of every listener; it only dispatches. */
const websocket: Bun.WebSocketHandler<SocketData> = {
  idleTimeout: 120,
  maxPayloadLength: 1024 * 1024,
  open(ws) {
    ws.data.open.add(ws);
    ws.data.socket = openSocket(ws);
    ws.data.handler.open?.(ws.data.socket);
  },
  message(ws, data) {
    if (ws.data.socket) ws.data.handler.message(ws.data.socket, data);
  },
  drain(ws) {
    if (ws.data.socket) ws.data.handler.drain?.(ws.data.socket);
  },
  close(ws, code, reason) {
    ws.data.open.delete(ws);
    if (ws.data.socket) ws.data.handler.close?.(ws.data.socket, code, reason);
  },
};

/** How a listener's requests arrive. */
interface Way {
  readonly isUnix: boolean;
  readonly secure: boolean;
  readonly idleTimeoutS: number;
  /** Ends what would go on for ever. */
  readonly ending: AbortController;
  readonly sockets: Set<ServerWebSocket<SocketData>>;
}

/** A class, because two closures and an object a request cost more than what they do. */
class BunArrival implements Arrival {
  readonly #server: BunServer;
  readonly #request: Request;
  readonly #way: Way;
  readonly peer: string;

  constructor(server: BunServer, request: Request, way: Way) {
    this.#server = server;
    this.#request = request;
    this.#way = way;
    // A TCP client that has gone has no address any more; it is not one of our children for that.
    this.peer = way.isUnix ? "unix" : (server.requestIP(request)?.address ?? "unknown");
  }

  get secure(): boolean {
    return this.#way.secure;
  }

  get closing(): AbortSignal {
    return this.#way.ending.signal;
  }

  get idleTimeoutS(): number {
    return this.#way.idleTimeoutS;
  }

  timeout(seconds: number): void {
    this.#server.timeout(this.#request, seconds);
  }

  upgrade(handler: SocketHandler, headers: Readonly<Record<string, string>>): boolean {
    return this.#server.upgrade(this.#request, {
      data: { handler, open: this.#way.sockets, socket: undefined },
      headers,
    });
  }
}

function handlers({ edge, bodyBytesMax }: ListenerOptions, way: Way) {
  return {
    // After an upgrade there is nothing to answer; Bun's type does not know it.
    fetch: (request: Request, server: BunServer) =>
      edge(request, new BunArrival(server, request, way)) as Promise<Response>,
    // Only a defect of the edge itself comes here.
    error: (error: Error) => errorResponse(toReactorError(error, "")),
    websocket,
    maxRequestBodySize: bodyBytesMax,
  };
}

function serveTcp(options: TcpOptions, port: number, way: Way): BunServer {
  const { certificates = [] } = options;
  const { secure } = way;
  return Bun.serve<SocketData>({
    hostname: options.host,
    port,
    idleTimeout: way.idleTimeoutS,
    // A second server on the same port is how certificates are swapped.
    reusePort: secure,
    ...(secure ? { tls: certificates.map((c) => ({ ...c })) } : {}),
    ...handlers(options, way),
  });
}

function wayOf({ idleTimeoutS }: ListenerOptions, isUnix: boolean, secure: boolean): Way {
  return { isUnix, secure, idleTimeoutS, ending: new AbortController(), sockets: new Set() };
}

/** Tells streams and WebSockets that the end has come; answers go on. */
function endStreams({ ending, sockets }: Way): void {
  ending.abort(new Error("the server is stopping"));
  for (const ws of sockets) ws.close(GOING_AWAY, "the server is stopping");
}

/** Resolves when what a server has begun to answer is answered; nothing new is accepted. */
async function retire(server: BunServer): Promise<void> {
  const done = server.stop(false);
  // An idle client must hear now, not with the request it sends next.
  server.closeIdleConnections();
  await done;
}

/** Opens a TCP listener. @throws the system error (`EADDRINUSE`, `EACCES`) of the bind. */
export function listenTcp(options: TcpOptions): Listener {
  const secure = (options.certificates ?? []).length > 0;
  if (secure) checkFree(options);
  const way = wayOf(options, false, secure);
  let server = serveTcp(options, options.port, way);
  const port = server.port ?? options.port;
  const shown = options.host.includes(":") ? `[${options.host}]` : options.host;
  // Servers of earlier certificates that still answer somebody.
  const retired = new Map<BunServer, Promise<void>>();
  return {
    url: `${secure ? "https" : "http"}://${shown}:${port}`,
    swapCertificates(certificates) {
      if (!secure) return;
      const old = server;
      server = serveTcp({ ...options, certificates }, port, way);
      retired.set(
        old,
        retire(old).finally(() => retired.delete(old)),
      );
    },
    async drain() {
      endStreams(way);
      await Promise.all([retire(server), ...retired.values()]);
    },
    async close() {
      await Promise.all([server, ...retired.keys()].map((one) => one.stop(true)));
    },
  };
}

/** Sharing a port with oneself must not become sharing it with another server of this user. */
function checkFree({ host, port }: TcpOptions): void {
  if (port === 0) return;
  void Bun.serve({ hostname: host, port, fetch: () => new Response(null) }).stop(true);
}

/** Opens the private Unix socket by which the server's own children reach it. */
export function listenUnix(options: ListenerOptions & { path: string }): Listener {
  const way = wayOf(options, true, false);
  const server = Bun.serve<SocketData>({
    unix: options.path,
    ...handlers(options, way),
  });
  return {
    url: `unix:${options.path}`,
    swapCertificates: () => undefined,
    async drain() {
      endStreams(way);
      await retire(server);
    },
    close: () => server.stop(true),
  };
}
