/**
 * The child's end of its link: `fetch` for code that has no sockets. Follows redirects and decodes
 * compressed answers as `fetch` does; every hop is a request of its own that the server judges anew.
 */

import { BriefMap } from "../../core/brief-map.ts";
import {
  FIRST_CALL,
  FRAME,
  type FrameLink,
  numberIn,
  PAYLOAD_MAX,
  textIn,
} from "../link/frame-link.ts";
import { InboundBody, OutboundBody } from "../link/framed-body.ts";
import type { FromChild, ToChild } from "../messages.ts";
import { isAnswerStatus, type RequestHead, type ResponseHead, strangeStatus } from "./heads.ts";

/** The Fetch standard allows so many. */
const REDIRECTS_MAX = 20;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const NO_BODY: ReadonlySet<number> = new Set([101, 103, 204, 205, 304]);
const DECODERS: Readonly<Record<string, CompressionFormat>> = {
  gzip: "gzip",
  "x-gzip": "gzip",
  deflate: "deflate",
};

interface Exchange {
  readonly inbound: InboundBody;
  readonly outbound: OutboundBody;
  onHead(head: ResponseHead): void;
  onError(error: Error): void;
}

export class EgressClient {
  readonly #link: FrameLink;
  readonly #exchanges = new BriefMap<Exchange>();
  #last = 0;
  /** Takes the server's control messages. */
  onControl: (message: ToChild) => void = () => undefined;

  constructor(link: FrameLink) {
    this.#link = link;
  }

  /** Sends a control message; log lines that are too much for one frame go in several. */
  say(message: FromChild): void {
    const bytes = new TextEncoder().encode(JSON.stringify(message));
    if (bytes.length <= PAYLOAD_MAX) {
      this.#link.send(FRAME.control, 0, bytes);
      // At once: the code of others may block this thread next, or end the process.
      this.#link.drained();
    } else if (message.t === "log" && message.lines.length > 1) {
      const half = message.lines.length >> 1;
      this.say({ t: "log", lines: message.lines.slice(0, half) });
      this.say({ t: "log", lines: message.lines.slice(half) });
    }
  }

  close(): void {
    for (const { inbound, onError } of this.#exchanges.values()) {
      inbound.fail(new Error("The server is gone"));
      onError(new Error("The server is gone"));
    }
    this.#exchanges.clear();
  }

  /** What becomes `globalThis.fetch`. */
  readonly fetch = (
    input: string | URL | Request,
    init?: RequestInit & { unix?: unknown },
  ): Promise<Response> => this.request(input, init);

  /** @param key whose request it is, where this process serves several functions. */
  async request(
    input: string | URL | Request,
    init?: RequestInit & { unix?: unknown },
    key?: string,
  ): Promise<Response> {
    if (init?.unix) throw new TypeError("A function cannot reach Unix sockets");
    const request = new Request(input as RequestInfo, init);
    let url = new URL(request.url);
    let { method } = request;
    const headers = new Headers(request.headers);
    if (!headers.has("accept-encoding")) headers.set("accept-encoding", "gzip, deflate");
    let { body } = request;
    for (let hops = 0; ; hops += 1) {
      const own = { to: "web", url: url.href, method, headers: [...headers] } as const;
      const head = key === undefined ? own : { ...own, key };
      const response = await this.send({ ...head, hasBody: body !== null }, body, request.signal);
      const location = response.headers.get("location");
      if (!REDIRECTS.has(response.status) || location === null || request.redirect === "manual") {
        return finished(response, url.href, hops > 0);
      }
      await response.body?.cancel();
      if (request.redirect === "error" || hops === REDIRECTS_MAX) {
        throw new TypeError(hops === REDIRECTS_MAX ? "Too many redirects" : "Redirected");
      }
      const next = new URL(location, url);
      const becomesGet =
        (response.status === 303 && method !== "HEAD") ||
        ((response.status === 301 || response.status === 302) && method === "POST");
      if (becomesGet) {
        method = "GET";
        body = null;
        for (const name of ["content-length", "content-type"]) headers.delete(name);
      } else if (body !== null) {
        throw new TypeError("A streamed body cannot be sent again to where it was redirected");
      }
      // Credentials are for the origin they were given for (Fetch, "HTTP-redirect fetch").
      if (next.origin !== url.origin) {
        for (const name of ["authorization", "cookie"]) headers.delete(name);
      }
      url = next;
    }
  }

  /** One request and its answer, as it comes over the link. Rejects with a TypeError as `fetch` does. */
  send(
    head: RequestHead,
    body: ReadableStream<Uint8Array> | null,
    signal: AbortSignal | null,
  ): Promise<Response> {
    const bytes = new TextEncoder().encode(JSON.stringify(head));
    if (bytes.length > PAYLOAD_MAX) {
      const text = `URL and headers of a request have at most ${PAYLOAD_MAX} bytes`;
      return Promise.reject(new TypeError(text));
    }
    this.#last = (this.#last % (FIRST_CALL - 1)) + 1;
    const number = this.#last;
    return new Promise<Response>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const cancel = () => {
        this.#link.send(FRAME.cancel, number);
        this.#exchanges.delete(number);
      };
      const inbound = new InboundBody(this.#link, number, cancel);
      const outbound = new OutboundBody(this.#link, number);
      const onAbort = () => {
        cancel();
        outbound.cancel();
        inbound.fail(signal?.reason);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#exchanges.set(number, {
        inbound,
        outbound,
        onHead: (answer) => resolve(answerOf(answer, inbound)),
        onError: (error) => reject(error),
      });
      this.#link.send(FRAME.request, number, bytes);
      if (body) {
        outbound.pump(body).catch((error: unknown) => {
          cancel();
          reject(error);
        });
      }
    });
  }

  /** A frame of an exchange of its own, or a control message. */
  take(type: number, number: number, payload: Uint8Array<ArrayBuffer>): void {
    if (type === FRAME.control) {
      this.onControl(JSON.parse(textIn(payload)) as ToChild);
      return;
    }
    const exchange = this.#exchanges.get(number);
    if (!exchange) return;
    try {
      this.#hand(exchange, type, number, payload);
    } catch (error) {
      this.#giveUp(exchange, number, error);
    }
  }

  #hand(exchange: Exchange, type: number, number: number, payload: Uint8Array<ArrayBuffer>): void {
    const { inbound, outbound } = exchange;
    if (type === FRAME.response) exchange.onHead(JSON.parse(textIn(payload)));
    else if (type === FRAME.data) inbound.push(payload);
    else if (type === FRAME.credit) outbound.credit(numberIn(payload));
    else if (type === FRAME.end) this.#done(number, () => inbound.end());
    else if (type === FRAME.error) {
      const error = new TypeError(textIn(payload));
      this.#done(number, () => {
        exchange.onError(error);
        inbound.fail(error);
      });
    }
  }

  /** What came cannot be taken. Its own end: a throw would end the link for all the others. */
  #giveUp({ inbound, outbound, onError }: Exchange, number: number, cause: unknown): void {
    const said = cause instanceof Error ? cause.message : String(cause);
    const error = cause instanceof TypeError ? cause : new TypeError(said, { cause });
    this.#link.send(FRAME.cancel, number);
    this.#done(number, () => {
      outbound.cancel();
      onError(error);
      inbound.fail(error);
    });
  }

  #done(number: number, finish: () => void): void {
    this.#exchanges.delete(number);
    finish();
  }
}

function answerOf({ status, headers }: ResponseHead, inbound: InboundBody): Response {
  if (!isAnswerStatus(status)) throw strangeStatus(status);
  const all = new Headers(headers as [string, string][]);
  return new Response(NO_BODY.has(status) ? null : inbound.stream, { status, headers: all });
}

/** Decodes the body, and says where the answer came from. */
function finished(response: Response, url: string, redirected: boolean): Response {
  const coding = response.headers.get("content-encoding")?.toLowerCase() ?? "";
  const format = DECODERS[coding];
  let result = response;
  if (format && response.body) {
    const headers = new Headers(response.headers);
    headers.delete("content-encoding");
    headers.delete("content-length");
    const decoded = response.body.pipeThrough(new DecompressionStream(format));
    result = new Response(decoded, { status: response.status, headers });
  }
  const own = (value: unknown) => ({ value, enumerable: true });
  return Object.defineProperties(result, { url: own(url), redirected: own(redirected) });
}
