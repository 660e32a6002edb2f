/**
 * The one error type that crosses rooms, and the one body that reaches a client.
 *
 * Each capability declares its errors as a table in its own `errors.ts` (see `defineErrors`), so a
 * throw site is short and every code, status and sentence can be reviewed in one place. Whatever is
 * not a `ReactorError` is a defect or an outside fault: it is logged with its cause and the client
 * learns only `internal_error`.
 */

/** The body of every error answer. Key order is part of the contract. */
export interface ErrorBody {
  /** Stable, plain snake_case (or PGRST…, SQLSTATE, GoTrue codes where ecosystems switch on them). */
  code: string;
  /** One sentence for a person. */
  message: string;
  details: string | null;
  /** What to do about it. */
  hint: string | null;
}

export interface ErrorInit {
  /** HTTP status, 400 to 599. */
  status: number;
  code: string;
  message: string;
  details?: string | null;
  hint?: string | null;
  /** Extra answer headers, e.g. `Retry-After`. */
  headers?: Readonly<Record<string, string>>;
  /** Extra members appended to the body (GoTrue's `reasons`). Disclosed to the client. */
  extra?: Readonly<Record<string, unknown>>;
  /** What really happened. Goes to the log, never to the client. */
  cause?: unknown;
}

export class ReactorError extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: string | null;
  readonly hint: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(init: ErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = "ReactorError";
    this.status = init.status;
    this.code = init.code;
    this.details = init.details ?? null;
    this.hint = init.hint ?? null;
    this.headers = init.headers ?? {};
    this.extra = init.extra ?? {};
  }

  body(): ErrorBody & Record<string, unknown> {
    return {
      code: this.code,
      message: this.message,
      details: this.details,
      hint: this.hint,
      ...this.extra,
    };
  }
}

/** What a row of a capability's error table produces; its key is the code unless `code` overrides it. */
export type ErrorRow = Omit<ErrorInit, "code"> & { code?: string };

type Thrower<Args extends readonly unknown[]> = (...args: Args) => ReactorError;

/**
 * Turns a table of error constructors into a table of functions that build `ReactorError`s.
 *
 * `const errors = defineErrors({ function_not_found: (name: string) => ({ status: 404, message: … }) })`
 * and then `throw errors.function_not_found("hello")`.
 */
export function defineErrors<const T extends Record<string, (...args: never[]) => ErrorRow>>(
  table: T,
): { readonly [K in keyof T]: Thrower<Parameters<T[K]>> } {
  const built: Record<string, (...args: never[]) => ReactorError> = {};
  for (const [code, row] of Object.entries(table)) {
    built[code] = (...args: never[]) => new ReactorError({ code, ...row(...args) });
  }
  return built as unknown as { readonly [K in keyof T]: Thrower<Parameters<T[K]>> };
}

/** Why a token is refused, for those who answer in another protocol's words: `cause` of `bad_credential`. */
export type CredentialFault =
  | "expired"
  | "not_yet_valid"
  | "issued_in_future"
  | "other_audience"
  | "unknown_key"
  | "bad_signature";

/** Errors that any capability may answer; capability-specific ones live beside the capability. */
export const coreErrors = defineErrors({
  internal_error: (cause?: unknown) => ({
    status: 500,
    message: "The server could not complete the request",
    hint: "The request id in X-Request-Id finds the cause in the server's log",
    cause,
  }),
  not_found: (path: string) => ({ status: 404, message: `Nothing is served at ${path}` }),
  method_not_allowed: (method: string, allow: readonly string[]) => ({
    status: 405,
    message: `${method} is not allowed here`,
    headers: { Allow: allow.join(", ") },
  }),
  bad_request: (message: string, hint?: string) => ({ status: 400, message, hint: hint ?? null }),
  validation_failed: (details: string) => ({
    status: 400,
    message: "The request does not have the expected form",
    details,
  }),
  payload_too_large: (limitBytes: number) => ({
    status: 413,
    message: "The request body is too large",
    details: `The limit is ${limitBytes} bytes`,
  }),
  unsupported_media_type: (got: string, want: string) => ({
    status: 415,
    message: `Content-Type ${got || "(none)"} is not accepted here`,
    hint: `Send ${want}`,
  }),
  bad_credential: (reason: string, fault?: CredentialFault) => ({
    status: 401,
    message: "The credential was not accepted",
    details: reason,
    headers: { "WWW-Authenticate": 'Bearer error="invalid_token"' },
    cause: fault,
  }),
  forbidden: (message: string, hint?: string) => ({ status: 403, message, hint: hint ?? null }),
  org_forbidden: () => ({
    status: 403,
    message: "X-Reactor-Org names no organisation that this caller belongs to",
    hint: "Leave the header out for the default organisation; GET /auth/v1/orgs lists yours",
  }),
  insufficient_scope: (wanted: string | null) => ({
    status: 403,
    message: "The scopes of this API key do not allow this",
    details: wanted === null ? "API keys are not accepted here" : `It needs ${wanted}`,
    headers: { "WWW-Authenticate": 'Bearer error="insufficient_scope"' },
  }),
  too_many_requests: (retryAfterS: number) => ({
    status: 429,
    message: "Too many requests",
    hint: `Try again in ${retryAfterS} s`,
    headers: { "Retry-After": String(retryAfterS) },
  }),
  unavailable: (what: string, cause?: unknown) => ({
    status: 503,
    message: `${what} is not available right now`,
    hint: "Try again shortly",
    headers: { "Retry-After": "1" },
    cause,
  }),
});
