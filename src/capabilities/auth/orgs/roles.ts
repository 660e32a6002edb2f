/**
 * Roles: three that every organisation has, and those it makes for itself. A role is a list of
 * permissions (`core/permissions.ts`); whoever holds a role holds exactly those.
 */
import { isPermission } from "../../../core/permissions.ts";
import { authErrors } from "../errors.ts";
import { orgErrors } from "./errors.ts";

/** The built-in roles. An owner may do everything, so only an owner makes or unmakes owners. */
const BUILT_IN: ReadonlyMap<string, readonly string[]> = new Map([
  ["owner", ["*"]],
  [
    "admin",
    [
      ...["data:*:*", "storage:*:*", "functions:*:*", "jobs:*:*", "realtime:*:*"],
      ...["auth:members:*", "auth:roles:*", "auth:teams:*", "auth:keys:*"],
    ],
  ],
  ["member", ["data:*:read", "storage:*:read", "realtime:*:read", "functions:*:invoke"]],
]);

export const OWNER = "owner";
export const BUILT_IN_ROLES = [...BUILT_IN].map(([name, permissions]) => ({ name, permissions }));

const ROLE_NAME = /^[a-z][a-z0-9_-]{0,47}$/;
const PERMISSIONS_MAX = 50;
/** JSON bytes: a role's permissions travel in the token of everybody who holds it. */
const PERMISSIONS_BYTES_MAX = 512;

/** The permissions of a role: of a built-in one, else those that its organisation gave it. */
export function permissionsOf(
  role: string,
  own: readonly string[] | null | undefined,
): readonly string[] {
  return BUILT_IN.get(role) ?? own ?? [];
}

export const isBuiltIn = (role: string) => BUILT_IN.has(role);

/** @throws validation_failed, org_role_built_in */
export function requireRoleName(name: string): string {
  if (isBuiltIn(name)) throw orgErrors.org_role_built_in(name);
  if (!ROLE_NAME.test(name)) {
    throw authErrors.validation_failed("A role's name is 1 to 48 of a-z, 0-9, _ and -, a-z first");
  }
  return name;
}

/** @throws validation_failed */
export function requirePermissions(value: unknown, name = "permissions"): string[] {
  if (!Array.isArray(value) || value.length > PERMISSIONS_MAX || !value.every(isPermission)) {
    throw authErrors.validation_failed(
      `${name} must be a list of at most ${PERMISSIONS_MAX} permissions`,
      "A permission is area:resource:action, where * stands for any, or * alone",
    );
  }
  const unique = [...new Set(value)];
  if (Buffer.byteLength(JSON.stringify(unique)) > PERMISSIONS_BYTES_MAX) {
    throw authErrors.validation_failed(
      `${name} are limited to ${PERMISSIONS_BYTES_MAX} bytes of JSON`,
    );
  }
  return unique;
}
