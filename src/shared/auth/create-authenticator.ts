/**
 * Which of the credentials counts, and how it is checked: the same for auth in this process and
 * elsewhere. A bearer outranks `apikey`; with dots it is a token, without it is a key.
 */
import type { AuthClient, Credentials, Principal } from "../../core/ports/auth.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { ANONYMOUS } from "./principals.ts";
import { requireUnscoped } from "./require-unscoped.ts";

export type Proven = Promise<Principal> | Principal;

export interface AuthenticatorOptions {
  /** A JWT. @throws bad_credential */
  verifyToken(tenant: TenantCtx, token: string): Proven;
  /** An opaque key, as sent in this header. @throws bad_credential */
  verifyKey(
    tenant: TenantCtx,
    key: string,
    header: "authorization" | "apikey",
    asked: Pick<Credentials, "rechecks" | "action" | "org">,
  ): Proven;
  /**
   * The same caller, acting in the organisation that was asked for, or for null in the one that the
   * credential stands for as things are now. @throws org_forbidden
   */
  actIn(tenant: TenantCtx, principal: Principal, credentials: Credentials): Proven;
}

export function createAuthenticator(options: AuthenticatorOptions): AuthClient {
  const prove = (tenant: TenantCtx, credentials: Credentials): Proven => {
    const { bearer, apikey } = credentials;
    if (bearer !== null) {
      return bearer.includes(".")
        ? options.verifyToken(tenant, bearer)
        : options.verifyKey(tenant, bearer, "authorization", credentials);
    }
    return apikey === null ? ANONYMOUS : options.verifyKey(tenant, apikey, "apikey", credentials);
  };
  return {
    authenticate(tenant, credentials) {
      const admit = credentials.checksScopes
        ? (principal: Principal) => principal
        : requireUnscoped;
      const actIn = (principal: Principal) => options.actIn(tenant, admit(principal), credentials);
      const proven = prove(tenant, credentials);
      return proven instanceof Promise ? proven.then(actIn) : actIn(proven);
    },
  };
}
