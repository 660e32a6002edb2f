/**
 * Which queries may be one transaction. PostgreSQL commits, answers and wakes us once for all that come
 * before a Sync (protocol 3.0, "Pipelining"); of a read by id that is a third of its work, and the
 * settings another third where the same caller asks again.
 */
import type { UserQuery } from "../../core/ports/database.ts";
import type { Job } from "./job.ts";
import type { StatementKinds } from "./statement-kinds.ts";

/** Nothing but settings and one quick read. */
export function mayShare({ query, kind, isAlone }: Job): boolean {
  return (
    query.sharesTransaction === true &&
    query.readOnly === true &&
    !isAlone &&
    kind.mayShare &&
    query.isolation === undefined &&
    query.rollback === undefined &&
    query.after === undefined &&
    (query.before === undefined || query.before.length === 0)
  );
}

/**
 * Whether `job` may follow `before` in its transaction: the same settings are made anew or are the same.
 * Those of a role itself are made before it is become, so only for a caller with the same of everything.
 */
export function sharesWith(job: Job, before: Job, kinds: StatementKinds): boolean {
  if (!job.isShared || job.query.role !== before.query.role) return false;
  if ((job.query.roleSettings ?? []).length > 0) return haveSameSettings(job, before);
  return kinds.settings(job.query) === kinds.settings(before.query);
}

/** Nothing needs to be set for `job` after `before`. */
export function haveSameSettings(job: Job, before: Job): boolean {
  const [left, right] = [job.query, before.query];
  return (
    left.role === right.role &&
    job.timeoutMs === before.timeoutMs &&
    areSame(left.settings, right.settings) &&
    areSame(left.roleSettings ?? [], right.roleSettings ?? [])
  );
}

function areSame(left: UserQuery["settings"], right: UserQuery["settings"]): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at += 1) {
    if (left[at]?.[0] !== right[at]?.[0] || left[at]?.[1] !== right[at]?.[1]) return false;
  }
  return true;
}
