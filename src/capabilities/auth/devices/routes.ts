/**
 * Device codes (RFC 8628): where a device asks for one, and where a person answers. A code travels in
 * the query or the body, never in the path, which the access log keeps.
 */
import { Elysia } from "elysia";
import { contextOf } from "../../../core/context.ts";
import type { AuthState } from "../auth-state.ts";
import { userCaller } from "../http/caller.ts";
import { readJson, textOf } from "../http/read-json.ts";
import { respond } from "../http/respond.ts";
import { readDecision } from "../issuer/authorize/read-decision.ts";
import { oauthCaller, requireOAuthServer } from "../issuer/oauth-caller.ts";
import { formParams } from "../issuer/read-form.ts";
import { respondOAuth } from "../issuer/respond-oauth.ts";
import { oauthDocs } from "../issuer/route-docs.ts";
import { approveDevice, denyDevice, describeDeviceCode } from "./device-codes.ts";
import { requestDeviceCode } from "./request-device-code.ts";

const raw = { parse: "none" } as const;

export function deviceRoutes(state: AuthState) {
  return new Elysia({ name: "auth.devices" })
    .post(
      "/auth/v1/oauth/device_authorization",
      ({ request }) =>
        respondOAuth(request, async () => {
          const caller = oauthCaller(state, request);
          const { origin } = contextOf(request);
          const params = await formParams(request);
          return { body: await requestDeviceCode(state, caller, request, params, origin) };
        }),
      { ...raw, ...oauthDocs.deviceAuthorization },
    )
    .get(
      "/auth/v1/oauth/device",
      ({ request }) =>
        respond(request, async () => {
          requireOAuthServer(state);
          const who = await userCaller(state, request);
          const code = new URL(request.url).searchParams.get("user_code") ?? "";
          return { body: await describeDeviceCode(state, ...who, code) };
        }),
      oauthDocs.describeDevice,
    )
    .post(
      "/auth/v1/oauth/device",
      ({ request }) =>
        respond(request, async () => {
          requireOAuthServer(state);
          const who = await userCaller(state, request);
          const body = await readJson(request);
          const decide = readDecision(body) === "approve" ? approveDevice : denyDevice;
          await decide(state, ...who, textOf(body, "user_code"));
          return { body: {} };
        }),
      { ...raw, ...oauthDocs.decideDevice },
    );
}
