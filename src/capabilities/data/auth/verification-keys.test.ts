import { expect, test } from "bun:test";
import { pairFor } from "./token.fixture.ts";
import { readKeys } from "./verification-keys.ts";

const keysOf = (secret: string | object) =>
  readKeys(Buffer.from(typeof secret === "string" ? secret : JSON.stringify(secret)));
const SHORT = "The JWT secret must be at least 32 characters long.";

test("a text is a secret from 32 bytes on", () => {
  expect(() => keysOf("x".repeat(31))).toThrow(SHORT);
  expect(keysOf("x".repeat(32)).map((key) => [...key.algorithms])).toEqual([["HS256"]]);
  expect(keysOf(`{${"x".repeat(40)}`)).toHaveLength(1);
});

test("what reads as JSON is keys or nothing, never a secret", () => {
  const rsa = pairFor("RS256").jwk;
  const broken = [
    [{ ...rsa, kty: "rsa" }, "not a key"],
    [{ ...rsa, n: "" }, "0 bits"],
    [{ ...rsa, n: undefined }, "cannot be read"],
    [{ ...rsa, use: "enc" }, "not a key"],
    [{ ...rsa, alg: "PS256" }, "not a key"],
    [{ keys: [] }, "no key"],
    [{ keys: {} }, "no key"],
    [{ keys: [{ kty: "oct", use: "enc", k: "x".repeat(60) }, null, 5] }, "no key"],
    [{ padding: "x".repeat(40) }, "not a key"],
    [{ kty: "EC", crv: "secp256k1", x: "AA", y: "AA" }, "not a key"],
    [{ kty: "EC", crv: "P-256", x: "AA", y: "AA" }, "cannot be read"],
    [{ kty: "OKP", crv: "X25519", x: "AA" }, "not a key"],
  ] as const;
  for (const [jwk, why] of broken) expect(() => keysOf(jwk)).toThrow(why);
});

test("keys that are too weak are refused", () => {
  expect(() => keysOf(pairFor("RS256", 1024).jwk)).toThrow("1024 bits");
  expect(() => keysOf({ kty: "oct", k: "" })).toThrow(SHORT);
  expect(() => keysOf({ kty: "oct" })).toThrow(SHORT);
});
