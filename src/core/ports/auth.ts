import type { TenantCtx } from "../tenant.ts";

/** Who is asking, as proven by a credential. */
export interface Principal {
  /** The Postgres role the request runs as: `anon`, `authenticated`, `service_role`, or a role named in the token. */
  readonly role: string;
  /** The user's id (UUID) or null for keys and anonymous callers. */
  readonly userId: string | null;
  /** The claims as JSON text: goes into `request.jwt.claims` as it is. `{"role":"anon"}` for nobody. */
  readonly claims: string;
  /** Milliseconds since the epoch after which this must not be honoured; Infinity for keys. */
  readonly expiresAt: number;
}

/** Credentials of one request, as sent. */
export interface Credentials {
  /** Token of `Authorization: Bearer …`, or null. */
  readonly bearer: string | null;
  /** Value of the `apikey` header, or null. */
  readonly apikey: string | null;
}

/**
 * Turns credentials into a principal. The in-process adapter is provided by `auth`; the remote one
 * (`shared/auth-remote`) serves capabilities whose auth lives elsewhere. One conformance suite.
 */
export interface AuthClient {
  /**
   * No credential at all is `anon`. A Bearer JWT outranks `apikey`. Never falls back to `anon` for a
   * credential that was sent and is bad: throws `bad_credential` (401).
   */
  authenticate(tenant: TenantCtx, credentials: Credentials): Promise<Principal> | Principal;
}
