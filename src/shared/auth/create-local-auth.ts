/** AuthClient of a server that holds the project itself: what the auth capability provides. */
import type { AuthClient, Credentials, Principal } from "../../core/ports/auth.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Project } from "../../core/project.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { PerTenant } from "../per-tenant.ts";
import { actInClaimedOrg } from "./act-in-org.ts";
import { createAuthenticator, type Proven } from "./create-authenticator.ts";
import { verificationJwk } from "./signing-key.ts";
import { verifyKey } from "./verify-key.ts";
import { createTokenVerifier, type TokenVerifier } from "./verify-token.ts";

export interface LocalAuthOptions {
  /** Cached by the server; a promise only until first loaded, and whenever keys change. */
  project(tenant: TenantCtx): Promise<Project> | Project;
  /**
   * The project as it stands in the vault, for a token whose key is not known here: another server
   * may have begun to sign with it a moment ago. Bounds by itself how often it looks. Default: never.
   */
  lookAgain?(tenant: TenantCtx): Promise<Project>;
  readonly clock: Clock;
  /** API keys of people, organisations, services and agents. Absent: there are none. */
  readonly apiKeys?: ApiKeys;
  /** Who belongs to which organisation. Absent: only claims say so. */
  readonly orgs?: Orgs;
}

export interface ApiKeys {
  /** What such keys begin with. */
  readonly prefix: string;
  /**
   * @throws bad_credential, over_request_rate_limit, api_key_budget_spent, approval_required and its
   *   like
   */
  verify(tenant: TenantCtx, key: string, asked?: Pick<Credentials, "rechecks" | "action">): Proven;
}

export interface Orgs {
  /** See `AuthenticatorOptions.actIn`. @throws org_forbidden */
  actIn(tenant: TenantCtx, principal: Principal, org: string | null): Proven;
}

interface Loaded {
  readonly project: Project;
  readonly tokens: TokenVerifier;
}

/** Each call asks for the project, so that a rotation counts at once; tokens of a project that stays stay cached. */
export function createLocalAuth(options: LocalAuthOptions): AuthClient {
  const { project, lookAgain, clock, apiKeys } = options;
  const states = new PerTenant<{ loaded: Loaded | null }>(() => ({ loaded: null }));
  const load = (tenant: TenantCtx, current: Project): Loaded => {
    const state = states.of(tenant);
    if (state.loaded?.project === current) return state.loaded;
    const key = (kid: string) => {
      const found = keyOf(current, kid, clock.now());
      if (found || !lookAgain || kid === "") return found;
      return lookAgain(tenant).then((fresh) => keyOf(fresh, kid, clock.now()));
    };
    const tokens = createTokenVerifier({ key, issuer: () => current.issuer, clock });
    state.loaded = { project: current, tokens };
    return state.loaded;
  };
  const withLoaded = <T>(tenant: TenantCtx, use: (loaded: Loaded) => T | Promise<T>) => {
    const current = project(tenant);
    return current instanceof Promise
      ? current.then((value) => use(load(tenant, value)))
      : use(load(tenant, current));
  };
  return createAuthenticator({
    verifyToken: (tenant, token) => withLoaded(tenant, ({ tokens }) => tokens.verify(token)),
    verifyKey: (tenant, key, _header, asked) =>
      apiKeys && key.startsWith(apiKeys.prefix)
        ? apiKeys.verify(tenant, key, asked)
        : withLoaded(tenant, (loaded) => verifyKey(loaded.project, key)),
    actIn: (tenant, principal, credentials) => actIn(options.orgs, tenant, principal, credentials),
  });
}

function actIn(
  orgs: Orgs | undefined,
  tenant: TenantCtx,
  principal: Principal,
  { org = null }: Credentials,
): Proven {
  if (orgs) return orgs.actIn(tenant, principal, org);
  return org === null ? principal : actInClaimedOrg(principal, org);
}

/** The key of this id, while its tokens are honoured; without an id the shared secret, if there is one. */
function keyOf({ signingKeys }: Project, kid: string, now: number) {
  const found = signingKeys.find((one) => (kid === "" ? one.alg === "HS256" : one.kid === kid));
  return found && now < (found.endsAt ?? Infinity) ? verificationJwk(found) : null;
}
