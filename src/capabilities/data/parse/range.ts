/** Which rows of the root are wanted: `limit` and `offset` joined with the `Range` header. */
import { errors } from "../errors.ts";

export interface RowRange {
  readonly offset: number;
  /** Rows at most, before `max_rows`; null = no bound. */
  readonly limit: number | null;
}

const ALL_ROWS: RowRange = Object.freeze({ offset: 0, limit: null });

/**
 * The header counts for GET only (docs.postgrest.org, "Pagination and Count"); what is not of the
 * form `a-b` or `a-` is ignored. An empty intersection is PGRST103, except for an explicit limit=0.
 */
export function rowRange(
  header: string | null,
  limit: number | null,
  offset: number | null,
): RowRange {
  if (header === null && limit === null && offset === null) return ALL_ROWS;
  const asked = { offset: offset ?? 0, limit };
  const match = header === null ? null : /^(?:items=)?(\d{1,15})-(\d{0,15})$/.exec(header.trim());
  if (!match || limit === 0) return asked;
  const first = Number(match[1]);
  const last = match[2] ? Number(match[2]) : null;
  if (last !== null && last < first) {
    throw errors.PGRST103(
      "The lower boundary must be lower than or equal to the upper boundary in the Range header.",
    );
  }
  return intersect(asked, first, last);
}

function intersect(asked: RowRange, first: number, last: number | null): RowRange {
  const lower = Math.max(asked.offset, first);
  const askedLast = asked.limit === null ? null : asked.offset + asked.limit - 1;
  const upper = last === null ? askedLast : askedLast === null ? last : Math.min(last, askedLast);
  if (upper !== null && upper < lower) {
    throw errors.PGRST103("Limit should be greater than or equal to zero.");
  }
  return { offset: lower, limit: upper === null ? null : upper - lower + 1 };
}

/** `Content-Range` of `count` rows from `offset`; `total` null = unknown. */
export function contentRange(offset: number, count: number, total: number | null): string {
  const of = total === null ? "*" : String(total);
  return count > 0 && total !== 0 ? `${offset}-${offset + count - 1}/${of}` : `*/${of}`;
}
