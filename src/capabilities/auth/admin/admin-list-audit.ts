/** `GET /auth/v1/admin/audit`: what happened to people and their accounts, newest first. */
import { isUuid } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import type { AdminList } from "./admin-list-users.ts";
import { type AuditFilter, type AuditRow, listAuditEntries } from "./audit-store.ts";
import { pagingHeaders, readPaging, readText, readTime } from "./paging.ts";

/**
 * GoTrue's `query=author:…`, `action:…` or `type:…`, and filters of ours beside it.
 * @param url absolute address of this route, without its query. @throws validation_failed
 */
export async function adminListAudit(
  state: AuthState,
  caller: Caller,
  query: URLSearchParams,
  url: string,
): Promise<AdminList> {
  const paging = readPaging(query);
  const page = { limit: paging.perPage, offset: paging.offset };
  const filter = readFilter(query);
  const { entries, total } = await listAuditEntries(state.sql(caller.tenant), filter, page);
  return {
    body: entries.map(presentEntry),
    headers: pagingHeaders(url, query, paging, total),
  };
}

export function presentEntry(row: AuditRow) {
  const { id, payload, created_at: at, ip_address: address } = row;
  return { id, payload, created_at: at.toISOString(), ip_address: address };
}

function readFilter(query: URLSearchParams): AuditFilter {
  const userId = readText(query, "user_id");
  if (userId !== null && !isUuid(userId)) {
    throw authErrors.validation_failed("user_id must be an UUID");
  }
  return {
    ...readScoped(readText(query, "query")),
    action: readText(query, "action"),
    userId: userId?.toLowerCase() ?? null,
    address: readText(query, "ip_address"),
    after: readTime(query, "after"),
    before: readTime(query, "before"),
  };
}

function readScoped(text: string | null) {
  const [, scope, value = ""] = /^(author|action|type):(.*)$/s.exec(text ?? "") ?? [];
  if (text !== null && scope === undefined) {
    throw authErrors.validation_failed(`Invalid query scope: ${text}`);
  }
  const of = (name: string) => (scope === name && value !== "" ? value : null);
  return { author: of("author"), actionPart: of("action"), type: of("type") };
}
