/**
 * Which queries may be one transaction (`docs/decisions/0018-reads-share-a-transaction.md`). PostgreSQL
 * commits, answers and wakes us once for all that come before a Sync (protocol 3.0, "Pipelining").
 */
import type { UserQuery } from "../../core/ports/database.ts";
import type { Job } from "./job.ts";
import type { StatementKinds } from "./statement-kinds.ts";

/**
 * Nothing but settings and one quick read. Settings of a role itself are made as the login, which it is
 * no longer behind another.
 */
export function mayShare({ query, kind }: Job): boolean {
  return (
    query.sharesTransaction === true &&
    query.readOnly === true &&
    kind.mayShare &&
    query.isolation === undefined &&
    query.rollback === undefined &&
    query.after === undefined &&
    isEmpty(query.before) &&
    isEmpty(query.roleSettings)
  );
}

function isEmpty(list: readonly unknown[] | undefined): boolean {
  return list === undefined || list.length === 0;
}

/**
 * Whether `job` may follow `before` in its transaction: the same statement, so that it locks the same
 * tables and no order of locks arises that no read has alone, with the same names of settings, so that
 * none is left of the one before.
 */
export function sharesWith(job: Job, before: Job, kinds: StatementKinds): boolean {
  if (!job.isShared || job.kind !== before.kind) return false;
  return kinds.settings(job.query) === kinds.settings(before.query);
}

/** The very same caller with the same timeout: nothing needs to be set for `job` behind `before`. */
export function haveSameSettings(job: Job, before: Job): boolean {
  return (
    job.kind === before.kind &&
    job.timeoutMs === before.timeoutMs &&
    areSame(job.query.settings, before.query.settings)
  );
}

function areSame(left: UserQuery["settings"], right: UserQuery["settings"]): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at += 1) {
    if (left[at]?.[0] !== right[at]?.[0] || left[at]?.[1] !== right[at]?.[1]) return false;
  }
  return true;
}

/** What is not answered yet of the transaction that the first of a connection's jobs is in. */
export function running(jobs: readonly Job[]): readonly Job[] {
  const last = jobs.findIndex(({ isLast }) => isLast);
  return last < 0 ? jobs : jobs.slice(0, last + 1);
}
