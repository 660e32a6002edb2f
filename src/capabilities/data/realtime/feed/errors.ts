/** Why a subscription to changes cannot be had. Codes beside PostgREST's are plain words. */
import { defineErrors } from "../../../../core/errors.ts";
import { allAsPostgrest } from "../../errors.ts";

const table = defineErrors({
  realtime_unavailable: (details: string, cause?: unknown) => ({
    status: 503,
    message: "Changes cannot be followed right now",
    details,
    hint: "Try again shortly",
    headers: { "Retry-After": "2" },
    cause,
  }),
  realtime_foreign: () => ({
    status: 501,
    message: "Changes of a database given by data.db_uri cannot be followed",
    hint: "Following changes needs the owner of the database: give database.url instead",
  }),
  realtime_full: (max: number) => ({
    status: 503,
    message: "This server has as many subscriptions as it may",
    details: `data.realtime_max_subscribers is ${max}`,
    headers: { "Retry-After": "10" },
  }),
  realtime_not_a_table: (kind: string, name: string) => ({
    status: 400,
    message: `Changes of the ${kind} ${name} cannot be followed`,
    hint: "Subscribe to the tables under it",
  }),
  realtime_table_missing: () => ({
    status: 400,
    message: "A filter needs a table",
    hint: "Name the table whose changes are to be filtered",
  }),
  realtime_identity_missing: (name: string, statement: string) => ({
    status: 400,
    message: `Changes of ${name} cannot be published: its rows have no replica identity`,
    details: "Without one, updates and deletes of a published table fail",
    hint: `Add a primary key, or run: ${statement}`,
  }),
  realtime_key_missing: (name: string) => ({
    status: 400,
    message: `Row security on ${name} cannot be judged change by change: it has no primary key`,
    hint: "Add a primary key",
  }),
  realtime_unpublished: (name: string, statement: string, cause?: unknown) => ({
    status: 400,
    message: `${name} is not in the publication for realtime`,
    details: cause instanceof Error ? cause.message : null,
    hint: `Run: ${statement}`,
    cause,
  }),
  column_unknown: (table: string, column: string) => ({
    status: 400,
    code: "42703",
    message: `column ${table}.${column} does not exist`,
  }),
  column_forbidden: (table: string, column: string, isAnonymous: boolean) => ({
    status: isAnonymous ? 401 : 403,
    code: "42501",
    message: `permission denied for table ${table}`,
    details: `Following its changes takes the right to select the column ${column}`,
  }),
});

export const feedErrors = allAsPostgrest(table);
