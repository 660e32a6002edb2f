/** references/errors. */
import { fails, fault, get, type Row, raw } from "./kit.ts";

const raised = (code: string) =>
  fault({ code, message: "said so", details: "the detail", hint: "the hint" });

// "HTTP Status Codes"
const statuses: readonly (readonly [code: string, status: number])[] = [
  ["08006", 503],
  ["09000", 500],
  ["0L000", 403],
  ["0P000", 403],
  ["22000", 400],
  ["23503", 409],
  ["23505", 409],
  ["23514", 400],
  ["25001", 500],
  ["25006", 405],
  ["28000", 403],
  ["2D000", 500],
  ["38000", 500],
  ["39000", 500],
  ["3B000", 500],
  ["40001", 500],
  ["40P01", 500],
  ["42501", 401],
  ["42601", 400],
  ["42883", 404],
  ["42P01", 404],
  ["42P17", 500],
  ["53100", 503],
  ["53400", 500],
  ["54000", 500],
  ["54001", 500],
  ["55000", 500],
  ["57014", 500],
  ["58000", 500],
  ["F0000", 500],
  ["HV000", 500],
  ["P0001", 400],
  ["P0002", 500],
  ["XX000", 500],
  ["PT402", 402],
  ["PT418", 418],
];

export const rows: readonly Row[] = [
  ...statuses.map(([code, status]) =>
    fails(
      `${code} is ${status}`,
      `GET /rpc/raise_it?state=${code}&said=said%20so`,
      status,
      raised(code),
    ),
  ),
  // "Errors from PostgreSQL", "RAISE errors"
  fails(
    "a plain raise",
    "GET /rpc/raise_plain",
    400,
    fault({ code: "P0001", message: "plain trouble" }),
  ),
  fails(
    "a whole answer",
    "GET /rpc/raise_response",
    418,
    fault({
      code: "H001",
      message: "Fog",
      details: "none can see",
      hint: "wait",
    }),
    { answer: { "x-fog": "thick" } },
  ),
  fails(
    "a status of its own",
    "GET /rpc/raise_status_text",
    332,
    fault({ code: "H002", message: "Ice" }),
  ),
  fails(
    "a message that is no JSON",
    "GET /rpc/raise_bad_message",
    500,
    fault({
      code: "PGRST121",
      message: "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error",
      details: "Invalid JSON value for MESSAGE: 'INVALID'",
      hint: "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional keys: 'details', 'hint'.",
    }),
  ),
  fails(
    "a detail that is no JSON",
    "GET /rpc/raise_bad_detail",
    500,
    fault({
      code: "PGRST121",
      message: "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error",
      details: "Invalid JSON value for DETAIL: 'INVALID'",
      hint: "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: 'status_text'.",
    }),
  ),
  fails(
    "no detail",
    "GET /rpc/raise_no_detail",
    500,
    fault({
      code: "PGRST121",
      message: "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error",
      details: "DETAIL is missing in the RAISE statement",
      hint: "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: 'status_text'.",
    }),
  ),
  // "PostgREST Error Codes", "Proxy-Status"
  fails(
    "an error of PostgREST names itself in Proxy-Status",
    "GET /rpc/zzz_unlike_all",
    404,
    fault({
      code: "PGRST202",
      message:
        "Could not find the function api.zzz_unlike_all without parameters in the schema cache",
      details:
        "Searched for the function api.zzz_unlike_all without parameters, but no matches were found in the schema cache.",
    }),
    { answer: { "proxy-status": "PostgREST; error=PGRST202" } },
  ),
  fails(
    "so does one of PostgreSQL",
    "GET /rpc/raise_plain",
    400,
    fault({
      code: "P0001",
      message: "plain trouble",
    }),
    { answer: { "proxy-status": "PostgREST; error=P0001" } },
  ),
  fails(
    "a path that there is not",
    "GET /a/b/c",
    404,
    fault({
      code: "PGRST125",
      message: "Invalid path specified in request URL",
    }),
  ),
  fails("HEAD has the status alone", "HEAD /prts", 404, undefined, {
    answer: { "content-type": "application/json; charset=utf-8" },
  }),
  // references/http_server? every answer
  get("every answer tells its length", "/buoys?id=eq.1", raw('[{"id":1}]'), {
    answer: { "content-length": "10" },
    range: "0-0/*",
  }),
  get("every answer tells what it depends on", "/buoys?id=eq.1", [{ id: 1 }], {
    answer: { vary: /\bAccept\b.*\bPrefer\b.*\bRange\b/ },
  }),
];

/** With `client_error_verbosity` = "minimal". */
export const minimal: readonly Row[] = [
  fails("an error of PostgREST", "GET /prts", 404, {
    code: "PGRST205",
    message: "Could not find the table 'api.prts' in the schema cache",
  }),
  fails("an error of PostgreSQL", "GET /rpc/raise_it?state=P0001&said=said%20so", 400, {
    code: "P0001",
    message: "said so",
  }),
];
