/** Which failures are nobody's: the same query is sent again, and its caller hears nothing of it. */
import type { Job } from "./job.ts";
import type { PgError } from "./pg-error.ts";

const MAX_RETRIES = 3;
const DEADLOCK = "40P01";

/**
 * True when the query never began, a cancel meant another, or it only read and stood in others' way.
 * @param cancels requests on its connection so far
 */
export function leftNoTrace(job: Job, error: PgError, cancels: number): boolean {
  if (job.isCancelWanted || job.retries >= MAX_RETRIES) return false;
  if (error.code === "57014") return job.cancelsAtSend !== cancels;
  // What those before it have locked was part of it: alone it might not have been.
  if (error.code === DEADLOCK) return job.isShared;
  if (job.isBound || job.step > job.mainStep || job.retries > 0) return false;
  return isStale(error);
}

/** The server knows the statement no more, or its result has other columns now. */
export function isStale({ code, routine }: PgError): boolean {
  return code === "26000" || (code === "0A000" && routine === "RevalidateCachedQuery");
}
