/** What of a function's answer is sent: which of its headers, and a length that holds. */
import type { FunctionAnswer } from "../../core/ports/function-runtime.ts";
import { runtimeErrors } from "../../runtime/errors.ts";
import { functionsErrors } from "./errors.ts";

export type Answered = Pick<FunctionAnswer, "status" | "statusText" | "headers" | "body">;

/** What of an answer's headers may be sent. */
export interface AnswerHead {
  readonly headers: Record<string, string>;
  /** One header each. */
  readonly cookies: readonly string[];
  /** As announced; null where it is not, or where the whole body says it. */
  readonly length: number | null;
}

/** Of the connection, or the server's own, whatever the function says. */
const NOT_PASSED_ON =
  /^(?:connection|keep-alive|proxy-connection|transfer-encoding|upgrade|te|trailer|date|x-reactor-.*)$/;

export function headersOf({ headers: said, body }: Answered): AnswerHead {
  const headers: Record<string, string> = {};
  let cookies: readonly string[] = [];
  let length: number | null = null;
  for (const name in said) {
    const value = said[name];
    if (value === undefined || NOT_PASSED_ON.test(name)) continue;
    if (name === "set-cookie") cookies = typeof value === "string" ? [value] : value;
    else if (name === "content-length" && body !== null) length = lengthIn(String(value), body);
    else headers[name] = typeof value === "string" ? value : value.join(", ");
  }
  return { headers, cookies, length };
}

const lengthIn = (value: string, body: Answered["body"]) =>
  body instanceof ReadableStream && /^\d{1,15}$/.test(value) ? Number(value) : null;

const BODYLESS: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * To HEAD a length that is not known is not told (RFC 9110 §9.3.2): to an answer without a body Bun adds
 * a length of 0, unless it is said that GET would be chunked (RFC 9112 §6.1).
 */
export function leaveLengthOpen({ status, body }: Answered, headers: Record<string, string>): void {
  if (body !== null || BODYLESS.has(status) || "content-length" in headers) return;
  headers["transfer-encoding"] = "chunked";
}

/** @throws function_failed: a header that cannot be sent */
export function responseOf(
  name: string,
  { status, statusText = "" }: Answered,
  { headers, cookies, length }: AnswerHead,
  body: Answered["body"],
): Response {
  if (length !== null) headers["content-length"] = String(length);
  try {
    const response = new Response(body, { status, statusText, headers });
    for (const cookie of cookies) response.headers.append("set-cookie", cookie);
    return response;
  } catch (error) {
    throw runtimeErrors.function_failed(`The answer of "${name}" cannot be sent: ${String(error)}`);
  }
}

/** An answer that says that it is too large is an error; one that turns out to be is broken off. */
export function checkLength(
  { body }: Answered,
  announced: number | null,
  name: string,
  limitBytes: number | null,
): void {
  const length = body instanceof Uint8Array ? body.length : (announced ?? 0);
  if (limitBytes !== null && length > limitBytes) {
    throw functionsErrors.answer_too_large(name, limitBytes);
  }
}
