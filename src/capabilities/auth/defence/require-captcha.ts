/**
 * Captcha: a token that the page got for solving one, checked with whoever issued it by their
 * `siteverify` (hCaptcha and Turnstile share its form). Clients send it as
 * `gotrue_meta_security.captcha_token`.
 */
import { isIP } from "node:net";
import { settingValue } from "../../../shared/vault/setting-value.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { objectOf, textOf } from "../http/read-json.ts";
import type { JsonObject } from "../schema.ts";
import { readTextWithin } from "./fetch-within.ts";

const ADDRESSES = {
  hcaptcha: "https://api.hcaptcha.com/siteverify",
  turnstile: "https://challenges.cloudflare.com/turnstile/v0/siteverify",
} as const;
/** Turnstile's are the longest, at most 2048 characters. */
const TOKEN_MAX = 8192;
const ANSWER_BYTES_MAX = 64 * 1024;

/**
 * Does nothing where none is configured, and for the secret key.
 * @throws captcha_failed, unexpected_failure when the check could not be made
 */
export async function requireCaptcha(
  state: AuthState,
  caller: Caller,
  body: JsonObject,
): Promise<void> {
  const { provider, secret, url } = state.config.captcha;
  if (provider === "" || caller.isService) return;
  const token = textOf(objectOf(body, "gotrue_meta_security") ?? {}, "captcha_token").trim();
  if (token === "") throw authErrors.captcha_failed("no captcha_token found");
  if (token.length > TOKEN_MAX) throw authErrors.captcha_failed("invalid-input-response");
  const own = await settingValue(state.deps.vault, caller.tenant, secret);
  const form = new URLSearchParams({ secret: own, response: token });
  if (isIP(caller.address) !== 0) form.set("remoteip", caller.address);
  const answer = await askVerifier(state, url === "" ? ADDRESSES[provider] : url, form);
  if (answer.success) return;
  throw authErrors.captcha_failed(answer.reasons);
}

interface Verdict {
  readonly success: boolean;
  readonly reasons: string;
}

async function askVerifier(state: AuthState, url: string, form: URLSearchParams): Promise<Verdict> {
  const { timeout_ms: timeoutMs } = state.config.captcha;
  try {
    const init = { method: "POST", body: form };
    const bounds = { timeoutMs, maxBytes: ANSWER_BYTES_MAX };
    const { text } = await readTextWithin(state.deps.clock, url, init, bounds);
    const answer = JSON.parse(text) as { success?: unknown; "error-codes"?: unknown };
    const codes: unknown[] = Array.isArray(answer["error-codes"]) ? answer["error-codes"] : [];
    const known = codes.filter((code) => typeof code === "string" && /^[\w-]{1,64}$/.test(code));
    return { success: answer.success === true, reasons: known.join(", ") };
  } catch (cause) {
    throw authErrors.captcha_unavailable(cause);
  }
}
