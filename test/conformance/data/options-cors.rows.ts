/** references/api/options, references/api/cors. */
import { fails, fault, type Row } from "./kit.ts";

const allow = (name: string, path: string, methods: string): Row => ({
  name,
  method: "OPTIONS",
  path: `/data/v1${path}`,
  expect: { status: 200, headers: { allow: methods, "content-type": null } },
});
const READ = "OPTIONS,GET,HEAD";
const ALL = `${READ},POST,PUT,PATCH,DELETE`;
const ORIGIN = "https://app.example.test";

export const rows: readonly Row[] = [
  allow("a table", "/crates", ALL),
  allow("a table without a key", "/scraps", `${READ},POST,PATCH,DELETE`),
  allow("a partitioned table", "/readings", ALL),
  allow("a foreign table that is a file", "/tides", READ),
  allow("a view that Postgres can write", "/crate_labels", ALL),
  allow(
    "a view that Postgres can write, without a key",
    "/no_primary",
    `${READ},POST,PATCH,DELETE`,
  ),
  allow("a view that cannot be written", "/counted_ports", READ),
  allow("a view with a trigger for inserts", "/insertable_ports", `${READ},POST`),
  allow("a view with a trigger for updates", "/updatable_ports", `${READ},PATCH`),
  allow("a view with a trigger for deletions", "/deletable_ports", `${READ},DELETE`),
  allow("a view with triggers for all", "/triggered_ports", ALL),
  allow("a materialized view", "/captain_tallies", READ),
  allow("a volatile function", "/rpc/add_scrap?a=x", "OPTIONS,POST"),
  allow("a stable function", "/rpc/all_ports", `${READ},POST`),
  allow("an immutable function", "/rpc/add?a=1&b=2", `${READ},POST`),
  fails(
    "a function that the arguments in the query do not call",
    "OPTIONS /rpc/add?a=1",
    404,
    fault({
      code: "PGRST202",
      message: "Could not find the function api.add(a) in the schema cache",
      details:
        "Searched for the function api.add with parameter a, but no matches were found in the schema cache.",
      hint: "Perhaps you meant to call the function api.add(a, b)",
    }),
  ),
  allow("the root", "/", READ),
  fails("an unknown table", "OPTIONS /prts", 404, {
    code: "PGRST205",
    message: "Could not find the table 'api.prts' in the schema cache",
    details: null,
    hint: "Perhaps you meant the table 'api.ports'",
  }),
  {
    name: "a browser may ask from anywhere",
    method: "GET",
    path: "/data/v1/buoys?id=eq.1",
    headers: { origin: ORIGIN },
    expect: {
      status: 200,
      headers: {
        "access-control-allow-origin": "*",
        "access-control-expose-headers": /Content-Range/,
      },
      body: [{ id: 1 }],
    },
  },
  {
    name: "a preflight is answered",
    method: "OPTIONS",
    path: "/data/v1/buoys",
    headers: {
      origin: ORIGIN,
      "access-control-request-method": "POST",
      "access-control-request-headers": "Authorization, Prefer",
    },
    expect: {
      status: 200,
      headers: {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": /POST.*PATCH.*DELETE/,
        "access-control-allow-headers": /authorization, ?prefer/i,
      },
    },
  },
];

const crossOrigin = (
  name: string,
  origin: string,
  headers: Record<string, string | null>,
): Row => ({
  name,
  method: "GET",
  path: "/data/v1/buoys?id=eq.1",
  headers: { origin },
  expect: { status: 200, headers, body: [{ id: 1 }] },
});

/** With `server_cors_allowed_origins`. */
export const oneOrigin: readonly Row[] = [
  crossOrigin("that origin, with credentials", ORIGIN, {
    "access-control-allow-origin": ORIGIN,
    "access-control-allow-credentials": "true",
  }),
  crossOrigin("another origin", "https://other.example.test", {
    "access-control-allow-origin": null,
  }),
];
