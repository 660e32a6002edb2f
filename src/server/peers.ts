/**
 * `[server.peers]`: paths of capabilities that other servers have, for this server's own children.
 * Stands behind the private Unix socket only: a function's `reactor.fetch` reaches the whole surface
 * wherever its parts run, and nobody outside can use this server as a relay.
 */
import type { Capability } from "../core/capability.ts";
import { contextOf } from "../core/context.ts";
import { coreErrors } from "../core/errors.ts";
import { nearestName } from "../core/nearest-name.ts";
import { StartupError } from "../core/startup-error.ts";
import type { App } from "./edge/edge.ts";

export interface PeersOptions {
  /** Origins by capability name, e.g. `data` -> `http://10.0.0.5:7890`. */
  readonly peers: Readonly<Record<string, string>>;
  /** All there are. */
  readonly capabilities: readonly Capability[];
  /** Those that this server has itself: they are never asked for elsewhere. */
  readonly mounted: readonly Capability[];
}

interface Peer {
  readonly name: string;
  readonly prefix: string;
  readonly origin: string;
}

/** RFC 9110 §7.6.1, and what only the next server's own clients may claim. */
const NOT_FORWARDED = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "host",
  "content-length",
  "expect",
  "forwarded",
  "via",
  "x-real-ip",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-forwarded-port",
];
const NOT_RETURNED = ["connection", "keep-alive", "transfer-encoding", "trailer", "upgrade"];

/** `app`, and for what its capabilities lack, the peers. @throws StartupError peer_unknown */
export function withPeers(app: App, options: PeersOptions): App {
  const peers = readPeers(options);
  if (peers.length === 0) return app;
  return {
    ...app,
    handle(request) {
      const { path } = contextOf(request);
      const peer = peers.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`));
      return peer ? forward(peer, request) : app.handle(request);
    },
  };
}

function readPeers({ peers, capabilities, mounted }: PeersOptions): Peer[] {
  return Object.entries(peers).flatMap(([name, url]) => {
    const capability = capabilities.find((one) => one.name === name);
    if (!capability) throw unknownPeer(name, capabilities);
    if (mounted.includes(capability)) return [];
    const origin = url.replace(/\/+$/, "");
    return capability.mounts.map(({ path }) => ({ name, prefix: path, origin }));
  });
}

function unknownPeer(name: string, capabilities: readonly Capability[]): StartupError {
  const names = capabilities.map((one) => one.name);
  return new StartupError({
    code: "peer_unknown",
    message: `[server.peers] names '${name}', and there is no such capability`,
    hint: `Did you mean '${nearestName(name, names) ?? names[0]}'? There are: ${names.join(", ")}`,
    exitCode: 2,
  });
}

async function forward(peer: Peer, request: Request): Promise<Response> {
  const context = contextOf(request);
  context.route = `${peer.prefix}/*`;
  const headers = new Headers(request.headers);
  for (const name of NOT_FORWARDED) headers.delete(name);
  headers.set("X-Request-Id", context.id);
  const queryAt = request.url.indexOf("?");
  const query = queryAt < 0 ? "" : request.url.slice(queryAt);
  const { method, body, signal } = request;
  try {
    const answer = await fetch(peer.origin + context.originalPath + query, {
      method,
      headers,
      signal,
      redirect: "manual",
      // As it came: the child asked for the encoding itself.
      decompress: false,
      ...(body === null ? {} : { body }),
    });
    return returned(answer);
  } catch (cause) {
    throw coreErrors.unavailable(`The server that has '${peer.name}'`, cause);
  }
}

/** An answer of `fetch` has headers that cannot be changed; the edge adds its own. */
function returned(answer: Response): Response {
  const headers = new Headers(answer.headers);
  for (const name of NOT_RETURNED) headers.delete(name);
  return new Response(answer.body, { status: answer.status, headers });
}
