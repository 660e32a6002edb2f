/**
 * Permissions: `area:resource:action`, as in `data:todos:read` or `functions:hello:invoke`. What is
 * granted may hold `*` for a whole segment, or be `*` alone for everything; what is asked for is
 * taken as it stands, so that asking for `data:*:read` is asking for all of them. The action `write`,
 * when granted, covers `insert`, `update` and `delete`. The same rules are `auth.permits` in SQL.
 */
import type { Principal } from "./ports/auth.ts";

const SEGMENT = "(?:\\*|[A-Za-z0-9_][A-Za-z0-9_.-]{0,62})";
const PERMISSION = new RegExp(`^(?:\\*|${SEGMENT}:${SEGMENT}:${SEGMENT})$`);
const WRITES: ReadonlySet<string> = new Set(["insert", "update", "delete"]);

/** True for `*` and for three segments, each a name of at most 63 characters or `*`. */
export function isPermission(text: unknown): text is string {
  return typeof text === "string" && PERMISSION.test(text);
}

/** True when one of the granted permissions covers all that `wanted` stands for. */
export function covers(granted: readonly string[], wanted: string): boolean {
  return granted.some((one) => one === "*" || coversOne(one, wanted));
}

/** True when everything that any of `wanted` allows is allowed by `granted` too: no growth. */
export function coversAll(granted: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((one) => covers(granted, one));
}

function coversOne(granted: string, wanted: string): boolean {
  const have = granted.split(":");
  const want = wanted.split(":");
  if (have.length !== 3 || want.length !== 3) return false;
  return have.every((segment, index) => {
    if (segment === "*" || segment === want[index]) return true;
    return index === 2 && segment === "write" && WRITES.has(want[2] ?? "");
  });
}

/**
 * Whether the caller's key allows this. Who comes without an API key is limited by no scope; rows,
 * policies and roles then decide alone.
 */
export function permits(principal: Pick<Principal, "scopes">, wanted: string): boolean {
  return principal.scopes === undefined || covers(principal.scopes, wanted);
}

/**
 * The caller, when `check` throws nothing about it. It is the last thing before something is done: an
 * approval that the request names (`X-Reactor-Approval`) is used up by it, and stays good if refused.
 * @throws what `check` does, approval_invalid, over_request_rate_limit, api_key_budget_spent
 */
export function admitted(
  principal: Principal,
  check: (principal: Principal) => void,
): Promise<Principal> | Principal {
  if (principal.admit) return principal.admit(check);
  check(principal);
  return principal;
}
