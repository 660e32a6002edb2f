/** What anybody may learn of the issuer: keys, settings, whose a credential is. */
import { Elysia } from "elysia";
import { contextOf } from "../../../core/context.ts";
import type { AuthState } from "../auth-state.ts";
import { respond } from "../http/respond.ts";
import { docs } from "../http/route-docs.ts";
import { verifyCaller } from "../http/verify-caller.ts";
import { describeIssuer, describeKeys, describeSettings } from "./describe-issuer.ts";

const raw = { parse: "none" } as const;

const PUBLIC = { "Cache-Control": "public, max-age=300" } as const;

const tenantOf = (request: Request) => contextOf(request).tenant;

export function issuerRoutes(state: AuthState) {
  const { config, deps } = state;
  return new Elysia({ name: "auth.issuer" })
    .get(
      "/auth/v1/.well-known/jwks.json",
      ({ request }) =>
        respond(request, async () => ({
          body: describeKeys(await deps.project(tenantOf(request))),
          headers: PUBLIC,
        })),
      docs.keys,
    )
    .get(
      "/auth/v1/.well-known/openid-configuration",
      ({ request }) =>
        respond(request, async () => ({
          body: describeIssuer(await deps.project(tenantOf(request)), contextOf(request).origin),
          headers: PUBLIC,
        })),
      docs.issuer,
    )
    .get(
      "/auth/v1/settings",
      ({ request }) => respond(request, () => ({ body: describeSettings(config) })),
      docs.settings,
    )
    .get(
      "/auth/v1/health",
      ({ request }) =>
        respond(request, () => ({
          body: { name: "Reactor", description: "Identity" },
        })),
      docs.health,
    )
    .post(
      "/auth/v1/_verify",
      ({ request }) => respond(request, async () => ({ body: await verifyCaller(request) })),
      { ...raw, ...docs.verify },
    );
}
