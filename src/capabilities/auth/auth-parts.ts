/** The AuthClient of a server that has identity itself, and what it asks besides tokens and keys. */
import type { Deps } from "../../core/capability.ts";
import type { AuthClient } from "../../core/ports/auth.ts";
import type { Service } from "../../core/service.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { createLocalAuth } from "../../shared/auth/create-local-auth.ts";
import { createKeyMeter } from "./api-keys/key-meter.ts";
import { createKeyUsage, keyUsageService } from "./api-keys/key-usage.ts";
import { createKeyVerifier } from "./api-keys/verify-api-key.ts";
import type { AuthConfig } from "./config.ts";
import { createOrgDirectory, type OrgDirectory } from "./orgs/org-directory.ts";

export interface AuthParts {
  readonly client: AuthClient;
  readonly orgs: OrgDirectory;
  readonly services: readonly Service[];
  close(): Promise<void>;
}

export function createAuthParts(config: AuthConfig, deps: Deps): AuthParts {
  const { bus, clock, databases, events, ids, log, project, projects, rateLimiter } = deps;
  const sql = (tenant: TenantCtx) => databases.for(tenant).system;
  const tokenTtlMs = config.access_token_ttl_s * 1000;
  const orgs = createOrgDirectory({ bus, clock, sql, tokenTtlMs });
  const meter = createKeyMeter({ clock, rateLimiter, sql, rateLimit: config.rate_limit_api_key });
  const usage = createKeyUsage(clock, sql);
  const lookAgain = (tenant: TenantCtx) => projects.lookAgain(tenant);
  const keys = config.api_keys
    ? { apiKeys: createKeyVerifier({ clock, sql, meter, usage, approvals: { ids, events } }) }
    : undefined;
  return {
    client: createLocalAuth({ project, lookAgain, clock, orgs, ...keys }),
    orgs,
    services: keys ? [keyUsageService(usage, clock, log)] : [],
    async close() {
      await orgs.close();
      await meter.close();
    },
  };
}
