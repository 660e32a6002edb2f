/** The routes of one-time codes and links. */
import { Elysia } from "elysia";
import { contextOf } from "../../../core/context.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { answerEvenly } from "../defence/answer-evenly.ts";
import { answerService } from "../http/answer-service.ts";
import { openCaller, userCaller } from "../http/caller.ts";
import { readJson, textOf } from "../http/read-json.ts";
import { allowedRedirect } from "../http/redirects.ts";
import { respond } from "../http/respond.ts";
import type { JsonObject } from "../schema.ts";
import { generateLink } from "./generate-link.ts";
import { invite } from "./invite.ts";
import { redirectOf } from "./read-request.ts";
import { reauthenticate } from "./reauthenticate.ts";
import { recover } from "./recover.ts";
import { requestOtp } from "./request-otp.ts";
import { resend } from "./resend.ts";
import { mailedDocs as docs } from "./route-docs.ts";
import { verify } from "./verify.ts";
import { verifyLink } from "./verify-link.ts";

const raw = { parse: "none" } as const;

/** Routes that send something to whoever asks, whatever bearer token they hold. */
const ASKED = { otp: requestOtp, magiclink: requestOtp, recover, resend } as const;

export function mailedRoutes(state: AuthState) {
  const ask = (name: keyof typeof ASKED) => ({
    path: `/auth/v1/${name}` as const,
    handle: ({ request }: { request: Request }) =>
      respond(request, async () => {
        const caller = await openCaller(state, request);
        const body = await readJson(request);
        const redirectTo = redirectOf(state, request);
        const send = () => ASKED[name](state, caller, body, redirectTo);
        return { body: await answerEvenly(state, send) };
      }),
    options: { ...raw, ...docs[name] },
  });
  const [otp, magiclink, recovery, again] = [
    ask("otp"),
    ask("magiclink"),
    ask("recover"),
    ask("resend"),
  ];
  return new Elysia({ name: "auth.mailed" })
    .post(otp.path, otp.handle, otp.options)
    .post(magiclink.path, magiclink.handle, magiclink.options)
    .post(recovery.path, recovery.handle, recovery.options)
    .post(again.path, again.handle, again.options)
    .post(
      "/auth/v1/verify",
      ({ request }) =>
        respond(request, async () => ({
          body: await verify(state, await openCaller(state, request), await readJson(request)),
        })),
      { ...raw, ...docs.verify },
    )
    .get(
      "/auth/v1/verify",
      ({ request }) =>
        respond(request, async () => {
          // A scanner of mail that looks at a link spends nothing.
          if (request.method === "HEAD") return {};
          return verifyLink(state, await openCaller(state, request), request);
        }),
      docs.verifyLink,
    )
    .get(
      "/auth/v1/reauthenticate",
      ({ request }) =>
        respond(request, async () => {
          await reauthenticate(state, ...(await userCaller(state, request)));
          return { body: {} };
        }),
      docs.reauthenticate,
    )
    .post(
      "/auth/v1/invite",
      ({ request }) =>
        answerService(state, request, async (caller, body) => ({
          body: await invite(state, caller, body, redirectOf(state, request)),
        })),
      { ...raw, ...docs.invite },
    )
    .post(
      "/auth/v1/admin/generate_link",
      ({ request }) =>
        answerService(state, request, async (caller, body) => ({
          body: await linkFor(state, caller, request, body),
        })),
      { ...raw, ...docs.generateLink },
    );
}

/** The secret key's holder may be told of any address of this server, also the request's own. */
function linkFor(state: AuthState, caller: Caller, request: Request, body: JsonObject) {
  const query = new URL(request.url).searchParams.get("redirect_to");
  const redirectTo = allowedRedirect(state, request, textOf(body, "redirect_to") || query);
  const base = `${state.deps.server.publicUrl || contextOf(request).origin}/auth/v1`;
  return generateLink(state, caller, body, redirectTo, base);
}
