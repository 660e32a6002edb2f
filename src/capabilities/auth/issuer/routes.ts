/** What anybody may learn of the issuer: keys, settings, whose a credential is. */
import { Elysia } from "elysia";
import { contextOf } from "../../../core/context.ts";
import type { AuthState } from "../auth-state.ts";
import { respond } from "../http/respond.ts";
import { docs } from "../http/route-docs.ts";
import { verifyCaller } from "../http/verify-caller.ts";
import { describeKeys, describeSettings } from "./describe-issuer.ts";
import { describeResource, describeServer } from "./describe-server.ts";
import { requireOAuthServer } from "./oauth-caller.ts";
import { oauthDocs } from "./route-docs.ts";

const raw = { parse: "none" } as const;

const RESOURCE = "/auth/v1/.well-known/oauth-protected-resource";

const PUBLIC = { "Cache-Control": "public, max-age=300" } as const;

const tenantOf = (request: Request) => contextOf(request).tenant;

export function issuerRoutes(state: AuthState) {
  const { config, deps } = state;
  const metadata = async (request: Request) => {
    const { tenant, origin } = contextOf(request);
    return { body: describeServer(config, await deps.project(tenant), origin), headers: PUBLIC };
  };
  const resource = async (request: Request) => {
    requireOAuthServer(state);
    const { tenant, origin, path } = contextOf(request);
    const project = await deps.project(tenant);
    const body = describeResource(config, project, origin, path.slice(RESOURCE.length));
    return { body, headers: PUBLIC };
  };
  return new Elysia({ name: "auth.issuer" })
    .get(
      "/auth/v1/.well-known/jwks.json",
      ({ request }) =>
        respond(request, async () => ({
          body: describeKeys(await deps.project(tenantOf(request)), deps.clock.now()),
          headers: PUBLIC,
        })),
      docs.keys,
    )
    .get(
      "/auth/v1/.well-known/openid-configuration",
      ({ request }) => respond(request, () => metadata(request)),
      docs.issuer,
    )
    .get(
      "/auth/v1/.well-known/oauth-authorization-server",
      ({ request }) => respond(request, () => metadata(request)),
      oauthDocs.serverMetadata,
    )
    .get(
      RESOURCE,
      ({ request }) => respond(request, () => resource(request)),
      oauthDocs.resourceMetadata,
    )
    .get(
      `${RESOURCE}/*`,
      ({ request }) => respond(request, () => resource(request)),
      oauthDocs.resourceMetadata,
    )
    .get(
      "/auth/v1/settings",
      ({ request }) => respond(request, () => ({ body: describeSettings(state) })),
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
      ({ request }) => respond(request, async () => ({ body: await verifyCaller(state, request) })),
      { ...raw, ...docs.verify },
    );
}
