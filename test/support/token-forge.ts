/** Makes tokens of every kind a verifier may meet: good ones, and each way to be bad. */
import { createHmac, createPrivateKey, generateKeyPairSync, sign } from "node:crypto";

export interface ForgeKey {
  readonly kid: string;
  readonly privateJwk: Readonly<Record<string, string>>;
  readonly publicJwk: Readonly<Record<string, string>>;
}

export type Json = Readonly<Record<string, unknown>>;

export function newKey(kid: string, namedCurve = "P-256"): ForgeKey {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve });
  const { kty, crv, x, y, d } = privateKey.export({ format: "jwk" }) as Record<string, string>;
  const pub = { kty: kty ?? "", crv: crv ?? "", x: x ?? "", y: y ?? "" };
  return {
    kid,
    privateJwk: { ...pub, d: d ?? "" },
    publicJwk: { ...pub, kid, alg: "ES256", use: "sig" },
  };
}

/** A JSON value, or text that shall stand in the token as it is. */
export const segment = (value: Json | string): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** Signs with ES256 whatever the header claims. */
export function forge(
  key: Pick<ForgeKey, "privateJwk">,
  header: Json | string,
  claims: Json | string,
): string {
  const input = `${segment(header)}.${segment(claims)}`;
  const privateKey = createPrivateKey({ key: key.privateJwk as JsonWebKey, format: "jwk" });
  const how = { key: privateKey, dsaEncoding: "ieee-p1363" } as const;
  return `${input}.${sign("sha256", Buffer.from(input), how).toString("base64url")}`;
}

/** Signs with HMAC and a key the attacker knows: the public one. */
export function forgeHmac(secret: string, header: Json, claims: Json): string {
  const input = `${segment(header)}.${segment(claims)}`;
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
}
