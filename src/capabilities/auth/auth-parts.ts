/** The AuthClient of a server that has identity itself, and what it asks besides tokens and keys. */
import type { Deps } from "../../core/capability.ts";
import type { AuthClient } from "../../core/ports/auth.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { createLocalAuth } from "../../shared/auth/create-local-auth.ts";
import type { AuthConfig } from "./config.ts";
import { createOrgDirectory, type OrgDirectory } from "./orgs/org-directory.ts";

export interface AuthParts {
  readonly client: AuthClient;
  readonly orgs: OrgDirectory;
}

export function createAuthParts(config: AuthConfig, deps: Deps): AuthParts {
  const { bus, clock, databases, project, projects } = deps;
  const orgs = createOrgDirectory({
    ...{ bus, clock, tokenTtlMs: config.access_token_ttl_s * 1000 },
    sql: (tenant) => databases.for(tenant).system,
  });
  const lookAgain = (tenant: TenantCtx) => projects.lookAgain(tenant);
  return { client: createLocalAuth({ project, lookAgain, clock, orgs }), orgs };
}
