/**
 * `POST /auth/v1/_verify`: who the credentials of this very request belong to. Servers whose auth
 * runs here ask it through `src/shared/auth-remote.ts`; a bad credential answers 401
 * `bad_credential`, as the port throws it.
 */
import { contextOf } from "../../../core/context.ts";
import { readCredentials } from "../../../shared/auth/credentials.ts";
import type { AuthState } from "../auth-state.ts";

/** `claims` is JSON text; `expires_at` milliseconds since the epoch, null = never. */
export interface VerifiedCaller {
  readonly role: string;
  readonly user_id: string | null;
  readonly claims: string;
  readonly expires_at: number | null;
  /** Of an API key; absent = limited by none. */
  readonly scopes?: readonly string[];
  readonly key_id?: string;
  /** Milliseconds for which the answer may be kept; absent = as long as the asker likes. */
  readonly keep_ms?: number;
}

/** With `X-Reactor-Recheck: true` a key's limits are not drawn from. @throws bad_credential */
export async function verifyCaller(state: AuthState, request: Request): Promise<VerifiedCaller> {
  const rechecks = request.headers.get("x-reactor-recheck") === "true";
  const credentials = { ...readCredentials(request.headers), checksScopes: true, rechecks };
  const principal = await state.client.authenticate(contextOf(request).tenant, credentials);
  const { scopes, keyId, keepMs } = principal;
  return {
    role: principal.role,
    user_id: principal.userId,
    claims: principal.claims,
    expires_at: Number.isFinite(principal.expiresAt) ? principal.expiresAt : null,
    ...(scopes === undefined ? {} : { scopes }),
    ...(keyId === undefined ? {} : { key_id: keyId }),
    ...(keepMs === undefined ? {} : { keep_ms: keepMs }),
  };
}
