/**
 * `reactor dev` tells open pages that something was deployed: a WebSocket at `/_dev/live` that sends
 * one JSON message a deploy. Mounted in development only.
 */
import { Elysia } from "elysia";
import { contextOf, type Socket } from "../core/context.ts";
import { coreErrors } from "../core/errors.ts";
import { base } from "../core/http.ts";
import { isNearOrigin } from "../core/local.ts";

export interface LiveReload {
  readonly routes: Elysia;
  /** Tells every listener, e.g. `{ type: "deployed" }` or `{ type: "failed", message }`. */
  tell(message: Readonly<Record<string, unknown>>): void;
}

export function liveReload(): LiveReload {
  const sockets = new Set<Socket>();
  const handler = {
    open: (socket: Socket) => void sockets.add(socket),
    // Nothing is expected from a listener.
    message: () => undefined,
    close: (socket: Socket) => void sockets.delete(socket),
  };
  const routes = new Elysia({ name: "server.live_reload" }).use(base()).get(
    "/_dev/live",
    ({ request }) => {
      const origin = request.headers.get("origin");
      // A WebSocket knows no CORS: any page the developer visits could listen to what fails here.
      if (origin !== null && !isNearOrigin(origin, request.headers)) {
        throw coreErrors.forbidden("Live reload is for pages of this machine");
      }
      if (contextOf(request).upgrade(handler)) return new Response(null);
      throw coreErrors.bad_request(
        "This address speaks WebSocket",
        "Open it with `new WebSocket(…)`",
      );
    },
    { detail: { hide: true } },
  );
  return {
    routes: routes as unknown as Elysia,
    tell(message) {
      const text = JSON.stringify(message);
      for (const socket of sockets) socket.send(text);
    },
  };
}
