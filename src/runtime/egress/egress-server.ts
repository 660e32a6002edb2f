/**
 * The server's end of a child's link: makes the requests that the child asks for, to this server's own
 * surface or, as far as the function's policy goes, to the web. Nothing a child sends is believed
 * beyond its shape, and what it may have under way is bounded.
 */
import { lookup as dnsLookup } from "node:dns/promises";
import { BriefMap } from "../../core/brief-map.ts";
import type { CallerHeaders } from "../../core/ports/function-runtime.ts";
import type { IpRange } from "../../shared/ip-address.ts";
import type { LinkFlow } from "../flow.ts";
import {
  FRAME,
  type FrameLink,
  numberIn,
  textIn,
  WINDOW_BYTES,
  weightOf,
} from "../link/frame-link.ts";
import { InboundBody, OutboundBody } from "../link/framed-body.ts";
import type { ToChild } from "../messages.ts";
import { EgressDenied, type EgressPolicy, type Lookup, resolveTarget } from "./egress-policy.ts";
import {
  type HeaderList,
  isAnswerStatus,
  type RequestHead,
  readRequestHead,
  strangeStatus,
} from "./heads.ts";

export interface EgressOptions {
  /** How this server's own surface is reached. */
  readonly gateway: () => { readonly socket: string | null; readonly url: string | null };
  /** Private ranges that the operator opened to functions. */
  readonly openRanges: readonly IpRange[];
  /** What the requester may reach; null = whoever asks is nobody. */
  policyOf(head: RequestHead): EgressPolicy | null;
  /** Whose call of the child it is. Throws EgressDenied where it has ended, or never was. */
  callerOf(call: number): CallerHeaders;
  /** The secret key for `to: "service"`. Throws EgressDenied where the function has not its rights. */
  serviceKey(head: RequestHead): Promise<string>;
  /** Takes a control message, whatever it is. */
  onControl(message: unknown): void;
  /** Answers what only functions may ask (`to: "host"`). */
  askHost(head: RequestHead, request: Request): Promise<Response>;
  readonly lookup?: Lookup;
}

/** Requests of one child under way at most. */
const REQUESTS_MAX = 256;
/** All bodies' windows, and as much again: more waits only for a child that asks and does not read. */
const WAITING_BYTES_MAX = 2 * REQUESTS_MAX * WINDOW_BYTES;
/** Of the connection, not of the message; and the server's own business. */
const NOT_FORWARDED = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
  "te",
  "trailer",
  "proxy-authorization",
  "proxy-authenticate",
  "host",
]);

const CREDENTIALS = new Set(["authorization", "apikey", "cookie"]);

interface Exchange {
  readonly inbound: InboundBody | null;
  outbound: OutboundBody | null;
  readonly controller: AbortController;
}

/** What one child asks for. Give it the frames of its exchanges; `close` ends all that is under way. */
export class EgressServer {
  readonly #options: EgressOptions;
  readonly #link: FrameLink;
  readonly #exchanges = new BriefMap<Exchange>();
  readonly #flow: LinkFlow;

  constructor(link: FrameLink, flow: LinkFlow, options: EgressOptions) {
    this.#options = options;
    this.#flow = flow;
    this.#link = link;
  }

  /** Sends a control message. */
  say(message: ToChild): void {
    this.#link.send(FRAME.control, 0, JSON.stringify(message));
  }

  close(): void {
    for (const { controller, inbound } of this.#exchanges.values()) {
      inbound?.fail(new Error("The process ended"));
      controller.abort(new Error("The process ended"));
    }
    this.#exchanges.clear();
  }

  /** Throws a RangeError for what no child of ours sends: end the link. */
  take(type: number, request: number, payload: Uint8Array<ArrayBuffer>): void {
    this.#flow.countFrame(weightOf(type, request));
    if (type === FRAME.request) {
      this.#begin(request, payload);
      return;
    }
    const exchange = this.#exchanges.get(request);
    // Bytes of bodies are bounded by their windows.
    if (!exchange || type === FRAME.control) this.#flow.countBytes(payload.length);
    if (type === FRAME.control) {
      this.#options.onControl(JSON.parse(textIn(payload)));
      return;
    }
    // Frames of a request that has ended may still be on their way.
    if (!exchange) return;
    if (type === FRAME.data) exchange.inbound?.push(payload);
    else if (type === FRAME.end) exchange.inbound?.end();
    else if (type === FRAME.credit) exchange.outbound?.credit(numberIn(payload));
    else if (type === FRAME.cancel) this.#cancel(request, exchange);
  }

  #begin(request: number, payload: Uint8Array): void {
    const head = readRequestHead(payload);
    if (!head || this.#exchanges.has(request)) throw new RangeError("No request that can be read");
    if (this.#link.waitingBytes > WAITING_BYTES_MAX) throw new RangeError("It does not read");
    if (this.#exchanges.size >= REQUESTS_MAX) {
      this.#link.send(FRAME.error, request, `More than ${REQUESTS_MAX} requests at a time`);
      return;
    }
    const inbound = head.hasBody
      ? new InboundBody(this.#link, request, () => undefined, this.#flow)
      : null;
    const exchange = { inbound, outbound: null, controller: new AbortController() };
    this.#exchanges.set(request, exchange);
    this.#answer(request, head, exchange)
      .catch((error: unknown) => {
        if (!exchange.controller.signal.aborted) {
          this.#link.send(FRAME.error, request, reasonOf(error));
        }
      })
      .finally(() => this.#exchanges.delete(request));
  }

  #cancel(request: number, exchange: Exchange): void {
    exchange.controller.abort(new Error("The function gave up the request"));
    exchange.inbound?.fail(new Error("The function gave up the request"));
    exchange.outbound?.cancel();
    this.#exchanges.delete(request);
  }

  async #answer(request: number, head: RequestHead, exchange: Exchange): Promise<void> {
    const { signal } = exchange.controller;
    const body = exchange.inbound?.stream ?? null;
    const init: BunFetchRequestInit = {
      method: head.method,
      headers: forwardable(head.headers) as [string, string][],
      body,
      signal,
      redirect: "manual",
      decompress: false,
    };
    const response = await this.#ask(head, init);
    if (!isAnswerStatus(response.status)) {
      void response.body?.cancel().catch(() => undefined);
      throw strangeStatus(response.status);
    }
    const headers = forwardable([...response.headers]);
    this.#link.send(FRAME.response, request, JSON.stringify({ status: response.status, headers }));
    exchange.outbound = new OutboundBody(this.#link, request);
    if (response.body) await exchange.outbound.pump(response.body);
    else this.#link.send(FRAME.end, request);
  }

  #ask(head: RequestHead, init: BunFetchRequestInit): Promise<Response> {
    switch (head.to) {
      case "server":
        return this.#askAsCaller(head, init);
      case "service":
        return this.#askAsService(head, init);
      case "host":
        return this.#options.askHost(head, new Request(hostUrl(head.url), init));
      case "web":
        return this.#askWeb(head, init);
    }
  }

  async #askServer(head: RequestHead, init: BunFetchRequestInit): Promise<Response> {
    const { socket, url } = this.#options.gateway();
    if (!head.url.startsWith("/")) throw new EgressDenied("A path of this server is asked for");
    return await fetch(`${url ?? "http://localhost"}${head.url}`, {
      ...init,
      ...(socket === null ? {} : { unix: socket }),
    });
  }

  /** A credential that the function has set itself stays; the caller's is put beside it where it set none. */
  async #askAsCaller(head: RequestHead, init: BunFetchRequestInit): Promise<Response> {
    const own = init.headers as [string, string][];
    const names = new Set(own.map(([name]) => name.toLowerCase()));
    const missing = (["authorization", "apikey"] as const).filter((name) => !names.has(name));
    if (head.call === undefined || missing.length === 0) return await this.#askServer(head, init);
    const caller = this.#options.callerOf(head.call);
    const headers = [...own];
    for (const name of missing) {
      const value = caller[name];
      if (value) headers.push([name, value]);
    }
    return await this.#askServer(head, { ...init, headers });
  }

  /** Whatever credential the function sent along is not what this was asked for. */
  async #askAsService(head: RequestHead, init: BunFetchRequestInit): Promise<Response> {
    const key = await this.#options.serviceKey(head);
    const own = (init.headers as [string, string][]).filter(
      ([name]) => !CREDENTIALS.has(name.toLowerCase()),
    );
    const headers: [string, string][] = [...own, ["apikey", key]];
    return await this.#askServer(head, { ...init, headers });
  }

  async #askWeb(head: RequestHead, init: BunFetchRequestInit): Promise<Response> {
    const policy = this.#options.policyOf(head);
    if (!policy) throw new EgressDenied("No function is known to ask");
    const url = URL.parse(head.url);
    if (!url) throw new EgressDenied("The URL cannot be read");
    const lookup = this.#options.lookup ?? systemLookup;
    const { address, host } = await resolveTarget(url, policy, this.#options.openRanges, lookup);
    const pinned = new URL(url);
    pinned.hostname = address;
    const headers: [string, string][] = [...(init.headers as [string, string][])];
    headers.push(["host", url.host]);
    return await fetch(pinned, { ...init, headers, tls: { serverName: host } } as RequestInit);
  }
}

/** Paths are all there is; whatever else it is, is none that exists. */
function hostUrl(path: string): string {
  return path.startsWith("/") ? `http://host${path}` : "http://host/";
}

const systemLookup: Lookup = async (host) =>
  (await dnsLookup(host, { all: true })).map(({ address }) => address);

function forwardable(headers: HeaderList): HeaderList {
  return headers.filter(([name]) => !NOT_FORWARDED.has(name.toLowerCase()));
}

function reasonOf(error: unknown): string {
  if (error instanceof EgressDenied) return error.message;
  return error instanceof Error ? `The request failed: ${error.message}` : "The request failed";
}
