/**
 * What can go wrong with a function that is no fault of the server: each names the limit that was
 * hit, so that its author knows what to change. Thrown by both runtimes, answered by `/fn/v1`.
 */
import { defineErrors } from "../core/errors.ts";

const RETRY_SOON = { "Retry-After": "1" } as const;

export const runtimeErrors = defineErrors({
  function_timeout: (name: string, limitMs: number) => ({
    status: 504,
    message: `The function "${name}" did not finish in time`,
    details: `Its deadline is ${limitMs} ms`,
    hint: "Raise deadline_ms in the function's settings, or do less per call",
  }),
  function_upload_timeout: (name: string, limitMs: number) => ({
    status: 408,
    message: `The request body for "${name}" did not arrive in time`,
    details: `The deadline of the call is ${limitMs} ms`,
    hint: "Raise deadline_ms in the function's settings, or send the body faster",
  }),
  function_crashed: (name: string, reason: string) => ({
    status: 502,
    message: `The process of the function "${name}" ended during the call`,
    details: reason,
    hint: "The function's log holds what it said last; trying again starts a fresh process",
    headers: RETRY_SOON,
  }),
  function_out_of_memory: (name: string, limitBytes: number) => ({
    status: 502,
    message: `The function "${name}" used more memory than it may`,
    details: `Its limit is ${limitBytes} bytes`,
    hint: "Raise memory_mb in the function's settings, or hold less at once",
    headers: RETRY_SOON,
  }),
  socket_refused: (name: string) => ({
    status: 426,
    message: `The function "${name}" did not take the WebSocket`,
    hint: "It takes one by server.upgrade(request) in its fetch(request, server)",
  }),
  function_failed: (message: string) => ({ status: 500, message }),
  function_busy: (name: string, concurrency: number, waiting: number) => ({
    status: 429,
    message: `The function "${name}" has as many calls as it may`,
    details: `The limit is ${concurrency} at a time and ${waiting} waiting`,
    headers: RETRY_SOON,
  }),
  function_unavailable: (name: string, cause: unknown) => ({
    status: 503,
    message: `No process could be started for the function "${name}"`,
    hint: "Try again shortly; the server's log holds the cause",
    headers: RETRY_SOON,
    cause,
  }),
  function_paused: (name: string, pauseMs: number) => ({
    status: 503,
    message: `The function "${name}" is not started again yet`,
    details: "Its processes were ended for what they took, several in a row",
    hint: "The function's log tells what it was; it is started again by itself",
    headers: { "Retry-After": String(Math.ceil(pauseMs / 1000)) },
  }),
  program_not_jailed: (name: string, reason: string) => ({
    status: 503,
    message: `The program of the function "${name}" is not run on this machine`,
    details: reason,
    hint: "Programs run only where their jail holds; see docs/functions.md",
  }),
  client_closed_request: () => ({ status: 499, message: "The client closed the request" }),
  export_not_found: (name: string, exportName: string, callable: readonly string[]) => ({
    status: 404,
    message: `The function "${name}" has no export "${exportName}"`,
    details: callable.length > 0 ? `It exports ${callable.join(", ")}` : "It exports no function",
  }),
  invalid_function: (reason: string, hint?: string) => ({
    status: 422,
    message: "The WASM module cannot be accepted",
    details: reason,
    hint: hint ?? null,
  }),
  bundle_failed: (details: string, hint?: string) => ({
    status: 422,
    message: "The function could not be bundled",
    details,
    hint: hint ?? null,
  }),
});
