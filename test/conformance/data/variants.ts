/** The rows of every page, under the settings of `[data]` that each needs. */
import * as aggregates from "./aggregates.rows.ts";
import { rows as auth } from "./auth.rows.ts";
import { rows as computed } from "./computed.rows.ts";
import { rows as embedding } from "./embedding.rows.ts";
import { rows as errors, minimal as minimalErrors } from "./errors.rows.ts";
import { rows as functions } from "./functions.rows.ts";
import * as jwt from "./jwt.rows.ts";
import type { Row } from "./kit.ts";
import { rows as media } from "./media.rows.ts";
import * as openapi from "./openapi.rows.ts";
import * as options from "./options-cors.rows.ts";
import * as pagination from "./pagination.rows.ts";
import * as plan from "./plan.rows.ts";
import { noTimezones, rows as preferences } from "./preferences.rows.ts";
import { rows as representations } from "./representations.rows.ts";
import * as schemas from "./schemas.rows.ts";
import { rows as tablesViews } from "./tables-views.rows.ts";
import { KEY_SET, SECRET, SECRET_JWK } from "./tokens.ts";
import * as transactions from "./transactions.rows.ts";
import { rows as upsert } from "./upsert.rows.ts";
import { rows as urlGrammar } from "./url-grammar.rows.ts";
import { rows as writing } from "./writing.rows.ts";

export interface Variant {
  readonly name: string;
  /** Keys of `[data]` over those of the project. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Rows by the name of their page. */
  readonly pages: Readonly<Record<string, readonly Row[]>>;
}

export const variants: readonly Variant[] = [
  {
    name: "by default",
    settings: {},
    pages: {
      "tables and views": tablesViews,
      embedding,
      computed,
      representations,
      functions,
      media,
      writing,
      upsert,
      preferences,
      pagination: pagination.rows,
      schemas: schemas.rows,
      auth,
      transactions: transactions.rows,
      errors,
      "URL grammar": urlGrammar,
      "OPTIONS and CORS": options.rows,
      openapi: openapi.rows,
      "aggregates are off": aggregates.disabled,
      "plans are off": plan.disabled,
    },
  },
  {
    name: "with aggregates and plans",
    settings: { db_aggregates_enabled: true, db_plan_enabled: true },
    pages: { aggregates: aggregates.rows, plan: plan.rows },
  },
  {
    name: "rolling back unless told",
    settings: { db_tx_end: "rollback-allow-override" },
    pages: { "rollback-allow-override": transactions.rollingBack },
  },
  {
    name: "committing unless told",
    settings: { db_tx_end: "commit-allow-override" },
    pages: { "commit-allow-override": transactions.committing },
  },
  {
    name: "never committing",
    settings: { db_tx_end: "rollback" },
    pages: { rollback: transactions.neverCommitting },
  },
  {
    name: "with at most three rows",
    settings: { db_max_rows: 3 },
    pages: { db_max_rows: pagination.bounded },
  },
  {
    name: "with one schema",
    settings: { db_schemas: ["api"] },
    pages: { "one schema": schemas.alone },
  },
  {
    name: "with a function before each request",
    settings: { db_pre_request: "private.before_request" },
    pages: { db_pre_request: transactions.beforeRequest },
  },
  {
    name: "observed",
    settings: {
      app_settings: { harbour: "Bergen" },
      server_timing_enabled: true,
      server_trace_header: "X-Trace",
    },
    pages: { observability: transactions.observed },
  },
  {
    name: "describing all",
    settings: { openapi_mode: "ignore-privileges" },
    pages: { "ignore-privileges": openapi.ignoringPrivileges },
  },
  {
    name: "describing nothing",
    settings: { openapi_mode: "disabled" },
    pages: { "openapi is off": openapi.disabled },
  },
  {
    name: "describing how to come in",
    settings: {
      openapi_security_active: true,
      openapi_server_proxy_uri: "https://harbour.example.test/api",
    },
    pages: { "openapi security": openapi.secured },
  },
  {
    name: "described by a function",
    settings: { db_root_spec: "root_of_harbour" },
    pages: { db_root_spec: openapi.overridden },
  },
  {
    name: "with a secret for tokens",
    settings: { jwt_secret: SECRET },
    pages: { JWT: jwt.rows },
  },
  {
    name: "with an audience for tokens",
    settings: { jwt_secret: SECRET, jwt_aud: "harbour" },
    pages: { jwt_aud: jwt.audience },
  },
  {
    name: "with a key for the role of tokens",
    settings: { jwt_secret: SECRET, jwt_role_claim_key: ".realm.roles[1]" },
    pages: { jwt_role_claim_key: jwt.roleClaim },
  },
  {
    name: "with a set of keys",
    settings: { jwt_secret: KEY_SET },
    pages: { "JWT by keys": jwt.keySet },
  },
  {
    name: "with a secret that is a key",
    settings: { jwt_secret: SECRET_JWK },
    pages: { "JWT by a key of octets": jwt.sameSecret },
  },
  {
    name: "with a secret in base64",
    settings: { jwt_secret: Buffer.from(SECRET).toString("base64"), jwt_secret_is_base64: true },
    pages: { "JWT by base64": jwt.sameSecret },
  },
  {
    name: "for nobody without a token",
    settings: { jwt_secret: SECRET, db_anon_role: "" },
    pages: { "no anonymous role": jwt.noAnonymous },
  },
  {
    name: "with short errors",
    settings: { client_error_verbosity: "minimal" },
    pages: { client_error_verbosity: minimalErrors },
  },
  {
    name: "for one origin",
    settings: { server_cors_allowed_origins: ["https://app.example.test"] },
    pages: { server_cors_allowed_origins: options.oneOrigin },
  },
  {
    name: "without time zones and hoisted settings",
    settings: { db_timezone_enabled: false, db_hoisted_tx_settings: [] },
    pages: { "nothing hoisted": transactions.unhoisted, "no time zones": noTimezones },
  },
];

/** What only a server without an identity of its own can be. */
export const plainVariants: readonly Variant[] = [
  {
    name: "without a secret",
    settings: { jwt_secret: "" },
    pages: { "no secret": jwt.noSecret },
  },
];
