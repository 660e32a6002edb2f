/** Reads `[[policies.tests]]`: who asks for what, and what the answer must be. */
import { isPermission } from "../../core/permissions.ts";
import type { Principal } from "../../core/ports/auth.ts";
import { reportUnknown } from "./report-unknown.ts";

export interface PolicyTest {
  readonly name: string;
  readonly principal: Principal;
  readonly action: string;
  readonly request: { readonly method: string; readonly address: string };
  readonly expect: "allow" | "deny";
}

type Table = Readonly<Record<string, unknown>>;
type Fault = (text: string) => void;

const TESTS_MAX = 200;
const KEYS = ["name", "as", "action", "method", "address", "expect"];
const AS_KEYS = [
  ...["kind", "role", "id", "email", "is_anonymous", "aal", "org_id", "org_slug", "org_role"],
  ...["permissions", "teams", "orgs", "key_id", "key_kind", "scopes", "app_metadata", "claims"],
];
const KINDS = ["anonymous", "person", "key", "project"];
const SOMEBODY = "00000000-0000-7000-8000-000000000001";

export function readTests(value: unknown, fault: Fault): PolicyTest[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > TESTS_MAX || !value.every(isTable)) {
    fault(`tests must be at most ${TESTS_MAX} tables`);
    return [];
  }
  return value.flatMap((table: Table, index) => {
    const own = (text: string) => fault(`test number ${index + 1}: ${text}`);
    reportUnknown(table, KEYS, own);
    const { action, expect, as = {}, method = "GET", address = "127.0.0.1" } = table;
    const name = typeof table["name"] === "string" ? table["name"] : `number ${index + 1}`;
    if (!isPermission(action) || action.includes("*")) {
      own("action must be what is asked for, as in functions:hello:invoke");
    }
    if (expect !== "allow" && expect !== "deny") own('expect must be "allow" or "deny"');
    if (typeof method !== "string" || typeof address !== "string") {
      own("method and address must be texts");
    }
    const principal = principalFrom(as, own);
    if (principal === null) return [];
    const request = { method: String(method), address: String(address) };
    const wanted = expect === "allow" ? "allow" : "deny";
    return [{ name, principal, action: String(action), request, expect: wanted }];
  });
}

/**
 * A caller as tests and `explain` describe one: attributes of `principal`. Default: a signed-in person
 * in no organisation. Null, with a fault, for what describes nobody.
 */
export function principalFrom(value: unknown, fault: Fault): Principal | null {
  if (!isTable(value)) {
    fault("as must be a table of attributes of principal");
    return null;
  }
  reportUnknown(value, AS_KEYS, (text) => fault(`as: ${text}`));
  const { kind = "scopes" in value ? "key" : "person", role, id, scopes, key_id: keyId } = value;
  const { claims = {}, ...told } = value;
  if (!KINDS.includes(kind as string)) fault(`as: kind must be one of ${KINDS.join(", ")}`);
  if (scopes !== undefined && !(Array.isArray(scopes) && scopes.every(isPermission))) {
    fault("as: scopes must be a list of permissions");
    return null;
  }
  const isKey = kind === "key";
  const userId = kind === "person" || typeof id === "string" ? String(id ?? SOMEBODY) : null;
  return {
    role: typeof role === "string" ? role : defaultRole(kind),
    userId: kind === "anonymous" || kind === "project" ? null : userId,
    claims: JSON.stringify({ ...(isTable(claims) ? claims : {}), ...told }),
    expiresAt: Number.POSITIVE_INFINITY,
    ...(isKey ? { keyId: String(keyId ?? SOMEBODY), scopes: (scopes ?? []) as string[] } : {}),
  };
}

function defaultRole(kind: unknown): string {
  if (kind === "anonymous") return "anon";
  return kind === "project" ? "service_role" : "authenticated";
}

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
