/** `GET /auth/v1/admin/users`: people, searched, filtered, sorted and in pages, as auth-js reads them. */
import { isUuid } from "../accounts/find-current-user.ts";
import { presentUser } from "../accounts/present-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { createStore } from "../store.ts";
import { pagingHeaders, readFlag, readPaging, readText, readTime } from "./paging.ts";
import { listUsers, USER_SORTS, type UserFilter, type UserSort } from "./users-store.ts";

export interface AdminList {
  readonly body: unknown;
  /** `X-Total-Count` and `Link` (RFC 8288). */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Newest first unless `sort` says otherwise. @param url absolute address of this route, without its
 * query. @throws validation_failed
 */
export async function adminListUsers(
  state: AuthState,
  caller: Caller,
  query: URLSearchParams,
  url: string,
): Promise<AdminList> {
  const paging = readPaging(query);
  const page = { limit: paging.perPage, offset: paging.offset };
  const sql = state.sql(caller.tenant);
  const found = await listUsers(sql, readFilter(query), readSort(query), page, state.now());
  const identities = Map.groupBy(
    await createStore(sql).identitiesOf(found.users.map((user) => user.id)),
    (identity) => identity.user_id,
  );
  const users = found.users.map((user) => presentUser(user, identities.get(user.id) ?? []));
  return {
    body: { users, aud: "authenticated" },
    headers: pagingHeaders(url, query, paging, found.total),
  };
}

function readFilter(query: URLSearchParams): UserFilter {
  const text = readText(query, "filter");
  return {
    text,
    id: isUuid(text) ? text : null,
    provider: readText(query, "provider"),
    role: readText(query, "role"),
    banned: readFlag(query, "banned"),
    confirmed: readFlag(query, "confirmed"),
    anonymous: readFlag(query, "anonymous"),
    deleted: readFlag(query, "deleted"),
    createdAfter: readTime(query, "created_after"),
    createdBefore: readTime(query, "created_before"),
  };
}

/** `email`, `created_at desc`, … @throws validation_failed */
function readSort(query: URLSearchParams): UserSort {
  const [name = "created_at", direction = name === "email" ? "asc" : "desc", ...rest] = (
    readText(query, "sort") ?? "created_at"
  )
    .trim()
    .split(/\s+/);
  const column = USER_SORTS.find((known) => known === name);
  if (!column || rest.length > 0 || !/^(?:asc|desc)$/i.test(direction)) {
    throw authErrors.validation_failed(
      "Bad Sort Parameters",
      `sort is one of ${USER_SORTS.join(", ")}, then asc or desc`,
    );
  }
  return { column, descending: direction.toLowerCase() === "desc" };
}
