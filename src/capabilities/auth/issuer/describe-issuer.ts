/** What anybody may know of the token issuer: keys and settings. */
import type { Project } from "../../../core/project.ts";
import type { AuthState } from "../auth-state.ts";
import { canSendSms } from "../messages/send-sms.ts";

/**
 * RFC 7517 §5: public keys by which tokens issued here are verified: the one that signs, the next
 * one, and those before it while their tokens may live. A shared secret is none of them.
 * @param now milliseconds since the epoch.
 */
export function describeKeys(project: Project, now: number) {
  return {
    keys: project.signingKeys.flatMap(({ kid, alg, publicJwk, endsAt = Infinity }) => {
      if (publicJwk === null || endsAt <= now) return [];
      const { kty, crv, x, y } = publicJwk;
      return [{ kty, crv, x, y, kid, alg, use: "sig", key_ops: ["verify"], ext: true }];
    }),
  };
}

/** GoTrue's `/settings`: which ways in there are. */
export function describeSettings(state: AuthState) {
  const { config, providers } = state;
  const others = Object.fromEntries(providers.names.map((name) => [name, true]));
  return {
    external: {
      anonymous_users: config.anonymous_sign_ins,
      email: true,
      phone: canSendSms(state),
      ...others,
    },
    disable_signup: config.disable_signup,
    mailer_autoconfirm: config.autoconfirm,
    phone_autoconfirm: config.sms_autoconfirm,
    sms_provider: config.sms.provider,
    saml_enabled: config.saml.enabled,
  };
}
