/** Bearer tokens of somebody else's, and what of a request the database is told. */
import type { Mutation } from "../mutation.ts";

const TOKENS = { tests: ["src/capabilities/data/auth/token-verifier.test.ts"] };
const AUTH = "src/capabilities/data/auth";

export const dataTokens: readonly Mutation[] = [
  {
    ...TOKENS,
    file: `${AUTH}/token-verifier.ts`,
    name: "data token: the signature is not checked",
    find: "if (!suitable.some((key) => key.verify(algorithm, signed, signature))) {",
    replace: "if (suitable.length === 0) {",
    why: "anybody writes their own token",
  },
  {
    ...TOKENS,
    file: `${AUTH}/token-verifier.ts`,
    name: "data token: any key for any algorithm",
    find: "key.algorithms.has(algorithm) && ",
    replace: "",
    why: "a public key becomes a shared secret",
  },
  {
    ...TOKENS,
    file: `${AUTH}/token-verifier.ts`,
    name: "data token: another key than the one it names",
    find: "(kid === null || key.kid === kid)",
    replace: "(kid === null || key.kid !== undefined)",
    why: "a withdrawn key goes on signing under another's name",
  },
  {
    ...TOKENS,
    file: `${AUTH}/token-verifier.ts`,
    name: "data token: a remembered one outlives its exp",
    find: "      checkClaims(entry.claims, clock.now(), rules.audience);\n",
    replace: "      if (!known) checkClaims(entry.claims, clock.now(), rules.audience);\n",
    why: "the cache keeps honouring what has ended",
  },
  {
    ...TOKENS,
    file: `${AUTH}/token-verifier.ts`,
    name: "data token: the login itself as a role",
    find: 'role === "none" || ',
    replace: "",
    why: "a token runs as the authenticator, who may become anybody",
  },
  {
    ...TOKENS,
    file: `${AUTH}/parse-token.ts`,
    name: "data token: a header that has to be understood",
    find: "if (crit !== undefined) throw",
    replace: "if (crit === null) throw",
    why: "an extension that changes the meaning of a token is passed over",
  },
  {
    ...TOKENS,
    file: `${AUTH}/check-claims.ts`,
    name: "data token: a date beyond all dates",
    find: " || exp >= LATEST_S",
    replace: "",
    why: "a number too large makes a token eternal",
  },
  {
    ...TOKENS,
    file: `${AUTH}/check-claims.ts`,
    name: "data token: any audience",
    find: "audiences.includes(audience)) return;",
    replace: "audiences.length > 0) return;",
    why: "a token for another service is good here",
  },
  {
    ...TOKENS,
    file: `${AUTH}/verification-keys.ts`,
    name: "data token: a broken key set as a secret",
    find: '  if (!jwk) return [secretKey(secret, null, ["HS256"])];',
    replace:
      '  if (!jwk?.["keys"] && !jwk?.["kty"]) return [secretKey(secret, null, ["HS256"])];\n  if (!jwk) return [];',
    tests: ["src/capabilities/data/auth/verification-keys.test.ts"],
    why: "a public document with a mistake in it signs tokens",
  },
  {
    file: `${AUTH}/caller.ts`,
    name: "data: nobody where nobody may",
    find: "if (!room.anonymous) throw errors.PGRST302();",
    replace: "",
    tests: ["test/data/transactions.test.ts"],
    why: "requests without a credential are served though they are refused",
  },
  {
    file: "src/capabilities/data/transaction.ts",
    name: "data: the pre-request function is left out",
    find: "if (room.before.length > 0) transaction.before = room.before;",
    replace: "",
    tests: ["test/data/transactions.test.ts"],
    why: "who was to be refused is served",
  },
];
