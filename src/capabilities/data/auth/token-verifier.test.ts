import { beforeEach, describe, expect, test } from "bun:test";
import { createPublicKey, sign } from "node:crypto";
import { ReactorError } from "../../../core/errors.ts";
import type { Clock } from "../../../core/ports/clock.ts";
import { parseJsPath } from "./js-path.ts";
import { base64url, hmac, hs256, type Pair, pairFor, SECRET, token } from "./token.fixture.ts";
import { createTokenVerifier, type TokenRules } from "./token-verifier.ts";
import { readKeys } from "./verification-keys.ts";

const NOW_S = 1_800_000_000;
let nowMs = NOW_S * 1_000;
const clock = { now: () => nowMs } as Clock;
let lookups: boolean[] = [];
let evictions = 0;
beforeEach(() => {
  nowMs = NOW_S * 1_000;
  lookups = [];
  evictions = 0;
});

function verifier(secret: string | object = SECRET, rules: Partial<TokenRules> = {}) {
  const bytes = Buffer.from(typeof secret === "string" ? secret : JSON.stringify(secret));
  const events = {
    onLookup: (isHit: boolean) => void lookups.push(isHit),
    onEviction: () => {
      evictions += 1;
    },
  };
  const all = {
    keys: readKeys(bytes),
    audience: "",
    rolePath: parseJsPath(".role") ?? [],
    anonRole: "anon",
    cacheMax: 1_000,
    ...rules,
  };
  return createTokenVerifier(all, clock, events);
}

/** `code message | details`, or the role that was proven. */
function outcome(run: () => { role: string }): string {
  try {
    return run().role;
  } catch (error) {
    if (!(error instanceof ReactorError)) throw error;
    expect(error.status).toBe(401);
    const challenge = `Bearer error="invalid_token", error_description="${error.message}"`;
    if (error.code !== "22023" && error.code !== "PGRST302") {
      expect(error.headers["WWW-Authenticate"]).toBe(challenge);
    }
    return `${error.code} ${error.message}${error.details === null ? "" : ` | ${error.details}`}`;
  }
}

const NO_KEY =
  "PGRST301 No suitable key or wrong key type | No suitable key was found to decode the JWT";
const NOT_DECODED =
  "PGRST301 No suitable key or wrong key type | None of the keys was able to decode the JWT";
const MALFORMED = "PGRST301 JWT cryptographic operation failed";
const UNSECURED =
  "PGRST301 Wrong or unsupported encoding algorithm | JWT is unsecured but expected 'alg' was not 'none'";

describe("a secret", () => {
  test("verifies HS256, and only that", () => {
    const { verify } = verifier();
    expect(outcome(() => verify(hs256({ role: "author" })))).toBe("author");
    expect(outcome(() => verify(hs256({ role: "author" }, `${SECRET}!`)))).toBe(NOT_DECODED);
    for (const bits of [384, 512] as const) {
      const other = token({ alg: `HS${bits}` }, { role: "author" }, hmac(bits));
      expect(outcome(() => verify(other))).toBe(NO_KEY);
    }
  });

  test("has no key id, so a token that names one is refused", () => {
    const named = token({ alg: "HS256", kid: "1" }, { role: "author" }, hmac());
    expect(outcome(() => verifier().verify(named))).toBe(NO_KEY);
  });

  test("of a JWK verifies what its alg says, or all of HMAC", () => {
    const k = base64url(SECRET);
    const by = (jwk: object, alg: 256 | 384 | 512) =>
      outcome(() =>
        verifier(jwk).verify(token({ alg: `HS${alg}` }, { role: "author" }, hmac(alg))),
      );
    expect(by({ kty: "oct", k }, 512)).toBe("author");
    expect(by({ kty: "oct", k, alg: "HS384" }, 384)).toBe("author");
    expect(by({ kty: "oct", k, alg: "HS384" }, 256)).toBe(NO_KEY);
    expect(
      by(
        {
          keys: [
            { kty: "oct", k, use: "enc" },
            { kty: "oct", k },
          ],
        },
        256,
      ),
    ).toBe("author");
  });
});

const ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "EdDSA"];

describe.each(ALGORITHMS)("a key for %s", (algorithm) => {
  let pair: Pair;
  beforeEach(() => {
    pair = pairFor(algorithm);
  });

  test("verifies what its private half signed", () => {
    const good = token({ alg: algorithm }, { role: "author" }, (signed) => pair.sign(signed));
    expect(outcome(() => verifier(pair.jwk).verify(good))).toBe("author");
    expect(outcome(() => verifier({ keys: [pair.jwk] }).verify(good))).toBe("author");
    const other = pairFor(algorithm);
    expect(outcome(() => verifier(other.jwk).verify(good))).toBe(NOT_DECODED);
  });

  test("given with its private half is used as the public one", () => {
    const jwk = pair.privateKey.export({ format: "jwk" });
    const good = token({ alg: algorithm }, { role: "author" }, (signed) => pair.sign(signed));
    expect(outcome(() => verifier(jwk).verify(good))).toBe("author");
  });

  test("is never a shared secret", () => {
    // What an attacker knows: the JWK as it stands, and every way to write the key down.
    const forms = [JSON.stringify(pair.jwk), ...Object.values(pair.jwk).map(String)];
    const pem = publicPem(pair);
    for (const secret of [...forms, ...forms.map((text) => Buffer.from(text, "base64url")), pem]) {
      for (const bits of [256, 384, 512] as const) {
        const forged = token({ alg: `HS${bits}` }, { role: "admin" }, hmac(bits, secret));
        expect(outcome(() => verifier(pair.jwk).verify(forged))).toBe(NO_KEY);
      }
    }
  });

  test("verifies no other algorithm", () => {
    for (const alg of ALGORITHMS.filter((one) => one !== algorithm)) {
      const claimed = token({ alg }, { role: "admin" }, (signed) => pair.sign(signed));
      const got = outcome(() => verifier({ ...pair.jwk, alg: algorithm }).verify(claimed));
      expect(got).toBe(NO_KEY);
    }
  });
});

function publicPem({ privateKey }: Pair): string {
  return createPublicKey(privateKey).export({ type: "spki", format: "pem" }) as string;
}

describe("a set of keys", () => {
  const [a, b] = [pairFor("ES256"), pairFor("ES256")];
  const keys = [
    { ...a.jwk, kid: "a" },
    { ...b.jwk, kid: "b" },
  ];
  const by = (pair: Pair, header: object) =>
    outcome(() =>
      verifier({ keys }).verify(
        token({ alg: "ES256", ...header }, { role: "author" }, (signed) => pair.sign(signed)),
      ),
    );

  test("is tried key by key when the token names none", () => {
    expect([by(a, {}), by(b, {})]).toEqual(["author", "author"]);
  });

  test("gives the key that the token names, and no other", () => {
    expect([by(a, { kid: "a" }), by(b, { kid: "a" }), by(a, { kid: "c" })]).toEqual([
      "author",
      NOT_DECODED,
      NO_KEY,
    ]);
    expect(by(a, { kid: 7 })).toBe(MALFORMED);
  });
});

describe("a token that is no good", () => {
  const good = hs256({ role: "author", exp: NOW_S + 60 });

  test("by algorithm none, whatever its spelling", () => {
    for (const alg of ["none", "None", "NONE", "nOnE", ""]) {
      for (const signature of ["", "x", base64url(hmac()("x"))]) {
        const unsigned = `${base64url(JSON.stringify({ alg }))}.${base64url('{"role":"admin"}')}.${signature}`;
        const got = outcome(() => verifier().verify(unsigned));
        expect(got).toBe(alg === "none" ? UNSECURED : MALFORMED);
      }
    }
  });

  test("by the number of its parts", () => {
    for (const [text, parts] of [
      ["x", 1],
      ["a.b", 2],
      ["a.b.c.d", 4],
      ["..", 3],
      ["", 1],
    ] as const) {
      const want = parts === 3 ? MALFORMED : `PGRST301 Expected 3 parts in JWT; got ${parts}`;
      expect(outcome(() => verifier().verify(text))).toBe(want);
    }
  });

  test("truncated at any byte, or with any byte changed", () => {
    const { verify } = verifier();
    for (let at = 0; at < good.length; at += 1) {
      expect(outcome(() => verify(good.slice(0, at)))).toStartWith("PGRST301 ");
      const changed = good.slice(0, at) + (good[at] === "A" ? "B" : "A") + good.slice(at + 1);
      expect(outcome(() => verify(changed))).toStartWith("PGRST301 ");
    }
    for (const more of ["=", "A", " ", "\n", "\0"]) {
      expect(outcome(() => verify(good + more))).toStartWith("PGRST301 ");
    }
  });

  test("by a header that is no object, or names what nobody knows", () => {
    const headers = ["", "x", "[]", "null", '"HS256"', "{}", '{"alg":5}', '{"alg":"HS1"}'];
    const more = [
      '{"alg":["HS256"]}',
      '{"alg":"PS256"}',
      '{"alg":"HS256","crit":["exp"]}',
      "\u00ff",
    ];
    for (const header of [...headers, ...more]) {
      expect(outcome(() => verifier().verify(token(header, { role: "x" }, hmac())))).toBe(
        MALFORMED,
      );
    }
  });

  test("by claims that are no object", () => {
    for (const claims of ["not an object", "[]", "5", "null", '"x"']) {
      expect(outcome(() => verifier().verify(hs256(claims)))).toBe(
        "PGRST303 Parsing claims failed",
      );
    }
  });

  test("by an ES256 signature of zeros, in DER, or of another length", () => {
    const pair = pairFor("ES256");
    const der = (signed: string) => sign("sha256", Buffer.from(signed), pair.privateKey);
    const signers = [() => new Uint8Array(64), () => new Uint8Array(0), der];
    for (const signer of [...signers, (text: string) => pair.sign(text).subarray(1)]) {
      const forged = token({ alg: "ES256" }, { role: "admin" }, signer);
      expect(outcome(() => verifier(pair.jwk).verify(forged))).toBe(NOT_DECODED);
    }
  });
});

describe("the claims", () => {
  const EXPIRED = "PGRST303 JWT expired";
  const EARLY = "PGRST303 JWT not yet valid";
  const FUTURE = "PGRST303 JWT issued at future";
  const number = (claim: string) => `PGRST303 The JWT '${claim}' claim must be a number`;
  const LIST = "PGRST303 The JWT 'aud' claim must be a string or an array of strings";
  const cases: readonly (readonly [claims: object | string, want: string])[] = [
    [{ exp: NOW_S - 30 }, "author"],
    [{ exp: NOW_S - 31 }, EXPIRED],
    [{ exp: NOW_S - 30.5 }, EXPIRED],
    [{ exp: null }, "author"],
    [{ exp: 0 }, EXPIRED],
    [{ exp: -1 }, EXPIRED],
    [{ exp: 9_999_999_999 }, "author"],
    ['{"role":"author","exp":1e400}', EXPIRED],
    ['{"role":"author","exp":99999999999999999999}', EXPIRED],
    ['{"role":"author","exp":-1e400}', EXPIRED],
    [{ exp: String(NOW_S + 60) }, number("exp")],
    [{ exp: true }, number("exp")],
    [{ exp: [NOW_S + 60] }, number("exp")],
    [{ nbf: NOW_S + 30 }, "author"],
    [{ nbf: NOW_S + 31 }, EARLY],
    [{ nbf: "x" }, number("nbf")],
    ['{"role":"author","nbf":1e400}', EARLY],
    [{ iat: NOW_S + 30 }, "author"],
    [{ iat: NOW_S + 31 }, FUTURE],
    [{ iat: {} }, number("iat")],
    [{ exp: NOW_S - 60, nbf: "x" }, EXPIRED],
    [{ aud: 5 }, LIST],
    [{ aud: {} }, LIST],
    [{ aud: ["x", 5] }, LIST],
    [{ aud: "any" }, "author"],
  ];
  test.each(cases)("%j: %s", (claims, want) => {
    const whole = typeof claims === "string" ? claims : { role: "author", ...claims };
    expect(outcome(() => verifier().verify(hs256(whole)))).toBe(want);
  });

  const NOT_MINE = "PGRST303 JWT not in audience";
  const audiences: readonly (readonly [aud: unknown, want: string])[] = [
    ["mine", "author"],
    ["other", NOT_MINE],
    ["", NOT_MINE],
    ["Mine", NOT_MINE],
    [["mine"], "author"],
    [["other", "mine"], "author"],
    [["other"], NOT_MINE],
    [[], "author"],
    [null, "author"],
    [undefined, "author"],
    [["mine", 5], LIST],
  ];
  test.each(audiences)("aud %j for jwt_aud = mine: %s", (aud, want) => {
    const { verify } = verifier(SECRET, { audience: "mine" });
    expect(outcome(() => verify(hs256({ role: "author", aud })))).toBe(want);
  });
});

describe("the role", () => {
  test("of a token without one is the anonymous one, or nobody's", () => {
    expect(outcome(() => verifier().verify(hs256({ id: 1 })))).toBe("anon");
    const { verify } = verifier(SECRET, { anonRole: null });
    expect(outcome(() => verify(hs256({ id: 1 })))).toBe("PGRST302 Anonymous access is disabled");
  });

  test("that is no text is its JSON", () => {
    expect(outcome(() => verifier().verify(hs256({ role: 5 })))).toBe("5");
    expect(outcome(() => verifier().verify(hs256({ role: null })))).toBe("null");
  });

  test("none, which PostgreSQL takes for the login itself, is refused", () => {
    const { verify } = verifier();
    expect(outcome(() => verify(hs256({ role: "none" })))).toBe('22023 role "none" does not exist');
    expect(outcome(() => verify(hs256({ role: "a\0b" })))).toStartWith("22023 ");
  });

  test("stands in the claims, whatever else they hold", () => {
    const claimsOf = (claims: string, rules: Partial<TokenRules> = {}) =>
      verifier(SECRET, rules).verify(hs256(claims)).claims;
    const big = '{"id":12345678901234567890.10,"role":"author"}';
    expect(claimsOf(big)).toBe(big);
    expect(claimsOf('{"id":12345678901234567890}')).toBe(
      '{"role":"anon","id":12345678901234567890}',
    );
    expect(claimsOf(" {} ")).toBe('{"role":"anon"} ');
    const path = { rolePath: parseJsPath(".app.role") ?? [] };
    expect(
      claimsOf(
        '{"a":[{"role":"x, }"}],"role":"admin","\\u0072ole":2 , "app":{"role":"author"}}',
        path,
      ),
    ).toBe('{"role":"author","a":[{"role":"x, }"}],"app":{"role":"author"}}');
  });

  test("comes with the user's id where the subject is one", () => {
    const sub = "0190aaaa-0000-7000-8000-000000000001";
    const { verify } = verifier();
    expect(verify(hs256({ role: "author", sub })).userId).toBe(sub);
    expect(verify(hs256({ role: "author", sub: "auth0|5" })).userId).toBeNull();
  });
});

describe("the cache", () => {
  const valid = hs256({ role: "author", exp: NOW_S + 60 });

  test("answers from the second time on, and never beyond exp", () => {
    const { verify } = verifier();
    const first = verify(valid);
    expect(verify(valid)).toBe(first);
    expect(first.expiresAt).toBe((NOW_S + 90) * 1_000);
    expect(lookups).toEqual([false, true]);
    nowMs = (NOW_S + 90) * 1_000;
    expect(outcome(() => verify(valid))).toBe("author");
    nowMs = (NOW_S + 91) * 1_000;
    expect(outcome(() => verify(valid))).toBe("PGRST303 JWT expired");
    expect(lookups).toEqual([false, true, true, true]);
  });

  test("keeps nothing that no key has verified", () => {
    const { verify } = verifier();
    for (const _ of [1, 2]) outcome(() => verify(hs256({ role: "x" }, `${SECRET}?`)));
    expect(lookups).toEqual([false, false]);
  });

  test("is bounded, and off at 0", () => {
    const { verify } = verifier(SECRET, { cacheMax: 2 });
    for (const id of [1, 2, 3, 1]) verify(hs256({ role: "x", id }));
    expect([lookups, evictions]).toEqual([[false, false, false, false], 2]);
    lookups = [];
    const off = verifier(SECRET, { cacheMax: 0 });
    for (const _ of [1, 2]) off.verify(valid);
    expect(lookups).toEqual([false, false]);
  });
});
