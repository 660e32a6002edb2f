/**
 * Tokens that must not be honoured, each good but for one thing (RFC 8725, CVE-2025-30204 and its kin),
 * against an installation that knows a key of every kind at once: mixing them up is an attack too.
 */
import { describe, expect, test } from "bun:test";
import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
} from "node:crypto";
import type { Project, SigningKey } from "../../src/core/project.ts";
import { createLocalAuth } from "../../src/shared/auth/create-local-auth.ts";
import { readCredentials } from "../../src/shared/auth/credentials.ts";
import { makeSigningKey, sharedSecretKey } from "../../src/shared/auth/signing-key.ts";
import { createSimClock } from "../support/sim-clock.ts";
import { forge, type Json, newKey, segment } from "../support/token-forge.ts";

const tenant = { id: "default" };
const ISSUER = "https://api.example.test/auth/v1";
const SUB = "018f3a5e-0000-7000-8000-000000000001";
const SECRET = "a shared secret of forty characters ....";

const clock = createSimClock();
const nowS = Math.floor(clock.now() / 1000);
const es = await makeSigningKey("ES256");
const next = await makeSigningKey("ES256");
const ed = await makeSigningKey("EdDSA");
const hs = sharedSecretKey(SECRET);
const gone = { ...(await makeSigningKey("ES256")), endsAt: clock.now() };
const project: Project = {
  issuer: ISSUER,
  publishableKey: "sb_publishable_x",
  secretKey: "sb_secret_x",
  signingKeys: [es, next, ed, hs, gone],
};
const auth = createLocalAuth({ project: () => project, clock });

const claims = {
  iss: ISSUER,
  aud: "authenticated",
  sub: SUB,
  role: "authenticated",
  iat: nowS,
  exp: nowS + 3600,
};
const head = (key: SigningKey, more: Json = {}) => ({
  alg: key.alg,
  kid: key.kid,
  typ: "JWT",
  ...more,
});
const without = (object: Json, ...names: string[]) =>
  Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));

const byEs = (header: Json | string = head(es), body: Json | string = claims) =>
  forge(es, header, body);
const byEd = (header: Json | string = head(ed), body: Json | string = claims) => {
  const input = `${segment(header)}.${segment(body)}`;
  const key = createPrivateKey({ key: ed.privateJwk as JsonWebKey, format: "jwk" });
  return `${input}.${sign(null, Buffer.from(input), key).toString("base64url")}`;
};
const byMac = (secret: string | Uint8Array, header: Json, body: Json = claims) => {
  const input = `${segment(header)}.${segment(body)}`;
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
};
const esWith = (changes: Json) => byEs(head(es), { ...claims, ...changes });
const esHead = (changes: Json) => byEs(head(es, changes));

const good = byEs();
const [goodHead = "", goodBody = "", goodSignature = ""] = good.split(".");
const publicKey = createPublicKey({ key: es.publicJwk as JsonWebKey, format: "jwk" });
const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
const der = publicKey.export({ type: "spki", format: "der" });
const signatureBytes = Buffer.from(goodSignature, "base64url");
const withSignature = (bytes: Uint8Array) =>
  `${goodHead}.${goodBody}.${Buffer.from(bytes).toString("base64url")}`;

/** The principal, or the code it was refused with. */
async function verdict(bearer: string) {
  try {
    return await auth.authenticate(tenant, { bearer, apikey: null });
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** RSA's own form, with a key of the attacker's. */
function byRsa(alg: string): string {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const input = `${segment(head(es, { alg }))}.${segment(claims)}`;
  return `${input}.${sign("sha256", Buffer.from(input), privateKey).toString("base64url")}`;
}

/** ASN.1, as OpenSSL signs when not told otherwise. */
function byDer(): string {
  const key = createPrivateKey({ key: es.privateJwk as JsonWebKey, format: "jwk" });
  return withSignature(sign("sha256", Buffer.from(`${goodHead}.${goodBody}`), key));
}

const none = ["none", "None", "NONE", "nOnE", "none ", ""];
const attacks: readonly (readonly [string, string])[] = [
  ...none.map(
    (alg) =>
      [`alg '${alg}' without a signature`, `${segment(head(es, { alg }))}.${goodBody}.`] as const,
  ),
  ...none.map(
    (alg) =>
      [
        `alg '${alg}' with the good one's signature`,
        `${segment(head(es, { alg }))}.${goodBody}.${goodSignature}`,
      ] as const,
  ),
  ...none.map((alg) => [`alg '${alg}', signed`, byEs(head(es, { alg }))] as const),
  ["no alg", byEs(without(head(es), "alg"))],
  ["alg null", esHead({ alg: null })],
  ["alg in an array", esHead({ alg: ["ES256"] })],
  ["alg of another case", esHead({ alg: "es256" })],
  ["alg ES384", esHead({ alg: "ES384" })],
  ["alg ES256K", esHead({ alg: "ES256K" })],
  ["alg HS384", byMac(SECRET, head(hs, { alg: "HS384" }))],
  ["alg RS256 by a key of the attacker's", byRsa("RS256")],
  ["alg PS256 by a key of the attacker's", byRsa("PS256")],
  ["HS256 by the public key as PEM", byMac(pem, head(es, { alg: "HS256" }))],
  [
    "HS256 by the public key as PEM without its last newline",
    byMac(pem.trimEnd(), head(es, { alg: "HS256" })),
  ],
  ["HS256 by the public key as DER", byMac(der, head(es, { alg: "HS256" }))],
  [
    "HS256 by the public key as JWK",
    byMac(JSON.stringify(es.publicJwk), head(es, { alg: "HS256" })),
  ],
  ["HS256 by the public key's x", byMac(es.publicJwk?.["x"] ?? "", head(es, { alg: "HS256" }))],
  ["HS256 by the public key, no kid", byMac(pem, { alg: "HS256", typ: "JWT" })],
  ["HS256 by the empty secret", byMac("", head(hs))],
  ["HS256 by the empty secret, no kid", byMac("", { alg: "HS256" })],
  ["HS256 by the right secret, the ES256 key's kid", byMac(SECRET, head(es, { alg: "HS256" }))],
  ["HS256 cut to half its tag", byMac(SECRET, head(hs)).slice(0, -21)],
  ["ES256 named for the shared secret", byEs(head(es, { kid: hs.kid }))],
  ["ES256 without a kid", byEs(without(head(es), "kid"))],
  ["ES256 named for the Ed25519 key", byEs(head(es, { kid: ed.kid }))],
  ["EdDSA named for the ES256 key", byEd(head(ed, { kid: es.kid }))],
  ["EdDSA said of an ES256 signature", byEs(head(es, { alg: "EdDSA" }))],
  ["ES256 said of an EdDSA signature", byEd(head(ed, { alg: "ES256" }))],
  ["EdDSA without a kid", byEd(without(head(ed), "kid"))],
  ["signed by the key that is next but named for the active one", forge(next, head(es), claims)],
  ["signed by a stranger with the same kid", forge(newKey(es.kid), head(es), claims)],
  ["signed by a key whose time is over", forge(gone, head(gone), claims)],
  ["signature (0, 0)", withSignature(new Uint8Array(64))],
  [
    "signature of r and no s",
    withSignature(Buffer.concat([signatureBytes.subarray(0, 32), new Uint8Array(32)])),
  ],
  ["signature a byte short", withSignature(signatureBytes.subarray(0, 63))],
  ["signature a byte long", withSignature(Buffer.concat([signatureBytes, new Uint8Array(1)]))],
  [
    "signature with r and s exchanged",
    withSignature(Buffer.concat([signatureBytes.subarray(32), signatureBytes.subarray(0, 32)])),
  ],
  ["signature in DER", byDer()],
  ["EdDSA signature of zeros", `${byEd().slice(0, -86)}${Buffer.alloc(64).toString("base64url")}`],
  [
    "EdDSA signature with the point of small order",
    `${byEd().slice(0, -86)}${Buffer.from(`01${"00".repeat(63)}`, "hex").toString("base64url")}`,
  ],
  ["header jku", esHead({ jku: "https://evil.example.test/jwks.json" })],
  ["header x5u", esHead({ x5u: "https://evil.example.test/cert.pem" })],
  ["header jwk", esHead({ jwk: newKey("k").publicJwk })],
  ["header x5c", esHead({ x5c: ["MIIB"] })],
  ["header x5t", esHead({ x5t: "x" })],
  ["header crit", esHead({ crit: ["exp"] })],
  ["header b64 false", esHead({ b64: false, crit: ["b64"] })],
  ["header zip", esHead({ zip: "DEF" })],
  ["header enc", esHead({ enc: "A128GCM" })],
  ["header cty JWT", esHead({ cty: "JWT" })],
  ["header p2c", esHead({ alg: "PBES2-HS256+A128KW", p2c: 2 ** 31, p2s: "x" })],
  ["header __proto__", byEs(`{"alg":"ES256","kid":"${es.kid}","__proto__":{"x":1}}`)],
  ["typ at+jwt", esHead({ typ: "at+jwt" })],
  ["typ refresh", esHead({ typ: "refresh" })],
  ["typ logout+jwt", esHead({ typ: "logout+jwt" })],
  ["typ null", esHead({ typ: null })],
  ["kid of a path", esHead({ kid: "../../etc/passwd" })],
  ["kid of SQL", esHead({ kid: `${es.kid}' or '1'='1` })],
  ["kid of a NUL", esHead({ kid: `${es.kid}\0` })],
  ["kid of a URL", esHead({ kid: "https://evil.example.test/key" })],
  ["kid empty", esHead({ kid: "" })],
  ["kid a number", esHead({ kid: 0 })],
  ["kid in an array", esHead({ kid: [es.kid] })],
  ["kid __proto__", esHead({ kid: "__proto__" })],
  ["kid constructor", esHead({ kid: "constructor" })],
  ["another issuer", esWith({ iss: "https://evil.example.test/auth/v1" })],
  ["issuer with a slash at the end", esWith({ iss: `${ISSUER}/` })],
  ["issuer in capitals", esWith({ iss: ISSUER.toUpperCase() })],
  ["issuer in an array", esWith({ iss: [ISSUER] })],
  ["no issuer", byEs(head(es), without(claims, "iss"))],
  ["another audience", esWith({ aud: "client-1" })],
  ["audience that begins alike", esWith({ aud: "authenticated-not" })],
  ["audience that holds it", esWith({ aud: "not authenticated" })],
  ["audience an empty list", esWith({ aud: [] })],
  ["audience a list of others", esWith({ aud: ["anon", "service"] })],
  ["audience an object", esWith({ aud: { includes: "authenticated" } })],
  ["no audience", byEs(head(es), without(claims, "aud"))],
  ["expired this second", esWith({ exp: nowS })],
  ["expired long ago", esWith({ exp: 0 })],
  ["exp negative", esWith({ exp: -1 })],
  ["exp a text", esWith({ exp: String(nowS + 3600) })],
  ["exp infinite", byEs(head(es), JSON.stringify(claims).replace(/"exp":\d+/, '"exp":1e400'))],
  ["exp null", esWith({ exp: null })],
  ["no exp", byEs(head(es), without(claims, "exp"))],
  ["nbf beyond the leeway", esWith({ nbf: nowS + 61 })],
  ["nbf a text", esWith({ nbf: "0" })],
  ["iat beyond the leeway", esWith({ iat: nowS + 61 })],
  ["iat a text", esWith({ iat: "0" })],
  ["no subject", byEs(head(es), without(claims, "sub"))],
  ["subject empty", esWith({ sub: "" })],
  ["subject a number", esWith({ sub: 1 })],
  ["subject no UUID", esWith({ sub: "admin" })],
  ["subject a UUID and more", esWith({ sub: `${SUB} or 1=1` })],
  ["no role", byEs(head(es), without(claims, "role"))],
  ...[
    "postgres",
    "authenticator",
    "supabase_admin",
    "pg_read_all_data",
    "none",
    "rds_superuser",
  ].map((role) => [`role ${role}`, esWith({ role })] as const),
  ["role in capitals", esWith({ role: "Authenticated" })],
  ["role that ends the quotes", esWith({ role: 'authenticated"; set role postgres' })],
  ["role in an array", esWith({ role: ["authenticated"] })],
  ["two parts", `${goodHead}.${goodBody}`],
  ["four parts", `${good}.`],
  ["five parts", `${good}.${goodBody}.${goodSignature}`],
  ["a part empty", `${goodHead}..${goodSignature}`],
  ["only dots", "..".repeat(5000)],
  ["a mebibyte", `${"A".repeat(1 << 20)}.A.A`],
  ["padding", `${goodHead}=.${goodBody}.${goodSignature}`],
  ["padding at the end", `${good}==`],
  [
    "the other alphabet",
    byEs(head(es), { ...claims, email: "\u00ff\u00ff\u00ff???>>>" })
      .replaceAll("_", "/")
      .replaceAll("-", "+"),
  ],
  [
    "stray bits at the end",
    `${good.slice(0, -1)}${String.fromCharCode(good.charCodeAt(good.length - 1) + 1)}`,
  ],
  ["a space before", ` ${good}`],
  ["a newline after", `${good}\n`],
  [
    "a newline within",
    `${goodHead}.${goodBody.slice(0, 9)}\n${goodBody.slice(9)}.${goodSignature}`,
  ],
  ["a NUL within", `${goodHead}\0.${goodBody}.${goodSignature}`],
  [
    "JSON serialization",
    JSON.stringify({ protected: goodHead, payload: goodBody, signature: goodSignature }),
  ],
  ["a header that is no object", byEs('"ES256"')],
  ["claims that are a list", byEs(head(es), "[]")],
  ["claims that are null", byEs(head(es), "null")],
  ["claims that are no JSON", byEs(head(es), "{")],
  ["claims after a byte order mark", byEs(head(es), `\ufeff${JSON.stringify(claims)}`)],
  [
    "claims that are no UTF-8",
    (() => {
      const body = Buffer.concat([
        Buffer.from(JSON.stringify(claims).slice(0, -1)),
        Buffer.from([0xc3, 0x28, 0x7d]),
      ]);
      const input = `${goodHead}.${body.toString("base64url")}`;
      const key = createPrivateKey({ key: es.privateJwk as JsonWebKey, format: "jwk" });
      return `${input}.${sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
    })(),
  ],
  [
    "the header of one and the claims of another",
    `${goodHead}.${segment({ ...claims, role: "service_role" })}.${goodSignature}`,
  ],
];

describe("a token is refused", () => {
  test("in more than a hundred ways, each a case of its own", () => {
    expect(attacks.length).toBeGreaterThan(100);
    expect(new Set(attacks.map(([name]) => name)).size).toBe(attacks.length);
    expect(attacks.filter(([, token]) => token === good)).toEqual([]);
  });

  test.each(attacks)("%s", async (_, token) => {
    expect(await verdict(token)).toBe("bad_credential");
    // And again, as the cache would have it.
    expect(await verdict(token)).toBe("bad_credential");
  });

  test("and no refusal tells the token, or which part of a key it missed", async () => {
    for (const [, token] of attacks.filter(([, one]) => one.length < 8000)) {
      const error = await Promise.resolve()
        .then(() => auth.authenticate(tenant, { bearer: token, apikey: null }))
        .then(
          () => null,
          (e: { message: string; details: string | null }) => e,
        );
      const said = `${error?.message} ${error?.details}`;
      expect(said).not.toContain(SECRET);
      const signature = token.split(".")[2] ?? "";
      if (signature.length > 20) expect(said).not.toContain(signature);
    }
  });
});

describe("a token is honoured", () => {
  const ways: readonly (readonly [string, string])[] = [
    ["by the active key", good],
    ["by the next key", forge(next, head(next), claims)],
    ["by Ed25519", byEd()],
    ["by the shared secret", byMac(SECRET, head(hs))],
    ["by the shared secret, without a kid", byMac(SECRET, { alg: "HS256", typ: "JWT" })],
    ["without a type", byEs(without(head(es), "typ"))],
    ["with the audience in a list", esWith({ aud: ["other", "authenticated"] })],
    ["at the edge of the leeway", esWith({ nbf: nowS + 60, iat: nowS + 60 })],
    ["in its last second", esWith({ exp: nowS + 1 })],
  ];
  test.each(ways)("%s", async (_, token) => {
    expect(await verdict(token)).toMatchObject({ userId: SUB, role: "authenticated" });
  });
});

describe("of a good token, remembered or not, nothing else is honoured:", () => {
  const kinds = [
    ["ES256", good],
    ["EdDSA", byEd()],
    ["HS256", byMac(SECRET, head(hs))],
  ] as const;

  test.each(kinds)("%s: cut short at every character", async (_, token) => {
    expect(await verdict(token)).toMatchObject({ userId: SUB });
    const accepted: number[] = [];
    for (let length = 0; length < token.length; length += 1) {
      if ((await verdict(token.slice(0, length))) !== "bad_credential") accepted.push(length);
    }
    // Without a dot it is a key, and refused as one.
    expect(accepted).toEqual([]);
  });

  test.each(kinds)("%s: with any bit the other way", async (_, token) => {
    expect(await verdict(token)).toMatchObject({ userId: SUB });
    const accepted: string[] = [];
    const bytes = Buffer.from(token, "latin1");
    for (let at = 0; at < bytes.length; at += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        const flipped = Buffer.from(bytes);
        flipped[at] = (flipped[at] ?? 0) ^ (1 << bit);
        const text = flipped.toString("latin1");
        if ((await verdict(text)) !== "bad_credential") accepted.push(`${at}.${bit}`);
      }
    }
    expect(accepted).toEqual([]);
  });

  test.each(kinds)("%s: with any bit of what it says the other way", async (_, token) => {
    const parts = token.split(".");
    const accepted: string[] = [];
    for (const [index, part] of parts.entries()) {
      const bytes = Buffer.from(part, "base64url");
      for (let at = 0; at < bytes.length; at += 1) {
        for (let bit = 0; bit < 8; bit += 1) {
          const flipped = Buffer.from(bytes);
          flipped[at] = (flipped[at] ?? 0) ^ (1 << bit);
          const changed = parts.with(index, flipped.toString("base64url")).join(".");
          if ((await verdict(changed)) !== "bad_credential") accepted.push(`${index}.${at}.${bit}`);
        }
      }
    }
    expect(accepted).toEqual([]);
  });

  test("and no other writing of the header that carries it", async () => {
    const writings = [
      `Bearer\t${good}`,
      `Bearer  ${good} x`,
      `Bearer ${good},Bearer ${good}`,
      `Basic ${good}`,
      `Bearer "${good}"`,
      `bearer`,
      good,
      "",
    ];
    for (const value of writings) {
      expect(() => readCredentials(new Headers({ authorization: value }))).toThrow("credential");
    }
  });
});
