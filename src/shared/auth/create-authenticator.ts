/**
 * Which of the credentials counts, and how it is checked: the same for auth in this process and
 * elsewhere. A bearer outranks `apikey`; with dots it is a token, without it is a key.
 */
import type { AuthClient, Principal } from "../../core/ports/auth.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { ANONYMOUS } from "./principals.ts";

type Proven = Promise<Principal> | Principal;

export interface AuthenticatorOptions {
  /** A JWT. @throws bad_credential */
  verifyToken(tenant: TenantCtx, token: string): Proven;
  /** An opaque key, as sent in this header. @throws bad_credential */
  verifyKey(tenant: TenantCtx, key: string, header: "authorization" | "apikey"): Proven;
}

export function createAuthenticator({ verifyToken, verifyKey }: AuthenticatorOptions): AuthClient {
  return {
    authenticate(tenant, { bearer, apikey }) {
      if (bearer !== null) {
        return bearer.includes(".")
          ? verifyToken(tenant, bearer)
          : verifyKey(tenant, bearer, "authorization");
      }
      return apikey === null ? ANONYMOUS : verifyKey(tenant, apikey, "apikey");
    },
  };
}
