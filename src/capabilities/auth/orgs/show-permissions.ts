/** `GET /auth/v1/permissions`: what the caller may do, where this very request acts. */
import { contextOf } from "../../../core/context.ts";
import { admitted } from "../../../core/permissions.ts";

const list = (value: unknown) => (Array.isArray(value) ? value : []);
const orNull = (value: unknown) => value ?? null;

/** @throws bad_credential, org_forbidden */
export async function showPermissions(request: Request) {
  const proven = await contextOf(request).scopedPrincipal();
  const { role, userId, claims, scopes, keyId } = await admitted(proven, () => undefined);
  const told = JSON.parse(claims) as Record<string, unknown>;
  return {
    role,
    user_id: userId,
    key_id: keyId ?? null,
    org_id: orNull(told["org_id"]),
    org_role: orNull(told["org_role"]),
    permissions: list(told["permissions"]),
    teams: list(told["teams"]),
    scopes: scopes ?? null,
  };
}
