/** Settings of second factors and passkeys: part of `[auth]`. */
import { Type } from "@sinclair/typebox";

/** `verify` lets those who have one go on using it. */
const use = (what: string) =>
  Type.Union([Type.Literal("on"), Type.Literal("verify"), Type.Literal("off")], {
    default: "on",
    description: `${what}: on, verify (no new ones) or off (those that exist count no more)`,
  });

export const factorsConfig = {
  mfa_totp: use("Authenticator apps as a second factor"),
  mfa_webauthn: use("Security keys and passkeys as a second factor"),
  mfa_phone: use("Codes by text message as a second factor"),
  mfa_recovery_codes: use("Recovery codes"),
};
