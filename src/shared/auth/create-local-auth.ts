/** AuthClient of a server that holds the project itself: what the auth capability provides. */
import type { AuthClient } from "../../core/ports/auth.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Project } from "../../core/project.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { PerTenant } from "../per-tenant.ts";
import { createAuthenticator } from "./create-authenticator.ts";
import { verifyKey } from "./verify-key.ts";
import { createTokenVerifier, type TokenVerifier } from "./verify-token.ts";

export interface LocalAuthOptions {
  /** Cached by the server; a promise only until first loaded, and whenever keys change. */
  project(tenant: TenantCtx): Promise<Project> | Project;
  readonly clock: Clock;
}

interface Loaded {
  readonly project: Project;
  readonly tokens: TokenVerifier;
}

/** Each call asks for the project, so that a rotation counts at once; tokens of a project that stays stay cached. */
export function createLocalAuth({ project, clock }: LocalAuthOptions): AuthClient {
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
    verifyKey: (tenant, key) => withLoaded(tenant, (loaded) => verifyKey(loaded.project, key)),
  });
}
