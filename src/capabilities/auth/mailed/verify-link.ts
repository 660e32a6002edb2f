/**
 * `GET /auth/v1/verify`: what the links in mails open. Always a redirect to the app: with the
 * session in the fragment, which is sent to no server, with the code of a PKCE flow in the query, or
 * with what went wrong.
 */

import { ReactorError } from "../../../core/errors.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { limitByAddress } from "../http/limit-rate.ts";
import { allowedRedirect } from "../http/redirects.ts";
import type { Reply } from "../http/respond.ts";
import { type TokenAnswer, tokenAnswer } from "../sessions/issue-session.ts";
import { type Completed, completeToken } from "./complete-token.ts";
import { type SpentToken, spendLink } from "./one-time-token.ts";
import { kindsOf } from "./token-kinds.ts";
import { HALF_CONFIRMED } from "./verify.ts";

const PKCE = /^pkce_/;

interface Link {
  readonly type: string;
  readonly token: string;
  readonly isPkce: boolean;
}

/** @throws validation_failed without a token or a type: there is nothing to redirect with. */
export async function verifyLink(
  state: AuthState,
  caller: Caller,
  request: Request,
): Promise<Reply> {
  const query = new URL(request.url).searchParams;
  const token = query.get("token") || query.get("token_hash") || "";
  const link = { type: query.get("type") ?? "", token, isPkce: PKCE.test(token) };
  if (token === "") {
    throw authErrors.validation_failed("Verify requires a token or a token hash");
  }
  if (link.type === "") {
    throw authErrors.validation_failed("Verify requires a verification type");
  }
  let spent: SpentToken | null = null;
  // What the token was made with, else what the link says: judged by the list of now.
  const target = () =>
    new URL(allowedRedirect(state, request, spent?.redirectTo ?? query.get("redirect_to")));
  try {
    await limitByAddress(state, caller, "verify", state.config.rate_limit_verify);
    const kinds = kindsOf(link.type, "email");
    const spend: Parameters<typeof completeToken>[2] = async (tx) => {
      spent = await spendLink(state, tx, token, kinds);
      return spent;
    };
    const done = await completeToken(state, caller, spend, true);
    return await answer(state, caller, link, done, target());
  } catch (error) {
    if (!(error instanceof ReactorError) || error.status >= 500) throw error;
    return redirect(withError(target(), link, error));
  }
}

async function answer(
  state: AuthState,
  caller: Caller,
  link: Link,
  done: Completed,
  target: URL,
): Promise<Reply> {
  switch (done.outcome) {
    case "refused":
      throw done.refusal === "otp_expired" ? authErrors.link_expired() : authErrors[done.refusal]();
    case "half":
      return redirect(withMessage(target, link));
    case "code":
      target.searchParams.set("code", done.code);
      return redirect(target);
    case "signed_in": {
      const session = await tokenAnswer(state, caller, done.user, done.identities, done.issued);
      target.hash = sessionFragment(session, link.type);
      return redirect(target);
    }
  }
}

/** RFC 6749 §4.2.2, with `type`, by which auth-js knows a recovery. */
function sessionFragment(session: TokenAnswer, type: string): string {
  return new URLSearchParams({
    access_token: session.access_token,
    expires_at: String(session.expires_at),
    expires_in: String(session.expires_in),
    refresh_token: session.refresh_token,
    token_type: session.token_type,
    type,
  }).toString();
}

function withMessage(target: URL, { isPkce }: Link): URL {
  const said = new URLSearchParams({ message: HALF_CONFIRMED });
  if (isPkce) target.searchParams.set("message", HALF_CONFIRMED);
  target.hash = said.toString();
  return target;
}

/** RFC 6749 §4.1.2.1 names, GoTrue's codes; in the fragment, and in the query of a PKCE flow. */
function withError(target: URL, { isPkce }: Link, error: ReactorError): URL {
  const said = new URLSearchParams({
    error: error.status === 429 ? "temporarily_unavailable" : "access_denied",
    error_code: error.code,
    error_description: error.message,
  });
  if (isPkce) for (const [name, value] of said) target.searchParams.set(name, value);
  target.hash = said.toString();
  return target;
}

/** No referrer: the address of the link holds a token. */
function redirect(target: URL): Reply {
  return {
    status: 303,
    headers: { Location: target.href, "Referrer-Policy": "no-referrer" },
  };
}
