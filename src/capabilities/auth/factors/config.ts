/** Settings of second factors and passkeys: part of `[auth]`. */
import { Type } from "@sinclair/typebox";

/** `verify` lets those who have one go on using it. */
const use = (what: string) =>
  Type.Union([Type.Literal("on"), Type.Literal("verify"), Type.Literal("off")], {
    default: "on",
    description: `${what}: on, verify (no new ones) or off (those that exist count no more)`,
  });

const perMinute = (description: string, fallback: number) =>
  Type.Integer({ minimum: 1, maximum: 1_000_000, default: fallback, description });

export const factorsConfig = {
  mfa_totp: use("Authenticator apps as a second factor"),
  mfa_webauthn: use("Security keys and passkeys as a second factor"),
  mfa_phone: use("Codes by text message as a second factor"),
  mfa_recovery_codes: use("Recovery codes"),
  mfa_max_factors: Type.Integer({
    minimum: 1,
    maximum: 100,
    default: 10,
    description: "Second factors a person may have",
  }),
  mfa_challenge_ttl_s: Type.Integer({
    minimum: 30,
    maximum: 3600,
    default: 300,
    description: "How long a challenge to a second factor or passkey may be answered, seconds",
  }),
  mfa_max_attempts: Type.Integer({
    minimum: 1,
    maximum: 100,
    default: 5,
    description: "Wrong codes in a row after which a factor is locked for a while",
  }),
  mfa_lockout_s: Type.Integer({
    minimum: 1,
    maximum: 86_400,
    default: 900,
    description:
      "How long the first lock of a factor lasts, seconds; it doubles with each, to a day",
  }),
  passkeys: Type.Boolean({
    default: true,
    description: "Sign-in with passkeys; needs a domain (webauthn_rp_id or site_url)",
  }),
  passkeys_max: Type.Integer({
    minimum: 1,
    maximum: 100,
    default: 10,
    description: "Passkeys a person may have",
  }),
  webauthn_rp_id: Type.String({
    default: "",
    maxLength: 253,
    description:
      "Domain that passkeys and security keys belong to for ever; empty = the host of site_url",
  }),
  webauthn_rp_name: Type.String({
    default: "",
    maxLength: 64,
    description: "Name that authenticators show; empty = the domain",
  }),
  webauthn_origins: Type.Array(Type.String({ maxLength: 512 }), {
    default: [],
    description:
      "Origins whose pages may use passkeys and security keys, exact; empty = that of site_url",
  }),
  webauthn_attestation: Type.Union(
    [Type.Literal("none"), Type.Literal("self"), Type.Literal("packed")],
    {
      default: "none",
      description:
        "The least a new authenticator must attest: none, self, or packed (by a maker among webauthn_attestation_roots)",
    },
  ),
  webauthn_attestation_roots: Type.Array(Type.String({ maxLength: 1024 }), {
    default: [],
    description: "Files with the makers' root certificates (PEM) for attestation = packed",
  }),
  rate_limit_mfa: perMinute("Challenges and answers of second factors per minute and user", 30),
  rate_limit_passkey: perMinute("Sign-ins with a passkey per minute and address", 60),
};
