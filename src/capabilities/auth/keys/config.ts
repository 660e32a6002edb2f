/** Settings of signing keys, part of `[auth]`. */
import { Type } from "@sinclair/typebox";

export const keySettings = {
  signing_algorithm: Type.Union(
    ["ES256", "EdDSA", "HS256"].map((name) => Type.Literal(name as "ES256" | "EdDSA" | "HS256")),
    {
      default: "ES256",
      description:
        "How access tokens are signed. HS256 needs `auth.jwt_secret` and is for ecosystems that know nothing else",
    },
  ),
  jwt_secret: Type.String({
    default: "",
    pattern: "^$|^[\\s\\S]{32,4096}$",
    secret: true,
    description:
      "Shared secret of HS256, at least 32 characters: tokens made with it are accepted, whatever `auth.signing_algorithm` says; empty = none",
  }),
  signing_key_rotation_s: Type.Integer({
    minimum: 0,
    maximum: 315_360_000,
    default: 7_776_000,
    description:
      "A signing key is followed by the next one after this time, seconds; 0 = only by `reactor auth keys rotate`",
  }),
  signing_key_announce_s: Type.Integer({
    minimum: 0,
    maximum: 31_536_000,
    default: 3600,
    description:
      "How long a signing key stands in the JWKS before it signs, seconds: as long as others keep the JWKS",
  }),
};
