/** The pool's own errors: what goes wrong between us and Postgres, as opposed to inside it. */
import { defineErrors } from "../../core/errors.ts";

const retrySoon = { "Retry-After": "1" };

export const wireErrors = defineErrors({
  pool_saturated: (waiting: number) => ({
    status: 503,
    message: "The database is busy",
    details: `${waiting} queries are already waiting`,
    hint: "Try again shortly",
    headers: retrySoon,
  }),
  database_unavailable: (cause?: unknown) => ({
    status: 503,
    message: "The database cannot be reached",
    hint: "Try again shortly",
    headers: retrySoon,
    cause,
  }),
  connection_lost: (cause?: unknown) => ({
    status: 503,
    message: "The connection to the database was lost while the query ran",
    hint: "The query may or may not have taken effect; check before repeating a write",
    headers: retrySoon,
    cause,
  }),
  protocol_violation: (what: string) => ({
    status: 500,
    message: "The database server spoke an unexpected protocol",
    details: what,
  }),
  authentication_unsupported: (method: string) => ({
    status: 500,
    message: "The database server asks for a login method that Reactor does not speak",
    details: method,
    hint: "Use scram-sha-256 or md5 for this user in pg_hba.conf",
  }),
  password_missing: () => ({
    status: 500,
    message: "The database server asks for a password and database.url holds none",
  }),
  server_not_authentic: (what: string) => ({
    status: 500,
    message: "The database server could not prove that it knows the password",
    details: what,
  }),
  tls_unavailable: (mode: string) => ({
    status: 500,
    message: "The database server does not offer TLS",
    details: `sslmode=${mode} demands it`,
  }),
  tls_refused: (mode: string, cause: unknown) => ({
    status: 500,
    message: "The database server's certificate was not accepted",
    details: `sslmode=${mode}: ${cause instanceof Error ? cause.message : String(cause)}`,
    hint: "Name the authority that signed it with sslrootcert=/path/to/ca.pem",
    cause,
  }),
  query_invalid: (what: string) => ({
    status: 500,
    message: "The query cannot be sent",
    details: what,
  }),
  transaction_left_open: () => ({
    status: 500,
    message: "The statement opened a transaction of its own",
    hint: "A user-scoped query is already one transaction; leave out BEGIN",
  }),
  transaction_ended_early: () => ({
    status: 500,
    message: "The statement ended the transaction that it runs in",
    hint: "A user-scoped query is already one transaction; leave out COMMIT and ROLLBACK",
  }),
  copy_unsupported: () => ({
    status: 500,
    message: "COPY cannot run in a user-scoped query",
  }),
});
