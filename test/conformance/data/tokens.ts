/** The tokens that rows send: each by its name, `{harbour_clerk.token}`. */
import {
  hs256,
  type Pair,
  pairFor,
  SECRET,
  token,
} from "../../../src/capabilities/data/auth/token.fixture.ts";
import { systemClock } from "../../../src/shared/clock.ts";
import { projectOf } from "../../support/row-world.ts";
import { forge } from "../../support/token-forge.ts";
import { type Role, tokenOf } from "./kit.ts";

export { SECRET };

export type Tokens = Readonly<Record<string, string>>;

const ROLES: readonly Role[] = [
  "harbour_clerk",
  "harbour_master",
  "harbour_visitor",
  "Harbour Guest",
];
/** The `sub` of every good token. */
const SUBJECT = "01890000-0000-7000-8000-0000000000aa";
const HOUR_S = 3600;

const nowS = () => Math.floor(systemClock.now() / 1000);
const byRole = (make: (role: Role) => string): Tokens =>
  Object.fromEntries(ROLES.map((role) => [tokenOf(role), make(role)]));

const PAIRS: readonly (readonly [kid: string, pair: Pair])[] = [
  ["rs", pairFor("RS256")],
  ["es", pairFor("ES256")],
  ["ed", pairFor("EdDSA")],
];
/** A JSON Web Key Set with one key of each kind. */
export const KEY_SET = JSON.stringify({ keys: PAIRS.map(([kid, { jwk }]) => ({ ...jwk, kid })) });
/** The secret as a JSON Web Key. */
export const SECRET_JWK = JSON.stringify({
  kty: "oct",
  alg: "HS256",
  k: Buffer.from(SECRET).toString("base64url"),
});

/** Of the server's own identity. */
export async function identityTokens(server: Parameters<typeof projectOf>[0]): Promise<Tokens> {
  const project = await projectOf(server);
  const [key] = project.signingKeys;
  if (!key) throw new Error("the project has no signing key");
  const header = { alg: "ES256", kid: key.kid, typ: "JWT" };
  const claims = { iss: project.issuer, aud: "authenticated", sub: SUBJECT, exp: nowS() + HOUR_S };
  return byRole((role) => forge(key, header, { ...claims, role }));
}

/** Signed with `jwt_secret`; the good ones, and each way to be bad. */
export function secretTokens(): Tokens {
  const good = { sub: SUBJECT, role: "harbour_clerk", exp: nowS() + HOUR_S };
  return {
    ...byRole((role) => hs256({ ...good, role })),
    expired: hs256({ ...good, exp: nowS() - HOUR_S }),
    early: hs256({ ...good, nbf: nowS() + HOUR_S }),
    future: hs256({ ...good, iat: nowS() + HOUR_S }),
    forged: hs256(good, `${SECRET}!`),
    roleless: hs256({ sub: SUBJECT }),
    everlasting: hs256({ role: "harbour_clerk" }),
    stranger: hs256({ ...good, role: "nobody_there" }),
    owner: hs256({ ...good, role: "postgres" }),
    timeless: hs256({ ...good, exp: "tomorrow" }),
    nested: hs256({ ...good, role: "harbour_master", realm: { roles: ["x", "harbour_clerk"] } }),
    ours: hs256({ ...good, aud: "harbour" }),
    among: hs256({ ...good, aud: ["elsewhere", "harbour"] }),
    theirs: hs256({ ...good, aud: "elsewhere" }),
    halves: hs256(good).split(".").slice(0, 2).join("."),
    ...Object.fromEntries(
      PAIRS.map(([kid, { algorithm, sign }]) => [kid, token({ alg: algorithm, kid }, good, sign)]),
    ),
    unsigned: token({ alg: "none" }, good, () => new Uint8Array()),
  };
}
