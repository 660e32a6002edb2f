/** `GET /auth/v1/admin/users`: pages of people, newest first, in the form auth-js reads. */

import { presentUser } from "../accounts/present-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { createStore } from "../store.ts";

const PER_PAGE = 50;
const PER_PAGE_MAX = 1000;
const PAGE_MAX = 1_000_000;

export interface UserList {
  readonly body: Readonly<Record<string, unknown>>;
  /** `X-Total-Count` and `Link` (RFC 8288). */
  readonly headers: Readonly<Record<string, string>>;
}

/** @param url absolute address of this route, without its query. */
export async function adminListUsers(
  state: AuthState,
  caller: Caller,
  query: URLSearchParams,
  url: string,
): Promise<UserList> {
  const page = readCount(query, "page", 1, PAGE_MAX);
  const perPage = readCount(query, "per_page", PER_PAGE, PER_PAGE_MAX);
  const store = createStore(state.sql(caller.tenant));
  const { users, total } = await store.listUsers(perPage, (page - 1) * perPage);
  const identities = Map.groupBy(
    await store.identitiesOf(users.map((user) => user.id)),
    (identity) => identity.user_id,
  );
  const shown = users.map((user) => presentUser(user, identities.get(user.id) ?? []));
  const last = Math.max(1, Math.ceil(total / perPage));
  const link = (to: number, rel: string) => `<${url}?page=${to}&per_page=${perPage}>; rel="${rel}"`;
  const links = page < last ? [link(page + 1, "next"), link(last, "last")] : [link(last, "last")];
  return {
    body: { users: shown, aud: "authenticated" },
    headers: { "X-Total-Count": String(total), Link: links.join(", ") },
  };
}

function readCount(query: URLSearchParams, name: string, fallback: number, max: number): number {
  const text = query.get(name) ?? "";
  if (text === "") return fallback;
  const value = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > max) {
    throw authErrors.validation_failed(
      "Bad Pagination Parameters",
      `${name} is a number from 1 to ${max}`,
    );
  }
  return value;
}
