/** The routes of second factors. */
import { Elysia } from "elysia";
import type { AuthState } from "../auth-state.ts";
import { serviceCaller, userCaller } from "../http/caller.ts";
import { readJson, readOptionalJson } from "../http/read-json.ts";
import { respond } from "../http/respond.ts";
import { adminDeleteFactor, adminListFactors, adminUpdateFactor } from "./admin-factors.ts";
import { challengeFactor } from "./challenge-factor.ts";
import { enrollFactor } from "./enroll-factor.ts";
import {
  deleteRecoveryCodes,
  describeRecoveryCodes,
  generateRecoveryCodes,
  regenerateRecoveryCodes,
  verifyRecoveryCode,
} from "./recovery-codes.ts";
import { factorDocs as docs } from "./route-docs.ts";
import { unenrollFactor } from "./unenroll-factor.ts";
import { verifyFactor } from "./verify-factor.ts";

const raw = { parse: "none" } as const;

export function factorRoutes(state: AuthState) {
  return new Elysia({ name: "auth.factors" })
    .use(ownFactors(state))
    .use(recoveryCodes(state))
    .use(adminFactors(state));
}

function ownFactors(state: AuthState) {
  return new Elysia({ name: "auth.factors.own" })
    .post(
      "/auth/v1/factors",
      ({ request }) =>
        respond(request, async () => ({
          body: await enrollFactor(
            state,
            ...(await userCaller(state, request)),
            await readJson(request),
          ),
        })),
      { ...raw, ...docs.enroll },
    )
    .post(
      "/auth/v1/factors/:id/challenge",
      ({ request, params }) =>
        respond(request, async () => {
          const [caller, current] = await userCaller(state, request);
          await readOptionalJson(request);
          return { body: await challengeFactor(state, caller, current, params.id) };
        }),
      { ...raw, ...docs.challenge },
    )
    .post(
      "/auth/v1/factors/:id/verify",
      ({ request, params }) =>
        respond(request, async () => {
          const [caller, current] = await userCaller(state, request);
          const body = await readJson(request);
          return { body: await verifyFactor(state, caller, current, params.id, body) };
        }),
      { ...raw, ...docs.verify },
    )
    .delete(
      "/auth/v1/factors/:id",
      ({ request, params }) =>
        respond(request, async () => {
          const [caller, current] = await userCaller(state, request);
          return { body: await unenrollFactor(state, caller, current, params.id) };
        }),
      { ...raw, ...docs.unenroll },
    );
}

function recoveryCodes(state: AuthState) {
  return new Elysia({ name: "auth.factors.recovery" })
    .get(
      "/auth/v1/factors/recovery-codes",
      ({ request }) =>
        respond(request, async () => ({
          body: await describeRecoveryCodes(state, ...(await userCaller(state, request))),
        })),
      docs.codesStatus,
    )
    .post(
      "/auth/v1/factors/recovery-codes",
      ({ request }) =>
        respond(request, async () => ({
          body: await generateRecoveryCodes(
            state,
            ...(await userCaller(state, request)),
            await readOptionalJson(request),
          ),
        })),
      { ...raw, ...docs.codesGenerate },
    )
    .post(
      "/auth/v1/factors/recovery-codes/regenerate",
      ({ request }) =>
        respond(request, async () => ({
          body: await regenerateRecoveryCodes(state, ...(await userCaller(state, request))),
        })),
      { ...raw, ...docs.codesRegenerate },
    )
    .post(
      "/auth/v1/factors/recovery-codes/verify",
      ({ request }) =>
        respond(request, async () => ({
          body: await verifyRecoveryCode(
            state,
            ...(await userCaller(state, request)),
            await readJson(request),
          ),
        })),
      { ...raw, ...docs.codesVerify },
    )
    .delete(
      "/auth/v1/factors/recovery-codes",
      ({ request }) =>
        respond(request, async () => ({
          body: await deleteRecoveryCodes(state, ...(await userCaller(state, request))),
        })),
      { ...raw, ...docs.codesDelete },
    );
}

function adminFactors(state: AuthState) {
  return new Elysia({ name: "auth.factors.admin" })
    .get(
      "/auth/v1/admin/users/:id/factors",
      ({ request, params }) =>
        respond(request, async () => ({
          body: await adminListFactors(state, await serviceCaller(request), params.id),
        })),
      docs.adminList,
    )
    .put(
      "/auth/v1/admin/users/:id/factors/:factorId",
      ({ request, params: { id, factorId } }) =>
        respond(request, async () => {
          const caller = await serviceCaller(request);
          const body = await readJson(request);
          return { body: await adminUpdateFactor(state, caller, id, factorId, body) };
        }),
      { ...raw, ...docs.adminUpdate },
    )
    .delete(
      "/auth/v1/admin/users/:id/factors/:factorId",
      ({ request, params: { id, factorId } }) =>
        respond(request, async () => ({
          body: await adminDeleteFactor(state, await serviceCaller(request), id, factorId),
        })),
      { ...raw, ...docs.adminDelete },
    );
}
