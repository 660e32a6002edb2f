/** What anybody may know of the token issuer: keys and settings. */
import type { Project } from "../../../core/project.ts";
import type { AuthConfig } from "../config.ts";

/** RFC 7517 §5: public keys by which tokens issued here are verified, newest first. */
export function describeKeys(project: Project) {
  return {
    keys: project.signingKeys.map(({ kid, alg, publicJwk }) => {
      const { kty, crv, x, y } = publicJwk;
      return { kty, crv, x, y, kid, alg, use: "sig", key_ops: ["verify"], ext: true };
    }),
  };
}

/** GoTrue's `/settings`: which ways in there are. */
export function describeSettings(config: AuthConfig) {
  return {
    external: { anonymous_users: false, email: true, phone: false },
    disable_signup: config.disable_signup,
    mailer_autoconfirm: config.autoconfirm,
    phone_autoconfirm: false,
    sms_provider: "",
    saml_enabled: false,
  };
}
