/** `POST /auth/v1/signup`: a new account, by e-mail or phone with a password, or without either. */
import { signInAnonymously } from "../anonymous/sign-in-anonymously.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { requireCaptcha } from "../defence/require-captcha.ts";
import { authErrors } from "../errors.ts";
import { limitByAddress } from "../http/limit-rate.ts";
import { objectOf, textOf } from "../http/read-json.ts";
import { challengeIn } from "../mailed/read-request.ts";
import { requirePhone } from "../phone/normalize-phone.ts";
import type { JsonObject } from "../schema.ts";
import type { TokenAnswer } from "../sessions/issue-session.ts";
import { checkPassword } from "./check-password.ts";
import { checkMetadata } from "./metadata.ts";
import { requireEmail } from "./normalize-email.ts";
import type { UserJson } from "./present-user.ts";
import { type Registration, register } from "./register.ts";

/**
 * @param redirectTo where the link of the confirmation leads, from `redirectOf`; null = the app.
 * @throws signup_disabled, captcha_failed, weak_password, user_already_exists,
 *   anonymous_provider_disabled, phone_provider_disabled, over_request_rate_limit,
 *   over_email_send_rate_limit, over_sms_send_rate_limit, what the hook answers
 */
export async function signUp(
  state: AuthState,
  caller: Caller,
  body: JsonObject,
  redirectTo: string | null = null,
): Promise<TokenAnswer | UserJson> {
  const { config } = state;
  await limitByAddress(state, caller, "signup", config.rate_limit_signup);
  if (config.disable_signup) throw authErrors.signup_disabled();
  await requireCaptcha(state, caller, body);
  const sent = ["email", "phone", "password"].filter((key) => textOf(body, key) !== "");
  if (sent.length === 0) return signInAnonymously(state, caller, body);
  return register(state, caller, readSignUp(state, body, redirectTo));
}

function readSignUp(state: AuthState, body: JsonObject, redirectTo: string | null): Registration {
  const password = textOf(body, "password");
  if (password === "") throw authErrors.validation_failed("Signup requires a valid password");
  const way = readWay(body);
  checkPassword(password, state.config.password_min_length);
  const { config, deps } = state;
  const confirmed = way.channel === "email" ? config.autoconfirm : config.sms_autoconfirm;
  const id = deps.ids.uuid();
  const isMail = way.channel === "email";
  // GoTrue repeats the identity in the metadata, and apps read it there.
  const own = {
    sub: id,
    ...(isMail ? { email: way.to } : { phone: way.to }),
    email_verified: isMail && confirmed,
    phone_verified: !isMail && confirmed,
  };
  const metadata = checkMetadata("user_metadata", { ...objectOf(body, "data"), ...own });
  return { id, ...way, confirmed, password, metadata, redirectTo, challenge: challengeIn(body) };
}

function readWay(body: JsonObject): Pick<Registration, "channel" | "to"> {
  const email = textOf(body, "email");
  const phone = textOf(body, "phone");
  if (email !== "" && phone !== "") {
    throw authErrors.validation_failed(
      "Only an email address or phone number should be provided on signup.",
    );
  }
  if (phone !== "") return { channel: "phone", to: requirePhone(phone) };
  return { channel: "email", to: requireEmail(email) };
}
