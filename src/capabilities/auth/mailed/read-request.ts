/** What the requests of this area have in common: where the link leads, and PKCE. */

import type { AuthState } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { textOf } from "../http/read-json.ts";
import { mailedRedirect } from "../http/redirects.ts";
import type { JsonObject } from "../schema.ts";

/** `redirect_to` of the query, as auth-js sends it, or of the header that GoTrue reads too. */
export function redirectOf(state: AuthState, request: Request): string | null {
  const query = new URL(request.url).searchParams.get("redirect_to");
  return mailedRedirect(state, request, query ?? request.headers.get("redirect_to"));
}

export function challengeIn(body: JsonObject) {
  return {
    codeChallenge: textOf(body, "code_challenge"),
    codeChallengeMethod: textOf(body, "code_challenge_method"),
  };
}

/** The one of `email` and `phone` that was sent, as sent. @throws validation_failed */
export function addressIn(body: JsonObject): { channel: "email" | "phone"; text: string } {
  const email = textOf(body, "email");
  const phone = textOf(body, "phone");
  if (email !== "" && phone !== "") {
    throw authErrors.validation_failed("Only an email address or phone number should be provided");
  }
  if (email === "" && phone === "") {
    throw authErrors.validation_failed("One of email or phone must be set");
  }
  return email === "" ? { channel: "phone", text: phone } : { channel: "email", text: email };
}
