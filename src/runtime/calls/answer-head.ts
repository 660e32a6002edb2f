/** The JSON at the head of an answer to a call over a link, as the child writes it and the server reads it. */
import type { AnswerHeaders } from "../../core/ports/function-runtime.ts";

/**
 * `failed`: the function threw, the body says what. `late`: it was stopped at its deadline. `not-begun`:
 * the function was not told of the call, and will not be by this process.
 */
export type Outcome = "failed" | "late" | "not-begun";

export interface AnswerHead {
  /** 200 to 599. */
  readonly status: number;
  readonly statusText?: string;
  readonly headers: AnswerHeaders;
  readonly outcome?: Outcome;
  /** The body follows in pieces. */
  readonly streams?: true;
}

/** An answer, and its body: whole, as it comes, or none. */
export interface Answer extends Omit<AnswerHead, "streams"> {
  readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;
}

const OUTCOMES: ReadonlySet<unknown> = new Set(["failed", "late", "not-begun", undefined]);

/** Throws a RangeError for what is none: it comes from a process that runs others' code. */
export function readAnswerHead(value: unknown): AnswerHead {
  const head = { ...(value as Partial<AnswerHead>) };
  const { status, statusText = "", headers, outcome } = head;
  const isStatus = Number.isInteger(status) && Number(status) >= 200 && Number(status) <= 599;
  const isKnown = OUTCOMES.has(outcome) && typeof statusText === "string";
  if (!isStatus || !isKnown || !isHeaders(headers)) throw new RangeError("No answer to a call");
  return head as AnswerHead;
}

function isHeaders(value: unknown): value is AnswerHeaders {
  if (typeof value !== "object" || value === null) return false;
  for (const name in value) {
    const one = (value as Record<string, unknown>)[name];
    // Whoever judges headers by their names knows one spelling.
    if (name !== name.toLowerCase()) return false;
    if (typeof one !== "string" && !isTexts(one)) return false;
  }
  return true;
}

const isTexts = (value: unknown) =>
  Array.isArray(value) && value.every((one) => typeof one === "string");

/** Why there is no answer, as the server is told. */
export function failure(outcome: Outcome, message: string): Answer {
  return { status: 500, headers: {}, outcome, body: new Uint8Array(Buffer.from(message)) };
}
