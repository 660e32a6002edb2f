/**
 * A child's end of calls over its link: takes calls, has them answered, and sends the answers. What the
 * server gave up is not begun, and hears of it when it has.
 */
import { BriefMap } from "../../core/brief-map.ts";
import type { Clock } from "../../core/ports/clock.ts";
import { LazyAbort } from "../lazy-abort.ts";
import { FRAME, type FrameLink, numberIn, PAYLOAD_MAX, textIn } from "../link/frame-link.ts";
import { InboundBody, OutboundBody } from "../link/framed-body.ts";
import { type Answer, failure } from "./answer-head.ts";
import type { CallBody } from "./call-sender.ts";

/** A call on its way through the child. */
export class ReceivedCall {
  /** As the server sent it. */
  readonly head: object;
  readonly number: number;
  readonly body: CallBody;
  readonly inbound: InboundBody | null;
  outbound: OutboundBody | null = null;
  /** Aborted when the server gives it up. */
  readonly abort = new LazyAbort();

  constructor(number: number, head: object, body: CallBody, inbound: InboundBody | null) {
    this.number = number;
    this.head = head;
    this.body = body;
    this.inbound = inbound;
  }

  cancel(): void {
    this.abort.abort(new DOMException("The caller is gone", "AbortError"));
    this.inbound?.fail(new Error("The caller is gone"));
    this.outbound?.cancel();
  }
}

/** Must not reject. */
export type AnswerCall = (call: ReceivedCall) => GivenAnswer | Promise<GivenAnswer>;

/** A text is sent as UTF-8. */
export interface GivenAnswer extends Omit<Answer, "body"> {
  readonly body: Answer["body"] | string;
}

type WholeBody = Exclude<GivenAnswer["body"], ReadableStream>;

/** A call that held the thread for longer is heard of before the next one begins. */
const LONG_MS = 0.25;
/** For head and body of an answer in one frame, beside their lengths. */
const ROOM_BYTES = PAYLOAD_MAX - 64;

export class CallReceiver {
  readonly #link: FrameLink;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #calls = new BriefMap<ReceivedCall>();
  #waiting: ReceivedCall[] = [];
  #isPaused = false;
  /** Answers a call. */
  onCall: AnswerCall = () => ({ status: 503, headers: {}, outcome: "not-begun", body: null });
  /** Told of an answer that could not be sent whole. */
  onBroken: (call: ReceivedCall, error: unknown) => void = () => undefined;
  /** Runs what a call that was given up sets off in code of others, as a part of the call. */
  runAsPartOf: (call: ReceivedCall, run: () => void) => void = (_, run) => run();

  constructor(link: FrameLink, clock: Pick<Clock, "monotonic">) {
    this.#link = link;
    this.#clock = clock;
  }

  /** Calls without a whole answer. */
  get pending(): number {
    return this.#calls.size;
  }

  /** A frame of a call. */
  take(type: number, number: number, payload: Uint8Array<ArrayBuffer>): void {
    const call = this.#calls.get(number);
    if (!call) return;
    if (type === FRAME.data) call.inbound?.push(payload);
    else if (type === FRAME.end) call.inbound?.end();
    else if (type === FRAME.error) call.inbound?.fail(new Error(textIn(payload)));
    else if (type === FRAME.credit) call.outbound?.credit(numberIn(payload));
    else if (type === FRAME.cancel) this.#cancel(call);
  }

  /** A call. */
  takeCall(number: number, head: object, whole: Uint8Array<ArrayBuffer> | null): void {
    const { streams = false } = head as { streams?: boolean };
    const stop = () => this.#link.send(FRAME.cancel, number);
    const inbound = streams ? new InboundBody(this.#link, number, stop) : null;
    const call = new ReceivedCall(number, head, inbound?.stream ?? whole, inbound);
    this.#calls.set(number, call);
    this.#waiting.push(call);
    if (!this.#isPaused) this.#run();
  }

  #cancel(call: ReceivedCall): void {
    this.runAsPartOf(call, () => call.cancel());
    this.#calls.delete(call.number);
  }

  /** Begins what waits; after a long one the socket is looked at first, and its answer leaves. */
  #run(): void {
    for (;;) {
      const call = this.#waiting.shift();
      if (!call) return;
      if (call.abort.aborted) continue;
      // What has been answered is heard of first: this one may hold the thread, or end the process.
      this.#link.flush();
      const startedAt = this.#clock.monotonic();
      this.#answer(call);
      if (this.#clock.monotonic() - startedAt <= LONG_MS) continue;
      this.#isPaused = true;
      // The first comes before the socket is read again, the second after it.
      setImmediate(() => {
        this.#link.flush();
        setImmediate(() => {
          this.#isPaused = false;
          this.#run();
        });
      });
      return;
    }
  }

  #answer(call: ReceivedCall): void {
    const answer = this.onCall(call);
    if (answer instanceof Promise) void answer.then((settled) => this.#send(call, settled));
    else this.#send(call, answer);
  }

  #send(call: ReceivedCall, answer: GivenAnswer): void {
    const { body } = answer;
    if (call.abort.aborted) cancelBody(body);
    else if (body instanceof ReadableStream) this.#sendHead(call, answer, body);
    else this.#sendWhole(call, answer, body);
  }

  #sendWhole(call: ReceivedCall, { body: _, ...head }: GivenAnswer, body: WholeBody): void {
    const text = JSON.stringify(head);
    if (isShort(text, body)) {
      this.#link.sendHead(FRAME.answer, call.number, text, body ?? "");
      this.#end(call);
      return;
    }
    const bytes = typeof body === "string" ? new Uint8Array(Buffer.from(body)) : body;
    const length = { "content-length": String(bytes?.length ?? 0) };
    this.#sendHead(call, { ...head, headers: { ...head.headers, ...length } }, bytes);
  }

  /** The body goes after it, in pieces. */
  #sendHead(call: ReceivedCall, head: Omit<GivenAnswer, "body">, body: CallBody): void {
    const text = JSON.stringify({ ...head, body: undefined, streams: true });
    const bytes = Buffer.byteLength(text);
    if (bytes > ROOM_BYTES) {
      cancelBody(body);
      this.#send(call, tooLong(bytes));
      return;
    }
    this.#link.sendHead(FRAME.answer, call.number, text);
    void this.#stream(call, body ?? new Uint8Array());
  }

  async #stream(call: ReceivedCall, body: NonNullable<CallBody>): Promise<void> {
    const outbound = new OutboundBody(this.#link, call.number);
    call.outbound = outbound;
    try {
      await (body instanceof Uint8Array ? outbound.pumpWhole(body) : outbound.pump(body));
    } catch (error) {
      if (!call.abort.aborted) {
        this.onBroken(call, error);
        this.#link.send(FRAME.error, call.number, "The answer broke off");
      }
    }
    this.#end(call);
  }

  #end(call: ReceivedCall): void {
    this.#calls.delete(call.number);
    call.inbound?.fail(new Error("The call has been answered"));
  }
}

/** A character has at most 3 bytes of UTF-8: mostly there is nothing to be counted. */
function isShort(head: string, body: WholeBody): boolean {
  if (3 * (head.length + (body?.length ?? 0)) <= ROOM_BYTES) return true;
  const bodyBytes = typeof body === "string" ? Buffer.byteLength(body) : (body?.length ?? 0);
  return Buffer.byteLength(head) + bodyBytes <= ROOM_BYTES;
}

function cancelBody(body: GivenAnswer["body"]): void {
  if (body instanceof ReadableStream) body.cancel().catch(() => undefined);
}

function tooLong(bytes: number): Answer {
  const message = `The answer's headers have ${bytes} bytes; ${ROOM_BYTES} is the most`;
  return failure("failed", message);
}
