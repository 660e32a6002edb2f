/**
 * A WebSocket to a function: the server is the client of the runner's own WebSocket server, over its Unix
 * socket, and hands messages on. The opening is a call like any other, with its deadline; from then on
 * the socket counts as a call under way until one side closes it.
 */
import type { FunctionSocket, FunctionSocketEvents } from "../../core/ports/function-runtime.ts";
import { runtimeErrors } from "../errors.ts";
import { CALL_HEADER, type SocketCallHeader } from "../messages.ts";
import type { ActiveCall } from "./active-call.ts";
import { callHeader } from "./forward.ts";

/** What belongs to the connection of the first hop, and is made anew for this one. */
const NOT_FORWARDED = [
  "sec-websocket-key",
  "sec-websocket-version",
  "sec-websocket-extensions",
  "sec-websocket-protocol",
  "upgrade",
  "connection",
  "host",
  "content-length",
  "transfer-encoding",
];
/** The client adds these by itself; the function must not see what the caller did not send. */
const ADDED_BY_CLIENT = ["accept", "accept-encoding", "user-agent"];

/** Bun's client takes headers and can be cut off, which the standard's cannot. */
type ClientOptions = { headers: Record<string, string>; protocols?: string[] };
type Client = WebSocket & { terminate(): void };
const SocketClient = WebSocket as unknown as new (url: string, options: ClientOptions) => Client;

/** Rejects with `socket_refused` when the function did not upgrade, or with the call's failure. */
export function openSocket(
  active: ActiveCall,
  path: string,
  events: FunctionSocketEvents,
): Promise<FunctionSocket> {
  const { request, spec } = active.call;
  const url = new URL(request.url);
  const protocols = listOf(request.headers["sec-websocket-protocol"] ?? null);
  const client = new SocketClient(`ws+unix://${path}:${url.pathname}${url.search}`, {
    headers: socketHeaders(active),
    ...(protocols.length > 0 ? { protocols } : {}),
  });
  client.binaryType = "arraybuffer";
  return new Promise((resolve, reject) => {
    let isOpen = false;
    const { signal } = active.controller;
    const onAbort = () => {
      client.close(1001, "The function's process ended");
      if (!isOpen) reject(active.failure);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    client.onopen = () => {
      isOpen = true;
      active.answered = true;
      resolve({
        protocol: client.protocol,
        get bufferedBytes() {
          return client.bufferedAmount;
        },
        send: (data) => client.send(data as string),
        close: (code, reason) => client.close(code, reason),
        drop: () => client.terminate(),
      });
    };
    client.onmessage = ({ data }) =>
      events.message(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
    client.onclose = ({ code, reason }) => {
      signal.removeEventListener("abort", onAbort);
      active.finish();
      if (isOpen) events.close(code, reason);
      else reject(active.failure ?? runtimeErrors.socket_refused(spec.name));
    };
  });
}

function socketHeaders(active: ActiveCall): Record<string, string> {
  const { request } = active.call;
  const drop = ADDED_BY_CLIENT.filter((name) => request.headers[name] === undefined);
  const private_: SocketCallHeader = {
    ...callHeader(active),
    ...(request.url.startsWith("https:") ? { secure: true as const } : {}),
    ...(drop.length > 0 ? { drop } : {}),
  };
  const headers: Record<string, string> = { ...request.headers };
  for (const name of NOT_FORWARDED) delete headers[name];
  headers[CALL_HEADER] = JSON.stringify(private_);
  return headers;
}

function listOf(header: string | null): string[] {
  return (header ?? "").split(",").flatMap((one) => one.trim() || []);
}
