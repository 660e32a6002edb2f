/**
 * Proof Key for Code Exchange (RFC 7636) as the clients of `/auth/v1` send it: a challenge when a
 * sign-in begins, the verifier when its code is exchanged.
 */
import { timingSafeEqual } from "node:crypto";
import type { AuthState } from "../auth-state.ts";
import { authErrors } from "../errors.ts";

export type ChallengeMethod = "s256" | "plain";

export interface CodeChallenge {
  readonly challenge: string;
  readonly method: ChallengeMethod;
}

/** RFC 7636 §4.1 and §4.2: verifier and challenge have one form. */
const LENGTH_MIN = 43;
const LENGTH_MAX = 128;
const UNRESERVED = /^[A-Za-z0-9._~-]+$/;

/**
 * What a client sent as `code_challenge` and `code_challenge_method` (either case); null when it
 * sent neither, which asks for the implicit flow.
 * @throws validation_failed; `plain` too, unless `auth.pkce_plain` allows it
 */
export function readCodeChallenge(
  state: AuthState,
  challenge: string,
  method: string,
): CodeChallenge | null {
  if (challenge === "" && method === "") return null;
  if (challenge === "" || method === "") {
    throw authErrors.validation_failed(
      "PKCE flow requires code_challenge_method and code_challenge",
    );
  }
  if (challenge.length < LENGTH_MIN || challenge.length > LENGTH_MAX) {
    throw authErrors.validation_failed(
      `code challenge has to be between ${LENGTH_MIN} and ${LENGTH_MAX} characters`,
    );
  }
  if (!UNRESERVED.test(challenge)) {
    throw authErrors.validation_failed(
      "code challenge can only contain alphanumeric characters, hyphens, periods, underscores and tildes",
    );
  }
  return { challenge, method: readMethod(state, method.toLowerCase()) };
}

function readMethod(state: AuthState, method: string): ChallengeMethod {
  if (method === "s256") return method;
  if (method === "plain" && state.config.pkce_plain) return method;
  throw authErrors.validation_failed(
    "code_challenge_method must be s256",
    method === "plain"
      ? "A page without https has no WebCrypto and falls back to plain; auth.pkce_plain = true allows it"
      : undefined,
  );
}

/** Whether `verifier` is the secret that the challenge was made from; in constant time. */
export function answersChallenge({ challenge, method }: CodeChallenge, verifier: string): boolean {
  const isVerifier =
    verifier.length >= LENGTH_MIN && verifier.length <= LENGTH_MAX && UNRESERVED.test(verifier);
  const made = method === "s256" ? challengeOf(verifier) : verifier;
  return isVerifier && sameText(made, challenge);
}

/** RFC 7636 §4.2, S256. */
export function challengeOf(verifier: string): string {
  return new Bun.CryptoHasher("sha256").update(verifier).digest("base64url");
}

function sameText(a: string, b: string): boolean {
  const digest = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
