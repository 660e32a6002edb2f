/**
 * Every error that `/data/v1` answers on its own account, with PostgREST's codes and sentences
 * (docs.postgrest.org, "Errors"): clients switch on them. Errors of Postgres itself are turned into
 * answers by `sqlstate.ts`. Reactor's own limits have plain snake_case codes.
 */
import { defineErrors, ReactorError } from "../../core/errors.ts";

/**
 * The error with the headers that PostgREST gives to each of its own: `Proxy-Status` (RFC 9209)
 * names the code, so that clients of a HEAD know it too.
 */
export function asPostgrest(error: ReactorError): ReactorError {
  const { status, code, message, details, hint, extra, cause } = error;
  // A code that a function raised may hold anything.
  const named = /^[\w.-]+$/.test(code) ? { "Proxy-Status": `PostgREST; error=${code}` } : {};
  const headers = {
    "Content-Type": "application/json; charset=utf-8",
    ...named,
    ...error.headers,
  };
  return new ReactorError({ status, code, message, details, hint, headers, extra, cause });
}

const table = defineErrors({
  /** A query parameter that could not be read; `column` counts from 1. */
  PGRST100: (what: string, column: number, details: string) => ({
    status: 400,
    message: `"${what}" (line 1, column ${column})`,
    details,
  }),
  PGRST101: (method: string) => ({
    status: 405,
    message: `Cannot use the ${method} method on RPC`,
  }),
  PGRST102: (message: string) => ({ status: 400, message }),
  PGRST103: (details: string, total?: string) => ({
    status: 416,
    message: "Requested range not satisfiable",
    details,
    headers: total === undefined ? {} : { "Content-Range": `*/${total}` },
  }),
  PGRST105: () => ({
    status: 405,
    message: "Filters must include all and only primary key columns with 'eq' operators",
  }),
  PGRST106: (schema: string, exposed: readonly string[]) => ({
    status: 406,
    message: `Invalid schema: ${schema}`,
    hint: `Only the following schemas are exposed: ${exposed.join(", ")}`,
  }),
  PGRST107: (offered: readonly string[]) => ({
    status: 406,
    message: `None of these media types are available: ${offered.join(", ")}`,
  }),
  PGRST108: (resource: string) => ({
    status: 400,
    message: `'${resource}' is not an embedded resource in this request`,
    hint: `Verify that '${resource}' is included in the 'select' query parameter.`,
  }),
  PGRST111: () => ({
    status: 500,
    message:
      "response.headers guc must be a JSON array composed of objects with a single key and a string value",
  }),
  PGRST112: () => ({
    status: 500,
    message: "response.status guc must be a valid status code",
  }),
  PGRST114: () => ({
    status: 400,
    message: "limit/offset querystring parameters are not allowed for PUT",
  }),
  PGRST115: () => ({
    status: 400,
    message: "Payload values do not match URL in primary key column(s)",
  }),
  PGRST116: (rows: string) => ({
    status: 406,
    message: "Cannot coerce the result to a single JSON object",
    details: `The result contains ${rows} rows`,
  }),
  PGRST117: (method: string) => ({
    status: 405,
    message: `Unsupported HTTP method: ${method}`,
  }),
  PGRST118: (origin: string, target: string) => ({
    status: 400,
    message: `A related order on '${target}' is not possible`,
    details: `'${origin}' and '${target}' do not form a many-to-one or one-to-one relationship`,
  }),
  PGRST120: (target: string) => ({
    status: 400,
    message: `Bad operator on the '${target}' embedded resource`,
    details: "Only is null or not is null filters are allowed on embedded resources",
  }),
  PGRST121: (details: string, hint: string, cause: unknown) => ({
    status: 500,
    message: "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error",
    details,
    hint,
    cause,
  }),
  PGRST122: (invalid: readonly string[]) => ({
    status: 400,
    message: "Invalid preferences given with handling=strict",
    details: `Invalid preferences: ${invalid.join(", ")}`,
  }),
  PGRST123: () => ({ status: 400, message: "Use of aggregate functions is not allowed" }),
  PGRST124: (rows: string) => ({
    status: 400,
    message: "Query result exceeds max-affected preference constraint",
    details: `The query affects ${rows} rows`,
  }),
  PGRST125: () => ({ status: 404, message: "Invalid path specified in request URL" }),
  PGRST126: () => ({ status: 404, message: "Root endpoint metadata is disabled" }),
  PGRST127: (details: string) => ({ status: 400, message: "Feature not implemented", details }),
  PGRST128: () => ({
    status: 400,
    message:
      "Function must return SETOF or TABLE when max-affected preference is used with handling=strict",
  }),
  PGRST200: (
    origin: string,
    target: string,
    hint: string | null,
    schema: string,
    try_: string | null,
  ) => ({
    status: 400,
    message: `Could not find a relationship between '${origin}' and '${target}' in the schema cache`,
    details: `Searched for a foreign key relationship between '${origin}' and '${target}'${
      hint === null ? "" : ` using the hint '${hint}'`
    } in the schema '${schema}', but no matches were found.`,
    hint: try_,
  }),
  /** `details` is a JSON array in PostgREST, so it travels in `extra`, which overrides the member. */
  PGRST201: (
    origin: string,
    target: string,
    found: readonly object[],
    tries: readonly string[],
  ) => ({
    status: 300,
    message: `Could not embed because more than one relationship was found for '${origin}' and '${target}'`,
    hint: `Try changing '${target}' to one of the following: ${tries
      .map((t) => `'${t}'`)
      .join(", ")}. Find the desired relationship in the 'details' key.`,
    extra: { details: found },
  }),
  /**
   * `params`: argument names in alphabetical order; null where only a single unnamed parameter could
   * have taken the body. `single`: the type of that parameter, where there could have been one.
   */
  PGRST202: (
    name: string,
    params: readonly string[] | null,
    single: string | null,
    hint: string | null,
  ) => {
    const unnamed = single === null ? "" : ` with a single unnamed ${single} parameter`;
    const named = params === null ? "" : namedParameters(params);
    const tried = named !== "" && unnamed !== "" ? `${named} or${unnamed}` : named + unnamed;
    const called =
      params === null ? "" : params.length === 0 ? " without parameters" : `(${params.join(", ")})`;
    return {
      status: 404,
      message: `Could not find the function ${name}${called} in the schema cache`,
      details: `Searched for the function ${name}${tried}, but no matches were found in the schema cache.`,
      hint,
    };
  },
  PGRST203: (candidates: readonly string[]) => ({
    status: 300,
    message: `Could not choose the best candidate function between: ${candidates.join(", ")}`,
    hint: "Try renaming the parameters or the function itself in the database so function overloading can be resolved",
  }),
  PGRST204: (table: string, column: string) => ({
    status: 400,
    message: `Could not find the '${column}' column of '${table}' in the schema cache`,
  }),
  PGRST205: (schema: string, table: string, hint: string | null) => ({
    status: 404,
    message: `Could not find the table '${schema}.${table}' in the schema cache`,
    hint,
  }),
  PGRST000: (cause: unknown) => ({
    status: 503,
    message: "Database connection error. Retrying the connection.",
    headers: { "Retry-After": "1" },
    cause,
  }),
  PGRST001: (cause: unknown) => ({
    status: 503,
    message: "Database client error. Retrying the connection.",
    headers: { "Retry-After": "1" },
    cause,
  }),
  /** Every connection is taken, and as many queries wait as may. */
  PGRST003: (cause: unknown) => ({
    status: 504,
    message: "Timed out acquiring connection from connection pool.",
    headers: { "Retry-After": "1" },
    cause,
  }),
  PGRST300: () => ({ status: 500, message: "Server lacks JWT secret" }),
  /** The token cannot be verified. */
  PGRST301: (message: string, details?: string) => ({
    status: 401,
    message,
    details: details ?? null,
    headers: { "WWW-Authenticate": invalidToken(message) },
  }),
  PGRST302: () => ({
    status: 401,
    message: "Anonymous access is disabled",
    headers: { "WWW-Authenticate": "Bearer" },
  }),
  /** The token's claims say no. */
  PGRST303: (message: string) => ({
    status: 401,
    message,
    headers: { "WWW-Authenticate": invalidToken(message) },
  }),
  /** What Postgres says of a role it does not know, for names it would read otherwise. */
  role_unknown: (role: string) => ({
    code: "22023",
    status: 401,
    message: `role "${role}" does not exist`,
    headers: { "WWW-Authenticate": "Bearer" },
  }),
  /** The schema cache could not be filled. */
  PGRST002: (cause: unknown) => ({
    status: 503,
    message: "Could not query the database for the schema cache. Retrying.",
    headers: { "Retry-After": "1" },
    cause,
  }),
  /** Reactor's `require_rls`: the object would be readable without any row policy. */
  unprotected: (what: string, name: string, statement: string) => ({
    code: "42501",
    status: 403,
    message: `${what} ${name} is exposed without row level security`,
    details: "data.require_rls refuses it to every role that does not bypass row level security",
    hint: `Run: ${statement}`,
  }),
  types_need_key: (status: 401 | 403) => ({
    status,
    message: "The types of a schema are for those who may see all of it",
    hint: "Send the project's secret key as `apikey`, as `reactor types` does, or the token of a role that bypasses row security",
    headers: status === 401 ? { "WWW-Authenticate": "Bearer" } : {},
  }),
  types_language_unknown: (language: string) => ({
    status: 400,
    message: `Types cannot be written in '${language}'`,
    hint: "Use lang=typescript",
  }),
  types_schema_unknown: (names: readonly string[]) => ({
    status: 400,
    message: `There is no schema ${names.map((name) => `'${name}'`).join(", ")}`,
  }),
  url_too_long: (limit: number) => ({
    status: 414,
    message: "The URL is too long",
    details: `The limit is ${limit} bytes`,
  }),
  too_many_filters: (limit: number) => ({
    status: 400,
    message: "The request has too many filters",
    details: `The limit is ${limit}`,
  }),
  too_many_embeds: (limit: number) => ({
    status: 400,
    message: "The request embeds too many resources",
    details: `The limit is ${limit}`,
  }),
  too_many_related_orders: (limit: number) => ({
    status: 400,
    message: "The request orders by too many embedded resources",
    details: `The limit is ${limit}`,
  }),
  in_list_too_long: (limit: number) => ({
    status: 400,
    message: "A list of values is too long",
    details: `The limit is ${limit} values`,
  }),
  embed_too_deep: (limit: number) => ({
    status: 400,
    message: "The request embeds too deeply",
    details: `The limit is ${limit} levels`,
  }),
});

function namedParameters(params: readonly string[]): string {
  if (params.length === 0) return " without parameters";
  return ` with parameter${params.length > 1 ? "s" : ""} ${params.join(", ")}`;
}

/** The same table, whose errors are answered as PostgREST answers its own. */
export function allAsPostgrest<T extends object>(made: T): T {
  return Object.fromEntries(
    Object.entries(made).map(([code, make]) => [
      code,
      (...args: never[]) => asPostgrest((make as (...args: never[]) => ReactorError)(...args)),
    ]),
  ) as T;
}

export const errors = allAsPostgrest(table);
/** RFC 6750 §3. */
function invalidToken(message: string): string {
  return `Bearer error="invalid_token", error_description=${JSON.stringify(message)}`;
}
