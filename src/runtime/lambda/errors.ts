/**
 * What can go wrong with a function on AWS. What AWS says in full names accounts and users: that goes
 * to the function's log, the caller learns the kind of fault.
 */
import { defineErrors, type ReactorError } from "../../core/errors.ts";
import { runtimeErrors } from "../errors.ts";
import { isRecord } from "./http-event.ts";

export const lambdaErrors = defineErrors({
  lambda_not_configured: (name: string, what: string) => ({
    status: 500,
    message: `The function "${name}" cannot be called on AWS Lambda: ${what}`,
    hint: "Set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION in its environment, or [runtime.lambda]",
  }),
  lambda_payload_too_large: (name: string, limitBytes: number, how: string) => ({
    status: 413,
    message: `The request is too large for the function "${name}"`,
    details: `AWS Lambda takes ${limitBytes} bytes per ${how} call, the event around the body counted`,
  }),
  lambda_throttled: (name: string, retryAfterS: number, tries: number) => ({
    status: 429,
    message: `AWS Lambda throttles the function "${name}"`,
    details: `It was asked ${tries} times`,
    hint: "Raise the function's reserved concurrency, or the account's",
    headers: { "Retry-After": String(retryAfterS) },
  }),
  lambda_timeout: (name: string) => ({
    status: 504,
    message: `The function "${name}" did not finish within its timeout on AWS Lambda`,
    hint: "Raise the timeout in the function's configuration on AWS",
  }),
  lambda_refused: (name: string, type: string) => ({
    status: 502,
    message: `AWS Lambda did not accept the call of the function "${name}"`,
    details: type,
    hint: "The function's log holds what AWS said",
  }),
  lambda_unavailable: (name: string, details: string, cause?: unknown) => ({
    status: 503,
    message: `AWS Lambda could not run the function "${name}"`,
    details,
    headers: { "Retry-After": "1" },
    cause,
  }),
  lambda_bad_answer: (name: string, details: string) => ({
    status: 502,
    message: `The function "${name}" answered with something that is no answer`,
    details,
  }),
});

const MESSAGE_MAX = 4096;
const TIMED_OUT = /Task timed out after/;
const ENDED = /^(?:Runtime\.(?:ExitError|OutOfMemory)|.*(?:Runtime exited|signal: killed))/;

/** `X-Amz-Function-Error` and the error's JSON: what the function's own code did. */
export function functionError(name: string, payload: unknown): ReactorError {
  const { errorMessage, errorType } = isRecord(payload) ? payload : {};
  const message = typeof errorMessage === "string" ? errorMessage : "The function failed";
  const type = typeof errorType === "string" ? errorType : "";
  if (type === "Sandbox.Timedout" || TIMED_OUT.test(message)) {
    return lambdaErrors.lambda_timeout(name);
  }
  if (ENDED.test(type) || ENDED.test(message)) {
    return runtimeErrors.function_crashed(name, "AWS Lambda ended it: see the function's log");
  }
  return runtimeErrors.function_failed(message.slice(0, MESSAGE_MAX));
}

/** What AWS itself answers instead of calling the function. */
export function serviceError(name: string, status: number, type: string): ReactorError {
  if (status === 413) return lambdaErrors.lambda_payload_too_large(name, SYNC_BYTES, "synchronous");
  const what = `${status} ${type}`.trim();
  if (status >= 500) return lambdaErrors.lambda_unavailable(name, what);
  return lambdaErrors.lambda_refused(name, what);
}

/** AWS's quota of a synchronous call, both ways: 6 MB and the room they leave for the envelope. */
export const SYNC_BYTES = 6_291_556;
/** AWS's quota of an asynchronous call. */
export const ASYNC_BYTES = 1_048_576;
