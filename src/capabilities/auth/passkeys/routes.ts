/** The routes of passkeys. */
import { Elysia } from "elysia";
import type { AuthState } from "../auth-state.ts";
import { openCaller, serviceCaller, userCaller } from "../http/caller.ts";
import { readJson, readOptionalJson } from "../http/read-json.ts";
import { respond } from "../http/respond.ts";
import {
  adminDeletePasskey,
  adminListPasskeys,
  deletePasskey,
  listPasskeys,
  renamePasskey,
} from "./manage-passkeys.ts";
import { passkeyRegistrationOptions, registerPasskey } from "./register-passkey.ts";
import { passkeyDocs as docs } from "./route-docs.ts";
import { passkeyAuthenticationOptions, signInWithPasskey } from "./sign-in-passkey.ts";

const raw = { parse: "none" } as const;

export function passkeyRoutes(state: AuthState) {
  return new Elysia({ name: "auth.passkeys" })
    .use(ceremonies(state))
    .use(ownPasskeys(state))
    .use(adminPasskeys(state));
}

function ceremonies(state: AuthState) {
  return new Elysia({ name: "auth.passkeys.ceremonies" })
    .post(
      "/auth/v1/passkeys/registration/options",
      ({ request }) =>
        respond(request, async () => {
          const [caller, current] = await userCaller(state, request);
          await readOptionalJson(request);
          return { body: await passkeyRegistrationOptions(state, caller, current) };
        }),
      { ...raw, ...docs.registrationOptions },
    )
    .post(
      "/auth/v1/passkeys/registration/verify",
      ({ request }) =>
        respond(request, async () => ({
          body: await registerPasskey(
            state,
            ...(await userCaller(state, request)),
            await readJson(request),
          ),
        })),
      { ...raw, ...docs.registrationVerify },
    )
    .post(
      "/auth/v1/passkeys/authentication/options",
      ({ request }) =>
        respond(request, async () => {
          const caller = await openCaller(state, request);
          const body = await readOptionalJson(request);
          return { body: await passkeyAuthenticationOptions(state, caller, body) };
        }),
      { ...raw, ...docs.authenticationOptions },
    )
    .post(
      "/auth/v1/passkeys/authentication/verify",
      ({ request }) =>
        respond(request, async () => ({
          body: await signInWithPasskey(
            state,
            await openCaller(state, request),
            await readJson(request),
          ),
        })),
      { ...raw, ...docs.authenticationVerify },
    );
}

function ownPasskeys(state: AuthState) {
  return new Elysia({ name: "auth.passkeys.own" })
    .get(
      "/auth/v1/passkeys",
      ({ request }) =>
        respond(request, async () => ({
          body: await listPasskeys(state, ...(await userCaller(state, request))),
        })),
      docs.list,
    )
    .patch(
      "/auth/v1/passkeys/:id",
      ({ request, params }) =>
        respond(request, async () => {
          const [caller, current] = await userCaller(state, request);
          const body = await readJson(request);
          return { body: await renamePasskey(state, caller, current, params.id, body) };
        }),
      { ...raw, ...docs.rename },
    )
    .delete(
      "/auth/v1/passkeys/:id",
      ({ request, params }) =>
        respond(request, async () => {
          const [caller, current] = await userCaller(state, request);
          await deletePasskey(state, caller, current, params.id);
          return {};
        }),
      { ...raw, ...docs.remove },
    );
}

function adminPasskeys(state: AuthState) {
  return new Elysia({ name: "auth.passkeys.admin" })
    .get(
      "/auth/v1/admin/users/:id/passkeys",
      ({ request, params }) =>
        respond(request, async () => ({
          body: await adminListPasskeys(state, await serviceCaller(request), params.id),
        })),
      docs.adminList,
    )
    .delete(
      "/auth/v1/admin/users/:id/passkeys/:passkeyId",
      ({ request, params: { id, passkeyId } }) =>
        respond(request, async () => {
          await adminDeletePasskey(state, await serviceCaller(request), id, passkeyId);
          return {};
        }),
      { ...raw, ...docs.adminRemove },
    );
}
