/** What authenticators write, read strictly: malformed CBOR, keys, authenticator data, attestation. */
import { describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import fc from "fast-check";
import {
  type AttestationPolicy,
  checkAttestation,
} from "../../../src/capabilities/auth/passkeys/webauthn/attestation.ts";
import { readAuthenticatorData } from "../../../src/capabilities/auth/passkeys/webauthn/authenticator-data.ts";
import { fromBase64url } from "../../../src/capabilities/auth/passkeys/webauthn/base64url.ts";
import {
  readCbor,
  readCborExactly,
  WebAuthnFault,
} from "../../../src/capabilities/auth/passkeys/webauthn/cbor.ts";
import type { Ceremony } from "../../../src/capabilities/auth/passkeys/webauthn/client-data.ts";
import {
  readCoseKey,
  verifySignature,
} from "../../../src/capabilities/auth/passkeys/webauthn/cose-key.ts";
import { readCredentialJson } from "../../../src/capabilities/auth/passkeys/webauthn/credential-json.ts";
import { verifyAssertion } from "../../../src/capabilities/auth/passkeys/webauthn/verify-assertion.ts";
import { verifyRegistration } from "../../../src/capabilities/auth/passkeys/webauthn/verify-registration.ts";
import { encodeCbor } from "./encode-cbor.ts";
import { makeCertificate } from "./make-certificate.ts";
import { AT, ED, SoftAuthenticator, signWith, UP } from "./soft-authenticator.ts";

const hex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
const device = new SoftAuthenticator("https://app.example.test");

describe("CBOR", () => {
  test("of every kind that authenticators write is read", () => {
    const value = new Map<unknown, unknown>([
      ["fmt", "none"],
      [1, [-1, -25, 23, 24, 255, 256, 65_535, 65_536, 4_294_967_295]],
      [-3, Buffer.from([0, 255])],
      ["é", [true, false, null]],
    ]);
    const read = readCborExactly(encodeCbor(value)) as Map<unknown, unknown>;
    expect([...read.keys()]).toEqual(["fmt", 1, -3, "é"]);
    expect(read.get(1)).toEqual(value.get(1) as never);
    expect(Buffer.from(read.get(-3) as Uint8Array)).toEqual(Buffer.from([0, 255]));
    expect(read.get("é")).toEqual([true, false, null]);
  });

  test.each([
    ["nothing", ""],
    ["a cut integer", "18"],
    ["a cut text", "63 61 62"],
    ["bytes that claim 4 GiB", "5a ff ff ff ff"],
    ["bytes that claim 2^63", "5b 7f ff ff ff ff ff ff ff"],
    ["an array that claims ten million", "9a 00 98 96 80"],
    ["a map that claims four billion", "ba ff ff ff ff"],
    ["an integer past 2^53", "1b 00 20 00 00 00 00 00 00"],
    ["an indefinite array", "9f 01 ff"],
    ["indefinite bytes", "5f 41 00 ff"],
    ["an indefinite map", "bf 01 02 ff"],
    ["a reserved length", "1c"],
    ["a tag", "c0 01"],
    ["a float", "f9 3c 00"],
    ["a double", "fb 3f f0 00 00 00 00 00 00"],
    ["undefined", "f7"],
    ["a break", "ff"],
    ["text that is not UTF-8", "62 c0 af"],
    ["a key that is there twice", "a2 01 02 01 03"],
    ["an array for a key", "a1 80 01"],
    ["five levels", "81 81 81 81 81 01"],
    ["bytes left over", "01 01"],
  ])("with %s is refused", (_what, bytes) => {
    expect(() => readCborExactly(hex(bytes))).toThrow(WebAuthnFault);
  });

  test("of any bytes is a value or refused, and nothing else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          const { length } = readCbor(bytes);
          return length > 0 && length <= bytes.length;
        } catch (error) {
          return error instanceof WebAuthnFault;
        }
      }),
      { numRuns: 5000 },
    );
  });

  test("comes back as it was written", () => {
    const key = fc.oneof(fc.integer({ min: -1000, max: 70_000 }), fc.string({ unit: "grapheme" }));
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 2 },
        fc.integer({ min: -4_294_967_296, max: 4_294_967_295 }),
        fc.string({ unit: "grapheme" }),
        fc.uint8Array({ maxLength: 40 }),
        fc.boolean(),
        fc.array(tie("value"), { maxLength: 4 }),
        fc
          .uniqueArray(fc.tuple(key, tie("value")), { maxLength: 4, selector: ([k]) => k })
          .map((pairs) => new Map(pairs)),
      ),
    }));
    fc.assert(
      fc.property(value, (one) => {
        const bytes = encodeCbor(one);
        expect(encodeCbor(readCborExactly(bytes)).equals(bytes)).toBe(true);
      }),
    );
  });
});

describe("a public key", () => {
  const good = (algorithm: -7 | -8 | -257) => device.makeKey(algorithm);
  const changed = (algorithm: -7 | -8 | -257, label: number, value: unknown) => {
    const map = new Map(readCborExactly(good(algorithm).cose) as Map<unknown, unknown>);
    if (value === undefined) map.delete(label);
    else map.set(label, value);
    return encodeCbor(map);
  };

  test.each([-7, -8, -257] as const)("of algorithm %d verifies what it signed", (algorithm) => {
    const { cose, privateKey } = good(algorithm);
    const data = Buffer.from("data");
    const signature = signWith({ privateKey, algorithm }, data);
    const key = readCoseKey(cose);
    expect(verifySignature(key, data, signature)).toBe(true);
    expect(verifySignature(key, Buffer.from("dato"), signature)).toBe(false);
    for (let at = 0; at < signature.length; at += 1) {
      for (const bit of [1, 128]) {
        const bent = Buffer.from(signature);
        bent[at] = (bent[at] ?? 0) ^ bit;
        expect(verifySignature(key, data, bent)).toBe(false);
      }
      expect(verifySignature(key, data, signature.subarray(0, at))).toBe(false);
    }
  });

  test.each([
    ["no algorithm", () => changed(-7, 3, undefined)],
    ["an algorithm of another key type", () => changed(-7, 3, -257)],
    ["an algorithm of another curve", () => changed(-7, 3, -35)],
    ["HMAC for an algorithm", () => changed(-7, 3, 5)],
    ["text for an algorithm", () => changed(-7, 3, "ES256")],
    ["another key type", () => changed(-7, 1, 1)],
    ["another curve", () => changed(-7, -1, 2)],
    ["no x", () => changed(-7, -2, undefined)],
    ["a short x", () => changed(-7, -2, Buffer.alloc(31, 1))],
    ["a sign for y", () => changed(-7, -3, true)],
    ["a point that is not on the curve", () => changed(-7, -3, Buffer.alloc(32, 1))],
    ["the point at infinity", () => changed(-7, -2, Buffer.alloc(32))],
    ["Ed448", () => changed(-8, -1, 7)],
    ["X25519", () => changed(-8, -1, 4)],
    ["a long x", () => changed(-8, -2, Buffer.alloc(33, 1))],
    ["an RSA key of 1024 bits", () => changed(-257, -1, Buffer.alloc(128, 0xff))],
    ["an RSA key of 8192 bits", () => changed(-257, -1, Buffer.alloc(1024, 0xff))],
    ["an RSA key that is zero first", () => changed(-257, -1, Buffer.alloc(256))],
    ["an RSA exponent of 1", () => changed(-257, -2, Buffer.from([1]))],
    ["an RSA exponent of 3", () => changed(-257, -2, Buffer.from([3]))],
    ["an array", () => encodeCbor([1, 2])],
    ["a number", () => encodeCbor(7)],
  ])("with %s is refused", (_what, make) => {
    expect(() => readCoseKey(make())).toThrow(WebAuthnFault);
  });
});

describe("authenticator data", () => {
  const { cose } = device.makeKey(-7);
  const fixed = (flags: number) =>
    Buffer.concat([Buffer.alloc(32, 7), Buffer.from([flags, 0, 0, 1, 2])]);
  const attested = (id: Buffer, length = id.length) =>
    Buffer.concat([Buffer.alloc(16), Buffer.from([length >> 8, length & 255]), id, cose]);

  test("is taken apart", () => {
    const extensions = encodeCbor(new Map([["credProtect", 2]]));
    const bytes = Buffer.concat([fixed(UP | AT | ED), attested(Buffer.from("id")), extensions]);
    const data = readAuthenticatorData(bytes);
    expect(data).toMatchObject({ userPresent: true, userVerified: false, signCount: 258 });
    expect(Buffer.from(data.credential?.id ?? []).toString()).toBe("id");
    expect(data.credential?.aaguid).toBe("00000000-0000-0000-0000-000000000000");
    expect(Buffer.from(data.credential?.publicKey.encoded ?? [])).toEqual(Buffer.from(cose));
  });

  test.each([
    ["cut short", fixed(UP).subarray(0, 36)],
    ["with bytes left over", Buffer.concat([fixed(UP), Buffer.from([0])])],
    [
      "with a credential it does not announce",
      Buffer.concat([fixed(UP), attested(Buffer.from("x"))]),
    ],
    ["without the credential it announces", fixed(UP | AT)],
    ["without the extensions it announces", fixed(UP | ED)],
    ["with extensions that are no map", Buffer.concat([fixed(UP | ED), Buffer.from([1])])],
    ["backed up though it cannot be", fixed(UP | 0x10)],
    ["with an empty id", Buffer.concat([fixed(UP | AT), attested(Buffer.alloc(0))])],
    ["with an id of 1024 bytes", Buffer.concat([fixed(UP | AT), attested(Buffer.alloc(1024))])],
    [
      "with an id longer than itself",
      Buffer.concat([fixed(UP | AT), attested(Buffer.from("x"), 500)]),
    ],
    [
      "without the key",
      Buffer.concat([fixed(UP | AT), attested(Buffer.from("x")).subarray(0, 19)]),
    ],
  ])("%s is refused", (_what, bytes) => {
    expect(() => readAuthenticatorData(bytes)).toThrow(WebAuthnFault);
  });

  test("of every length but the right one is refused", () => {
    const whole = Buffer.concat([fixed(UP | AT), attested(Buffer.from("id"))]);
    for (let length = 0; length < whole.length; length += 1) {
      expect(() => readAuthenticatorData(whole.subarray(0, length))).toThrow(WebAuthnFault);
    }
  });
});

describe("attestation", () => {
  const signed = Buffer.from("authenticator data and hash of client data");
  const zero = "00000000-0000-0000-0000-000000000000";
  const now = Date.parse("2026-01-01T00:00:00Z");
  const own = device.makeKey(-7);
  const publicKey = readCoseKey(own.cose);
  const root = makeCertificate({ unit: "Root", isCa: true });
  const leaf = makeCertificate({ issuer: root, aaguid: Buffer.alloc(16) });
  const policies: Record<string, AttestationPolicy> = {
    none: { least: "none", roots: [] },
    self: { least: "self", roots: [] },
    packed: { least: "packed", roots: [new X509Certificate(root.der)] },
  };
  const check = (format: string, statement: Map<string, unknown>, policy = "none", at = now) =>
    checkAttestation(
      { format, statement: statement as never, aaguid: zero, publicKey, signed, now: at },
      policies[policy] as AttestationPolicy,
    );
  const selfSigned = (more: readonly [string, unknown][] = []) =>
    new Map<string, unknown>([
      ["alg", -7],
      ["sig", signWith({ privateKey: own.privateKey, algorithm: -7 }, signed)],
      ...more,
    ]);
  const basic = (by = leaf, chain: readonly Buffer[] = [by.der]) =>
    new Map<string, unknown>([
      ["alg", -7],
      ["sig", signWith({ privateKey: by.privateKey, algorithm: -7 }, signed)],
      ["x5c", chain],
    ]);

  test("is accepted as far as the policy goes", () => {
    expect(check("none", new Map())).toBe("none");
    expect(check("packed", selfSigned())).toBe("self");
    expect(check("packed", basic())).toBe("basic");
    expect(check("packed", selfSigned(), "self")).toBe("self");
    expect(check("packed", basic(), "self")).toBe("basic");
    expect(check("packed", basic(), "packed")).toBe("basic");
    expect(check("packed", basic(leaf, [leaf.der, root.der]), "packed")).toBe("basic");
    for (const [format, statement, policy] of [
      ["none", new Map(), "self"],
      ["none", new Map(), "packed"],
      ["packed", selfSigned(), "packed"],
    ] as const) {
      expect(() => check(format, statement, policy)).toThrow(WebAuthnFault);
    }
  });

  const other = device.makeKey(-7);
  const rogue = makeCertificate({ unit: "Root", isCa: true });
  test.each([
    ["an empty one that says something", "none", selfSigned()],
    ["an unknown format", "fido-u2f", basic()],
    ["an Android format", "android-safetynet", new Map()],
    ["no signature", "packed", new Map<string, unknown>([["alg", -7]])],
    ["another algorithm than the key's", "packed", selfSigned([["alg", -257]])],
    [
      "a signature of another key",
      "packed",
      selfSigned([["sig", signWith({ privateKey: other.privateKey, algorithm: -7 }, signed)]]),
    ],
    [
      "a signature of something else",
      "packed",
      selfSigned([
        ["sig", signWith({ privateKey: own.privateKey, algorithm: -7 }, Buffer.from("x"))],
      ]),
    ],
    ["no certificates", "packed", selfSigned([["x5c", []]])],
    ["a certificate that is text", "packed", selfSigned([["x5c", ["x"]]])],
    ["a certificate that is noise", "packed", selfSigned([["x5c", [Buffer.from("noise")]]])],
    ["a certificate of another key", "packed", basic(own as never, [leaf.der])],
    ["a certificate of another purpose", "packed", basic(makeCertificate({ unit: "Web" }))],
    ["an authority's certificate", "packed", basic(makeCertificate({ isCa: true }))],
    [
      "a certificate of another model",
      "packed",
      basic(makeCertificate({ aaguid: Buffer.alloc(16, 1) })),
    ],
  ])("with %s is refused whatever the policy", (_what, format, statement) => {
    for (const policy of Object.keys(policies)) {
      expect(() => check(format, statement, policy)).toThrow(WebAuthnFault);
    }
  });

  test.each([
    ["of no root of ours", basic(makeCertificate({ issuer: rogue }))],
    ["signed by itself", basic(makeCertificate())],
    [
      "over an issuer that is no authority",
      (() => {
        const middle = makeCertificate({ issuer: root });
        const child = makeCertificate({ issuer: middle });
        return basic(child, [child.der, middle.der]);
      })(),
    ],
    ["that has run out", basic(makeCertificate({ issuer: root, validTo: "210101000000Z" }))],
    [
      "with the root's certificate beside a leaf of another",
      (() => {
        const stray = makeCertificate({ issuer: rogue });
        return basic(stray, [stray.der, root.der]);
      })(),
    ],
  ])("by a maker's certificate %s is refused where makers are named", (_what, statement) => {
    expect(check("packed", statement)).toBe("basic");
    expect(() => check("packed", statement, "packed")).toThrow(WebAuthnFault);
  });

  test("over an authority in between is accepted", () => {
    const middle = makeCertificate({ unit: "Between", isCa: true, issuer: root });
    const child = makeCertificate({ issuer: middle });
    expect(check("packed", basic(child, [child.der, middle.der]), "packed")).toBe("basic");
    expect(() => check("packed", basic(child), "packed")).toThrow(WebAuthnFault);
  });

  test("by a certificate with any byte turned is refused or sound, and nothing else", () => {
    for (let at = 0; at < leaf.der.length; at += 1) {
      for (const bit of [1, 0x80]) {
        const bent = Buffer.from(leaf.der);
        bent[at] = (bent[at] ?? 0) ^ bit;
        for (const policy of ["none", "packed"]) {
          try {
            expect(check("packed", basic(leaf, [bent]), policy)).toBe("basic");
            // Only what no signature covers may differ, and so never where makers are named.
            expect(policy).toBe("none");
          } catch (error) {
            expect(error).toBeInstanceOf(WebAuthnFault);
          }
        }
      }
    }
  });
});

describe("a whole answer", () => {
  const ceremony: Ceremony = {
    challenge: new Uint8Array(32).fill(9),
    rpId: "app.example.test",
    acceptsOrigin: (origin) => origin === "https://app.example.test",
    requireUserVerification: true,
  };
  const challenge = Buffer.from(ceremony.challenge).toString("base64url");
  const policy: AttestationPolicy = { least: "none", roots: [] };
  const made = device.create({ rp: { id: ceremony.rpId }, user: { id: "" }, challenge });
  const credential = verifyRegistration(readCredentialJson(made.json), ceremony, policy, 0);
  const signed = device.get({ rpId: ceremony.rpId, challenge }, made.credential);
  const use = (json: object) =>
    verifyAssertion(readCredentialJson(json as never), credential, ceremony);

  test("is good as it is", () => {
    expect(use(signed)).toEqual({ signCount: 0, backedUp: false });
  });

  test.each(["authenticatorData", "clientDataJSON", "signature"])(
    "with any bit of %s turned is refused",
    (member) => {
      const bytes = Buffer.from(signed.response[member], "base64url");
      for (let at = 0; at < bytes.length * 8; at += 1) {
        const bent = Buffer.from(bytes);
        bent[at >> 3] = (bent[at >> 3] ?? 0) ^ (1 << (at & 7));
        const response = { ...signed.response, [member]: bent.toString("base64url") };
        expect(() => use({ ...signed, response })).toThrow(WebAuthnFault);
      }
      for (let length = 0; length < bytes.length; length += 1) {
        const cut = bytes.subarray(0, length).toString("base64url");
        const response = { ...signed.response, [member]: cut };
        expect(() => use({ ...signed, response })).toThrow(WebAuthnFault);
      }
    },
  );

  test("of a registration with any byte turned is refused or sound, and nothing else", () => {
    const bytes = Buffer.from(made.json.response.attestationObject, "base64url");
    for (let at = 0; at < bytes.length; at += 1) {
      const bent = Buffer.from(bytes);
      bent[at] = (bent[at] ?? 0) ^ 0x11;
      const response = {
        ...made.json.response,
        attestationObject: bent.toString("base64url"),
      };
      try {
        verifyRegistration(readCredentialJson({ ...made.json, response }), ceremony, policy, 0);
      } catch (error) {
        expect(error).toBeInstanceOf(WebAuthnFault);
      }
    }
  });
});

test("base64url has one spelling", () => {
  expect(fromBase64url("-_8")).toEqual(new Uint8Array([0xfb, 0xff]));
  for (const text of ["-_8=", "+/8", "-_9", "-_8\n", " ", "é", 7, null, undefined]) {
    expect(fromBase64url(text)).toBeNull();
  }
});
