/** The routes of `/auth/v1`, area by area: path, document and one call each. Bodies are read by the operations. */
import { Elysia } from "elysia";
import { base } from "../../core/http.ts";
import { accountRoutes } from "./accounts/routes.ts";
import { adminRoutes } from "./admin/routes.ts";
import { apiKeyRoutes } from "./api-keys/routes.ts";
import type { AuthState } from "./auth-state.ts";
import { deviceRoutes } from "./devices/routes.ts";
import { factorRoutes } from "./factors/routes.ts";
import { identityRoutes } from "./identities/routes.ts";
import { authorizeRoutes } from "./issuer/authorize/routes.ts";
import { clientRoutes } from "./issuer/clients/routes.ts";
import { issuerRoutes } from "./issuer/routes.ts";
import { tokenRoutes } from "./issuer/token/routes.ts";
import { keyRoutes } from "./keys/routes.ts";
import { mailedRoutes } from "./mailed/routes.ts";
import { inboxRoutes } from "./messages/routes.ts";
import { orgRoutes } from "./orgs/routes.ts";
import { passkeyRoutes } from "./passkeys/routes.ts";
import { providerRoutes } from "./providers/routes.ts";
import { samlRoutes } from "./saml/routes.ts";
import { sessionRoutes } from "./sessions/routes.ts";
import { uiRoutes } from "./ui/routes.ts";

export function authRoutes(state: AuthState) {
  return new Elysia({ name: "auth" })
    .use(base())
    .use(accountRoutes(state))
    .use(issuerRoutes(state))
    .use(providerRoutes(state))
    .use(samlRoutes(state))
    .use(identityRoutes(state))
    .use(clientRoutes(state))
    .use(authorizeRoutes(state))
    .use(tokenRoutes(state))
    .use(deviceRoutes(state))
    .use(factorRoutes(state))
    .use(passkeyRoutes(state))
    .use(adminRoutes(state))
    .use(orgRoutes(state))
    .use(inboxRoutes(state))
    .use(apiKeyRoutes(state))
    .use(uiRoutes(state))
    .use(keyRoutes(state))
    .use(mailedRoutes(state))
    .use(sessionRoutes(state));
}
