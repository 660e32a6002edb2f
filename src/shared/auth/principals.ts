/** The callers that no token describes: nobody, and the holders of the two project keys. */
import type { Principal } from "../../core/ports/auth.ts";

function ofRole(role: string): Principal {
  const claims = JSON.stringify({ role });
  return Object.freeze({ role, userId: null, claims, expiresAt: Number.POSITIVE_INFINITY });
}

export const ANONYMOUS: Principal = ofRole("anon");
export const SERVICE: Principal = ofRole("service_role");
