/**
 * The server's end of calls over a child's link: sends a call, gives its answer, and knows when nothing
 * more will come of it. Nothing a child sends is believed beyond its shape.
 */
import { BriefMap } from "../../core/brief-map.ts";
import type { LinkFlow } from "../flow.ts";
import { FIRST_CALL, FRAME, type FrameLink, numberIn, textIn } from "../link/frame-link.ts";
import { InboundBody, OutboundBody } from "../link/framed-body.ts";
import { type Answer, readAnswerHead } from "./answer-head.ts";

/** The process cannot be reached any more: not a byte of the call was sent. */
export class CallNotSent extends Error {}

/** The process does not read: more than enough waits for it already, and this call was not sent. */
export class CallRefused extends Error {}

/** The process went away under the call. */
export class ProcessGone extends Error {}

export type CallBody = Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;

export interface SentCall {
  /** Rejects with `ProcessGone`, or with what `cancel` was given. */
  readonly answer: Promise<Answer>;
  /** Gives the call up, or what is left of its answer. */
  cancel(reason: unknown): void;
}

/** @param isThrough the process has ended its answer itself: it was not given up, and the process is there */
export type OnCallEnd = (isThrough: boolean) => void;

interface Exchange {
  readonly settle: PromiseWithResolvers<Answer>;
  readonly onEnd: OnCallEnd;
  outbound: OutboundBody | null;
  /** Once it has been answered by a body that streams. */
  inbound: InboundBody | null;
}

/** Larger bodies go in pieces, at the pace of whoever reads them. */
const INLINE_BYTES = 64 * 1024;
const CALLS = 0x7fff_ffff;
/** Waits for a process that is busy, or takes answers out of the air and reads no call. */
const WAITING_BYTES_MAX = 128 * 1024 * 1024;

export class CallSender {
  readonly #link: FrameLink;
  readonly #flow: LinkFlow;
  readonly #exchanges = new BriefMap<Exchange>();
  #last = 0;

  constructor(link: FrameLink, flow: LinkFlow) {
    this.#link = link;
    this.#flow = flow;
  }

  /**
   * @param head what the child makes the call of: plain JSON
   * @param onEnd called once, when nothing more will come of an answer that streams
   * @throws CallNotSent, CallRefused
   */
  send(head: object, body: CallBody, onEnd: OnCallEnd = () => undefined): SentCall {
    if (this.#link.isClosed) throw new CallNotSent();
    if (this.#link.waitingBytes > WAITING_BYTES_MAX) throw new CallRefused();
    this.#last = (this.#last + 1) % CALLS;
    const number = FIRST_CALL + this.#last;
    const settle = Promise.withResolvers<Answer>();
    const exchange = { settle, onEnd, outbound: null, inbound: null };
    this.#exchanges.set(number, exchange);
    if (body === null || (body instanceof Uint8Array && body.length <= INLINE_BYTES)) {
      this.#link.sendHead(FRAME.call, number, JSON.stringify(head), body ?? undefined);
    } else {
      this.#link.sendHead(FRAME.call, number, JSON.stringify({ ...head, streams: true }));
      this.#upload(number, exchange, body);
    }
    return {
      answer: settle.promise,
      cancel: (reason) => this.#cancel(number, reason),
    };
  }

  /** A frame of a call. Throws a RangeError for what no child of ours sends: end the link. */
  take(type: number, number: number, payload: Uint8Array<ArrayBuffer>): void {
    const exchange = this.#exchanges.get(number);
    this.#flow.countFrame();
    // Of a call that has ended; bodies' bytes are bounded by their windows.
    if (!exchange) this.#flow.countBytes(payload.length);
    else if (type === FRAME.credit) exchange.outbound?.credit(numberIn(payload));
    else if (type === FRAME.cancel) exchange.outbound?.cancel();
    else this.#takeBody(type, number, exchange, payload);
  }

  /** An answer. Throws a RangeError for what is none. */
  takeAnswer(
    number: number,
    said: unknown,
    body: Uint8Array<ArrayBuffer> | null,
    bytes: number,
  ): void {
    const exchange = this.#exchanges.get(number);
    // Of a call that was given up.
    if (!exchange) {
      this.#flow.countFrame();
      this.#flow.countBytes(bytes);
      return;
    }
    if (exchange.inbound) throw new RangeError("A call is answered once");
    const { streams, ...answer } = readAnswerHead(said);
    if (streams) {
      const onCancel = () => this.#cancel(number, undefined);
      exchange.inbound = new InboundBody(this.#link, number, onCancel, this.#flow);
    } else this.#end(number, true);
    exchange.settle.resolve({ ...answer, body: exchange.inbound?.stream ?? body });
  }

  /** The process is gone. */
  close(): void {
    for (const number of this.#exchanges.keys()) this.#fail(number, new ProcessGone(), false);
  }

  #takeBody(
    type: number,
    number: number,
    { inbound }: Exchange,
    payload: Uint8Array<ArrayBuffer>,
  ): void {
    if (!inbound) throw new RangeError("A piece of no body");
    if (type === FRAME.data) inbound.push(payload);
    else if (type === FRAME.error) this.#fail(number, new Error(textIn(payload)), true);
    else if (type === FRAME.end) {
      inbound.end();
      this.#end(number, true);
    } else throw new RangeError(`A frame of type ${type}`);
  }

  #upload(number: number, exchange: Exchange, body: NonNullable<CallBody>): void {
    const outbound = new OutboundBody(this.#link, number);
    exchange.outbound = outbound;
    const sending = body instanceof Uint8Array ? outbound.pumpWhole(body) : outbound.pump(body);
    sending.catch((error: unknown) => {
      if (this.#exchanges.has(number)) this.#link.send(FRAME.error, number, String(error));
    });
  }

  #cancel(number: number, reason: unknown): void {
    if (!this.#exchanges.has(number)) return;
    this.#link.send(FRAME.cancel, number);
    this.#fail(number, reason, false);
  }

  #fail(number: number, reason: unknown, isThrough: boolean): void {
    const exchange = this.#exchanges.get(number);
    exchange?.settle.reject(reason);
    exchange?.inbound?.fail(reason);
    this.#end(number, isThrough);
  }

  #end(number: number, isThrough: boolean): void {
    const exchange = this.#exchanges.get(number);
    if (!exchange) return;
    this.#exchanges.delete(number);
    exchange.outbound?.cancel();
    if (exchange.inbound) exchange.onEnd(isThrough);
  }
}
