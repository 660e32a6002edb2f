import { describe, expect, test } from "bun:test";
import { createSimClock } from "../../../test/support/sim-clock.ts";
import { type ForgeKey, forge, newKey } from "../../../test/support/token-forge.ts";
import { createTokenVerifier } from "./verify-token.ts";

// What the conformance suite of AuthClient cannot reach: odd keys, and what the cache does.
const issuer = "urn:test";
const clock = createSimClock();
const exp = Math.floor(clock.now() / 1_000) + 3_600;
const sub = "018f3a5e-0000-7000-8000-000000000001";
const claims = { iss: issuer, aud: "authenticated", sub, role: "authenticated", exp };
const header = (kid: string) => ({ alg: "ES256", kid, typ: "JWT" });

describe("the token verifier", () => {
  test("takes P-256 keys only, though a provider gives others", async () => {
    for (const curve of ["P-384", "P-521"]) {
      const key = newKey("k", curve);
      const { verify } = createTokenVerifier({
        ...{ key: () => key.publicJwk, issuer: () => issuer, clock },
      });
      expect(() => verify(forge(key, header("k"), claims))).toThrow("credential");
    }
  });

  test("verifies a remembered token again when its key changed or is gone", () => {
    const signer = newKey("k");
    let current: ForgeKey | null = signer;
    const key = () => current?.publicJwk ?? null;
    const { verify } = createTokenVerifier({ key, issuer: () => issuer, clock });
    const token = forge(signer, header("k"), claims);
    void verify(token);
    current = newKey("k");
    expect(() => verify(token)).toThrow("credential");
    current = { ...signer, publicJwk: { ...signer.publicJwk } };
    expect(verify(token)).toMatchObject({ userId: sub });
    current = null;
    expect(() => verify(token)).toThrow("credential");
  });

  test("remembers nothing when told so", () => {
    const own = newKey("k");
    const { verify } = createTokenVerifier({
      ...{ key: () => own.publicJwk, issuer: () => issuer, clock, cacheMax: 0 },
    });
    const token = forge(own, header("k"), claims);
    expect(verify(token)).not.toBe(verify(token));
  });

  test("answers at once from its cache, with the same principal", () => {
    const own = newKey("k");
    const { verify } = createTokenVerifier({
      ...{ key: () => own.publicJwk, issuer: () => issuer, clock },
    });
    const token = forge(own, header("k"), claims);
    const first = verify(token);
    expect(first).not.toBeInstanceOf(Promise);
    expect(verify(token)).toBe(first);
  });

  test("waits for keys and issuer that have to be fetched, and passes their failure on", async () => {
    const own = newKey("k");
    const issuerLater = async () => issuer;
    const good = createTokenVerifier({
      key: async () => own.publicJwk,
      issuer: issuerLater,
      clock,
    });
    const token = forge(own, header("k"), claims);
    expect(await good.verify(token)).toMatchObject({ userId: sub });
    const failing = createTokenVerifier({
      ...{ key: () => Promise.reject(new Error("planted")), issuer: issuerLater, clock },
    });
    expect(Promise.resolve(failing.verify(token))).rejects.toThrow("planted");
  });

  test("stops honouring its cache when the issuer changes", () => {
    const own = newKey("k");
    let current = issuer;
    const { verify } = createTokenVerifier({
      ...{ key: () => own.publicJwk, issuer: () => current, clock },
    });
    const token = forge(own, header("k"), claims);
    void verify(token);
    current = "urn:another";
    expect(() => verify(token)).toThrow("credential");
  });
});
