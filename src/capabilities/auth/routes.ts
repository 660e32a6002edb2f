/** The routes of `/auth/v1`, area by area: path, document and one call each. Bodies are read by the operations. */
import { Elysia } from "elysia";
import { base } from "../../core/http.ts";
import { accountRoutes } from "./accounts/routes.ts";
import { adminRoutes } from "./admin/routes.ts";
import type { AuthState } from "./auth-state.ts";
import { issuerRoutes } from "./issuer/routes.ts";
import { uiRoutes } from "./ui/routes.ts";

export function authRoutes(state: AuthState) {
  return new Elysia({ name: "auth" })
    .use(base())
    .use(accountRoutes(state))
    .use(issuerRoutes(state))
    .use(adminRoutes(state))
    .use(uiRoutes(state));
}
