/** AuthClient of a server that holds the project itself: what the auth capability provides. */
import type { AuthClient, Credentials, Principal } from "../../core/ports/auth.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Project } from "../../core/project.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { PerTenant } from "../per-tenant.ts";
import { actInClaimedOrg } from "./act-in-org.ts";
import { createAuthenticator, type Proven } from "./create-authenticator.ts";
import { verifyKey } from "./verify-key.ts";
import { createTokenVerifier, type TokenVerifier } from "./verify-token.ts";

export interface LocalAuthOptions {
  /** Cached by the server; a promise only until first loaded, and whenever keys change. */
  project(tenant: TenantCtx): Promise<Project> | Project;
  readonly clock: Clock;
  /** API keys of people, organisations, services and agents. Absent: there are none. */
  readonly apiKeys?: ApiKeys;
  /** Who belongs to which organisation. Absent: only claims say so. */
  readonly orgs?: Orgs;
}

export interface ApiKeys {
  /** What such keys begin with. */
  readonly prefix: string;
  /** @throws bad_credential, too_many_requests */
  verify(tenant: TenantCtx, key: string): Proven;
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
  const { project, clock, apiKeys } = options;
  const states = new PerTenant<{ loaded: Loaded | null }>(() => ({ loaded: null }));
  const load = (tenant: TenantCtx, current: Project): Loaded => {
    const state = states.of(tenant);
    if (state.loaded?.project === current) return state.loaded;
    const key = (kid: string) => current.signingKeys.find((k) => k.kid === kid)?.publicJwk ?? null;
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
    verifyKey: (tenant, key) =>
      apiKeys && key.startsWith(apiKeys.prefix)
        ? apiKeys.verify(tenant, key)
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
