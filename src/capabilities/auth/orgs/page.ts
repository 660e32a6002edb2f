/** Lists page by cursor: `?limit=` (1 to 1,000, default 100) and `?after=` what `next` said. */
import { authErrors } from "../errors.ts";

const LIMIT = 100;
const LIMIT_MAX = 1000;
const CURSOR = /^[A-Za-z0-9-]{1,64}$/;

export interface Page {
  readonly after: string | null;
  readonly limit: number;
}

/** @throws validation_failed */
export function readPage(query: URLSearchParams): Page {
  const limit = query.get("limit") ?? String(LIMIT);
  const after = query.get("after");
  const count = /^\d{1,4}$/.test(limit) ? Number(limit) : 0;
  if (count < 1 || count > LIMIT_MAX || (after !== null && !CURSOR.test(after))) {
    throw authErrors.validation_failed(
      "Bad Pagination Parameters",
      `limit is a number from 1 to ${LIMIT_MAX}, after what the previous page called next`,
    );
  }
  return { after, limit: count };
}
