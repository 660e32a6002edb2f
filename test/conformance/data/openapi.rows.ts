/** references/api/openapi: the description at the root. */
import { expect } from "bun:test";
import { fails, fault, get, head, type More, type Row } from "./kit.ts";

const TYPE = "application/openapi+json; charset=utf-8";
const OPENAPI = { answer: { "content-type": TYPE, "content-range": null } };
const has = (members: Record<string, unknown>) => expect.objectContaining(members);
const lacks = (name: string) => expect.not.objectContaining({ [name]: expect.anything() });
const parameters = (...names: readonly string[]) =>
  names.map((name) => ({ $ref: `#/parameters/${name}` }));

const root = (name: string, part: Record<string, unknown>, more: More = {}) =>
  get(name, "/", has(part), { ...OPENAPI, ...more });
const path = (name: string, at: string, part: Record<string, unknown>, more: More = {}) =>
  root(name, { paths: has({ [at]: has(part) }) }, more);
const property = (name: string, table: string, column: string, part: unknown) =>
  root(name, { definitions: has({ [table]: has({ properties: has({ [column]: part }) }) }) });

export const rows: readonly Row[] = [
  root("OpenAPI 2", { swagger: "2.0" }),
  root("the comment of the schema is title and description", {
    info: has({ title: "Harbour API", description: "Ships, ports and\nwhat moves between them" }),
  }),
  root("asked for by its type", { swagger: "2.0" }, { accept: "application/openapi+json" }),
  head("HEAD of the root", "/", OPENAPI),
  fails(
    "another type of the root",
    "GET /",
    406,
    fault({
      code: "PGRST107",
      message: "None of these media types are available: text/csv",
    }),
    { accept: "text/csv" },
  ),
  path("the comment of a table is summary and description", "/ports", {
    get: has({ tags: ["ports"], summary: "Ports of the world", description: "Where ships\nlie" }),
  }),
  path("a comment of one line is the summary", "/captains", {
    get: has({ summary: "Who commands" }),
  }),
  path("what a table can be asked for", "/buoys", {
    get: has({
      parameters: parameters(
        "rowFilter.buoys.id",
        "select",
        "order",
        "range",
        "rangeUnit",
        "offset",
        "limit",
        "preferCount",
      ),
      responses: has({
        200: has({ schema: { type: "array", items: { $ref: "#/definitions/buoys" } } }),
      }),
    }),
  }),
  path("what can be written", "/buoys", {
    post: has({
      parameters: parameters("body.buoys", "select", "preferPost"),
      responses: has({ 201: has({ description: "Created" }) }),
    }),
    patch: has({ responses: has({ 204: has({ description: "No Content" }) }) }),
    delete: has({ responses: has({ 204: has({ description: "No Content" }) }) }),
  }),
  path("a view that cannot be written", "/counted_ports", { get: expect.anything() }),
  root("a view that cannot be written has no POST", {
    paths: has({ "/counted_ports": lacks("post") }),
  }),
  path("a materialized view", "/captain_tallies", { get: expect.anything() }),
  path("a foreign table", "/tides", { get: expect.anything() }),
  path("a partitioned table", "/readings", { post: expect.anything() }),
  root("what the caller may not read is not described", { paths: lacks("/secrets") }),
  path(
    "what the caller may read is",
    "/secrets",
    { get: expect.anything() },
    { as: "harbour_clerk" },
  ),
  // definitions
  root("a table's rows", {
    definitions: has({
      captains: has({
        type: "object",
        description: "Who commands",
        required: ["id", "first_name", "last_name"],
      }),
    }),
  }),
  property(
    "a primary key and its comment",
    "captains",
    "id",
    has({
      type: "integer",
      description: "Number of the captain\n\nNote:\nThis is a Primary Key.<pk/>",
    }),
  ),
  property(
    "a foreign key",
    "captains",
    "mentor_id",
    has({
      description:
        "Note:\nThis is a Foreign Key to `captains.id`.<fk table='captains' column='id'/>",
    }),
  ),
  property(
    "a foreign key of a view",
    "open_ports",
    "country_code",
    has({
      description:
        "Note:\nThis is a Foreign Key to `countries.code`.<fk table='countries' column='code'/>",
    }),
  ),
  property("text", "ports", "name", { type: "string", format: "text" }),
  property("a number with its comment", "ports", "depth_m", {
    type: "number",
    format: "numeric",
    description: "Depth at low tide",
  }),
  property("a boolean", "ports", "is_open", { type: "boolean", format: "boolean" }),
  property("a date", "ports", "opened", { type: "string", format: "date" }),
  property("an array", "ports", "tags", {
    type: "array",
    format: "text[]",
    items: { type: "string" },
  }),
  property("JSON has no type", "ports", "info", { format: "jsonb" }),
  property(
    "an enum",
    "ships",
    "kind",
    has({
      type: "string",
      enum: ["sloop", "brig", "schooner", "galleon"],
    }),
  ),
  property("a default", "berths", "rent", has({ default: 5 })),
  // functions
  path("a function that only reads", "/rpc/add", {
    get: has({ tags: ["(rpc) add"], summary: "Adds", description: "Two numbers" }),
    post: has({ tags: ["(rpc) add"], summary: "Adds", description: "Two numbers" }),
  }),
  root("a function that may write has no GET", { paths: has({ "/rpc/add_scrap": lacks("get") }) }),
  path("a function that may write", "/rpc/add_scrap", { post: expect.anything() }),
  root("a function that the caller may not call is not described", {
    paths: lacks("/rpc/clerk_only"),
  }),
  path(
    "a function that the caller may call is",
    "/rpc/clerk_only",
    { post: expect.anything() },
    {
      as: "harbour_clerk",
    },
  ),
  root("a computed column is no function to call", { paths: lacks("/rpc/full_name") }),
  root(
    "another schema",
    { paths: has({ "/wrecks": expect.anything() }) },
    {
      headers: { "accept-profile": "archive" },
      answer: { "content-type": TYPE, "content-profile": "archive", "content-range": null },
    },
  ),
];

/** With `openapi_mode` = "ignore-privileges". */
export const ignoringPrivileges: readonly Row[] = [
  path("a table that the caller may not read", "/secrets", { get: expect.anything() }),
  path("a function that the caller may not call", "/rpc/clerk_only", { post: expect.anything() }),
];

/** With `openapi_mode` = "disabled". */
export const disabled: readonly Row[] = [
  fails(
    "no description",
    "GET /",
    404,
    fault({
      code: "PGRST126",
      message: "Root endpoint metadata is disabled",
    }),
  ),
];

/** With `openapi_security_active` and `openapi_server_proxy_uri`. */
export const secured: readonly Row[] = [
  root("how to give a token", {
    security: [{ JWT: [] }],
    securityDefinitions: {
      JWT: has({ type: "apiKey", in: "header", name: "Authorization" }),
    },
  }),
  root("where the proxy is", {
    host: "harbour.example.test:443",
    basePath: "/api",
    schemes: ["https"],
  }),
];

/** With `db_root_spec` = "root_of_harbour". */
export const overridden: readonly Row[] = [
  get(
    "a function's own description",
    "/",
    { swagger: "2.0", info: { title: "Overridden" } },
    {
      range: "0-0/*",
    },
  ),
];
