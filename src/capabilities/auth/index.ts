/** Identity: accounts, sessions and tokens under `/auth/v1`, and the AuthClient of this server. */
import m0001 from "../../../migrations/auth/0001_identity.sql" with { type: "text" };
import m0002 from "../../../migrations/auth/0002_one_time_tokens.sql" with { type: "text" };
import m0004 from "../../../migrations/auth/0004_flow_state.sql" with { type: "text" };
import m0005 from "../../../migrations/auth/0005_factors.sql" with { type: "text" };
import m0007 from "../../../migrations/auth/0007_orgs.sql" with { type: "text" };
import m0008 from "../../../migrations/auth/0008_api_keys.sql" with { type: "text" };
import m0009 from "../../../migrations/auth/0009_oauth_server.sql" with { type: "text" };
import m0010 from "../../../migrations/auth/0010_browser_sessions.sql" with { type: "text" };
import m0011 from "../../../migrations/auth/0011_admin.sql" with { type: "text" };
import m0021 from "../../../migrations/auth/0021_oauth_states.sql" with { type: "text" };
import m0022 from "../../../migrations/auth/0022_saml.sql" with { type: "text" };
import m0023 from "../../../migrations/auth/0023_custom_providers.sql" with { type: "text" };
import m0024 from "../../../migrations/auth/0024_oauth_clients.sql" with { type: "text" };
import m0025 from "../../../migrations/auth/0025_api_key_actions.sql" with { type: "text" };
import m0026 from "../../../migrations/auth/0026_outgoing_messages.sql" with { type: "text" };
import m0027 from "../../../migrations/auth/0027_cli_client.sql" with { type: "text" };
import { defineCapability } from "../../core/capability.ts";
import { StartupError } from "../../core/startup-error.ts";
import { AUDIT_KEEP_DAYS_MIN } from "./admin/trim-audit.ts";
import { createAuthParts } from "./auth-parts.ts";
import { createAuthState } from "./auth-state.ts";
import { type AuthConfig, authConfig } from "./config.ts";
import { keyRotator } from "./keys/key-rotator.ts";
import { authRoutes } from "./routes.ts";
import { pingStore } from "./store.ts";
import { sessionJanitor } from "./tasks.ts";

/** @throws StartupError config_invalid */
function checkSigning(config: AuthConfig): void {
  if (config.signing_algorithm !== "HS256" || config.jwt_secret !== "") return;
  throw new StartupError({
    code: "config_invalid",
    message: "auth.signing_algorithm = HS256 needs auth.jwt_secret",
    hint: "Set REACTOR_AUTH__JWT_SECRET to 32 characters or more, or choose ES256",
  });
}

/** @throws StartupError config_invalid */
function checkAudit({ audit_keep_days: days }: AuthConfig): void {
  if (days === 0 || days >= AUDIT_KEEP_DAYS_MIN) return;
  throw new StartupError({
    code: "config_invalid",
    message: `auth.audit_keep_days = ${days} would lose what was done lately`,
    hint: `Set it to ${AUDIT_KEEP_DAYS_MIN} or more, or to 0 to keep all entries`,
  });
}

/** Of the shutdown: for messages that are on their way. */
const OUTBOX_BUDGET_MS = 5_000;

export const auth = defineCapability({
  name: "auth",
  section: "auth",
  mounts: [{ path: "/auth/v1" }, { path: "/auth/ui" }],
  config: authConfig,
  migrations: [
    { name: "0001_identity", sql: m0001 },
    { name: "0002_one_time_tokens", sql: m0002 },
    { name: "0004_flow_state", sql: m0004 },
    { name: "0005_factors", sql: m0005 },
    { name: "0007_orgs", sql: m0007 },
    { name: "0008_api_keys", sql: m0008 },
    { name: "0009_oauth_server", sql: m0009 },
    { name: "0010_browser_sessions", sql: m0010 },
    { name: "0011_admin", sql: m0011 },
    { name: "0021_oauth_states", sql: m0021 },
    { name: "0022_saml", sql: m0022 },
    { name: "0023_custom_providers", sql: m0023 },
    { name: "0024_oauth_clients", sql: m0024 },
    { name: "0025_api_key_actions", sql: m0025 },
    { name: "0026_outgoing_messages", sql: m0026 },
    { name: "0027_cli_client", sql: m0027 },
  ],
  needs: [],
  provides: ["auth"],
  async mount(config, deps) {
    checkSigning(config);
    checkAudit(config);
    const parts = createAuthParts(config, deps);
    const { client } = parts;
    const state = createAuthState(config, deps, client, parts.orgs);
    return {
      plugin: authRoutes(state),
      ports: { auth: client },
      services: [
        ...deps
          .tenants()
          .flatMap((tenant) => [sessionJanitor(state, tenant), keyRotator(state, tenant)]),
        ...parts.services,
        state.outbox.service,
      ],
      async health() {
        for (const tenant of deps.tenants()) await pingStore(state.sql(tenant));
        return { status: "ok", details: { hashes_waiting: state.hasher.waiting() } };
      },
      async close() {
        await state.outbox.close(OUTBOX_BUDGET_MS);
        state.hashThreads.close();
        await parts.close();
      },
    };
  },
});
