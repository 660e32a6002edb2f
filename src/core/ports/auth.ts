import type { TenantCtx } from "../tenant.ts";

/** Who is asking, as proven by a credential. */
export interface Principal {
  /** The Postgres role the request runs as: `anon`, `authenticated`, `service_role`, or a role named in the token. */
  readonly role: string;
  /** The user's id (UUID) or null for keys and anonymous callers. */
  readonly userId: string | null;
  /**
   * The claims as JSON text: goes into `request.jwt.claims` as it is. `{"role":"anon"}` for nobody.
   * `org_id`, `org_role` and `permissions` are those of the organisation that this request acts in.
   */
  readonly claims: string;
  /** Milliseconds since the epoch after which this must not be honoured; Infinity for keys. */
  readonly expiresAt: number;
  /**
   * What an API key, or the token of an OAuth client that is so limited, may do at most, as
   * permissions (`core/permissions.ts`). Absent for everybody else, whom no scope limits. Ask
   * `permits`, never this list.
   */
  readonly scopes?: readonly string[];
  /** The API key (UUID) behind this request. */
  readonly keyId?: string;
  /**
   * How long a server that asked another for this may keep it, milliseconds; 0 = for one request.
   * Absent = as long as it likes.
   */
  readonly keepMs?: number;
  /**
   * Of a request that names an approval: `scopes` are empty, and the caller is let in here, once `check`
   * has not thrown. Only then is the approval used up, and the key's limits are drawn from. Ask
   * `admitted`, never this.
   */
  readonly admit?: (check: (principal: Principal) => void) => Promise<Principal>;
}

/** Credentials of one request, as sent. */
export interface Credentials {
  /** Token of `Authorization: Bearer …`, or null. */
  readonly bearer: string | null;
  /** Value of the `apikey` header, or null. */
  readonly apikey: string | null;
  /** `X-Reactor-Org`: the organisation to act in, an id or a slug; null or absent = the default one. */
  readonly org?: string | null;
  /**
   * The caller asks `permits` before everything it does, so API keys with scopes may come in. Without
   * it they are refused: a route that has not thought of scopes must not be one without limits.
   */
  readonly checksScopes?: boolean;
  /**
   * Only whether what was proven before still stands, for connections that stay open: no request that
   * an API key's limits would count.
   */
  readonly rechecks?: boolean;
  /** What the request does, where it names an approval. Null or absent: it names none. */
  readonly action?: AskedAction | null;
}

/** One request, for which a key that waits for approval asks, or has, an approval. */
export interface AskedAction {
  /** The approval that was given (UUID); null asks for one. */
  readonly approvalId: string | null;
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Hex SHA-256 of all that says what is done. */
  readonly digest: string;
  /** `name: value` lines; for whoever decides. */
  readonly headers: string;
  /** As text. */
  readonly body: string;
  readonly bodyBytes: number;
}

/**
 * Turns credentials into a principal. The in-process adapter is provided by `auth`; the remote one
 * (`shared/auth-remote`) serves capabilities whose auth lives elsewhere. One conformance suite.
 */
export interface AuthClient {
  /**
   * No credential at all is `anon`. A Bearer JWT outranks `apikey`. Never falls back to `anon` for a
   * credential that was sent and is bad: throws `bad_credential` (401). An `org` that the caller is
   * not in is `org_forbidden` (403), never another one.
   */
  authenticate(tenant: TenantCtx, credentials: Credentials): Promise<Principal> | Principal;
}
