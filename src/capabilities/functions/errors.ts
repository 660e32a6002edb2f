/**
 * What `/fn/v1` and the deploy of functions refuse by themselves. What goes wrong inside a function
 * (deadline, crash, busy) is declared beside the runtimes, in `runtime/errors.ts`.
 */
import { defineErrors, type ReactorError } from "../../core/errors.ts";

export const functionsErrors = defineErrors({
  sockets_not_supported: (name: string) => ({
    status: 400,
    message: `The function "${name}" has no WebSockets`,
    hint: "TypeScript functions have them",
  }),
  not_an_upgrade: () => ({
    status: 400,
    message: "The request is no WebSocket handshake",
    hint: "RFC 6455 needs GET, Connection: Upgrade, Sec-WebSocket-Version: 13 and a key",
  }),
  function_not_found: (name: string) => ({
    status: 404,
    message: `There is no function '${name}'`,
    hint: "`reactor fn list` shows what is deployed",
  }),
  path_not_an_export: (name: string) => ({
    status: 404,
    code: "export_not_found",
    message: `The path below '${name}' names no export`,
    hint: `POST /fn/v1/${name} or POST /fn/v1/${name}/{export}`,
  }),
  credential_required: (name: string) => ({
    status: 401,
    message: `The function '${name}' needs a credential`,
    hint: "Send a key as `apikey` or `Authorization: Bearer`, or set verify_jwt = false for this function",
    headers: { "WWW-Authenticate": "Bearer" },
  }),
  policy_denied: (action: string) => ({
    status: 403,
    message: "A policy of this server does not allow this",
    details: action,
  }),
  admin_credential_required: () => ({
    status: 401,
    code: "credential_required",
    message: "Managing functions needs the secret key",
    hint: "Send it as `apikey` or `Authorization: Bearer`",
    headers: { "WWW-Authenticate": "Bearer" },
  }),
  service_role_required: (role: string) => ({
    status: 403,
    message: "Managing functions needs the secret key",
    details: `The credential's role is '${role}'`,
  }),
  body_too_large: (name: string, limitBytes: number) => ({
    status: 413,
    message: `The request body is larger than the function '${name}' accepts`,
    details: `Its body_in limit is ${limitBytes} bytes`,
    hint: "Raise body_in_mb in the function's settings",
  }),
  answer_too_large: (name: string, limitBytes: number) => ({
    status: 502,
    message: `The answer of the function '${name}' is larger than it may be`,
    details: `Its body_out limit is ${limitBytes} bytes`,
    hint: "Raise body_out_mb in the function's settings",
  }),
  version_not_found: (name: string, version: string) => ({
    status: 404,
    message: `The function '${name}' has no version '${version.slice(0, 64)}'`,
    hint: `GET /fn/v1/_admin/${name}/versions lists them`,
  }),
  version_ambiguous: (name: string, version: string) => ({
    status: 409,
    message: `More than one version of '${name}' begins with '${version}'`,
    hint: "Give more characters",
  }),
  function_not_configured: (name: string) => ({
    status: 503,
    message: `The function '${name}' lacks a secret that its settings name`,
    hint: "The server's log says which; set it with `reactor fn secrets set`",
  }),
  variables_invalid: (faults: readonly string[]) => ({
    status: 422,
    code: "variable_invalid",
    message: "Nothing was changed",
    details: faults.join("; "),
  }),
  owner_invalid: (owner: string) => ({
    status: 404,
    code: "function_not_found",
    message: `'${owner.slice(0, 64)}' cannot be the name of a function`,
    hint: "`_shared` stands for all functions",
  }),
  nothing_to_promote: (name: string) => ({
    status: 409,
    message: `The function '${name}' has no other version to promote`,
    hint: "Deploy one with `reactor fn deploy --no-promote`, or name a version",
  }),
  version_is_active: (name: string, version: string) => ({
    status: 409,
    message: `That version of '${name}' has all calls already`,
    details: version,
  }),
  nothing_to_roll_back: (name: string) => ({
    status: 409,
    message: `The function '${name}' has no earlier version to go back to`,
  }),
  functions_invalid: (faults: readonly string[]) => ({
    status: 422,
    code: "function_invalid",
    message: faults.length === 1 ? "A function cannot be deployed" : "Functions cannot be deployed",
    details: faults.join("; "),
  }),
  module_refused: (name: string, { code, details, hint }: ReactorError) => ({
    status: 422,
    code,
    message: `The WASM module of '${name}' cannot be accepted`,
    details,
    hint,
  }),
  code_too_large: (name: string, sizeBytes: number, limitBytes: number) => ({
    status: 422,
    message: `The code of '${name}' is too large`,
    details: `It has ${sizeBytes} bytes, the limit is ${limitBytes}`,
    hint: "Raise code_max_mb in [runtime]",
  }),
  code_mismatch: (name: string) => ({
    status: 422,
    message: `The uploaded code of '${name}' does not have the announced sha256`,
    hint: "Send it again; the transfer was damaged",
  }),
  code_missing: (name: string, sha256: string) => ({
    status: 503,
    message: `The code of the function '${name}' could not be read`,
    hint: "Deploy the function again",
    headers: { "Retry-After": "1" },
    cause: new Error(`no row of functions.code has sha256 ${sha256}`),
  }),
  idempotency_body_too_large: (limitBytes: number) => ({
    status: 413,
    message: "The request body is too large for a request with an Idempotency-Key",
    details: `The limit is ${limitBytes} bytes`,
    hint: "Send it without the header",
  }),
});
