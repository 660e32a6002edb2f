/**
 * What every AuthClient must do: the one in the auth server's own process, and the one that stands
 * for it elsewhere. Each bad token is a good one with exactly one thing wrong, so that the check for
 * that thing is what refuses it.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { ReactorError } from "../../src/core/errors.ts";
import type { AuthClient, Principal } from "../../src/core/ports/auth.ts";
import type { SimClock } from "../support/sim-clock.ts";
import {
  type ForgeKey,
  forge,
  forgeHmac,
  type Json,
  newKey,
  segment,
} from "../support/token-forge.ts";
import { failure } from "./opened.ts";

export interface OpenedAuthClient {
  readonly client: AuthClient;
  readonly clock: SimClock;
  readonly issuer: string;
  readonly publishableKey: string;
  readonly secretKey: string;
  /** Signs now. */
  readonly key: ForgeKey;
  /** Makes the auth server sign with, and accept, only this key from now on. */
  rotate(key: ForgeKey): void;
  close(): Promise<void>;
}

const t = { id: "default" };
const USER = "018f3a5e-0000-7000-8000-000000000001";

export function authClientConformance(name: string, open: () => Promise<OpenedAuthClient>): void {
  describe(`AuthClient (${name})`, () => {
    let o: OpenedAuthClient;
    beforeAll(async () => {
      o = await open();
    });
    afterAll(() => o?.close());

    const nowS = () => Math.floor(o.clock.now() / 1_000);
    const header = (): Json => ({ alg: "ES256", kid: o.key.kid, typ: "JWT" });
    const claims = (): Json => ({
      ...{ iss: o.issuer, aud: "authenticated", sub: USER, role: "authenticated" },
      ...{ iat: nowS(), exp: nowS() + 3_600, session_id: "s", app_metadata: { é: "😀" } },
    });
    const issue = (overrides: Json = {}) => forge(o.key, header(), { ...claims(), ...overrides });
    const bearer = async (token: string | null, apikey: string | null = null): Promise<Principal> =>
      await o.client.authenticate(t, { bearer: token, apikey });
    const refusal = (token: string): Promise<ReactorError> =>
      failure(async () => await o.client.authenticate(t, { bearer: token, apikey: null }));
    const expectRefused = async (token: string, because: string) => {
      const error = await refusal(token);
      expect([error.code, error.status]).toEqual(["bad_credential", 401]);
      expect(error.headers["WWW-Authenticate"]).toContain("invalid_token");
      expect(error.details).toContain(because);
    };

    test("no credential at all is anon", async () => {
      const anon = { role: "anon", userId: null, claims: '{"role":"anon"}', expiresAt: Infinity };
      expect(await bearer(null)).toEqual(anon);
    });

    test("a token proves who its subject is, with its claims as they were signed", async () => {
      const json = ` ${JSON.stringify(claims())}`;
      expect(await bearer(forge(o.key, header(), json))).toEqual({
        ...{ role: "authenticated", userId: USER, claims: json },
        expiresAt: (nowS() + 3_600) * 1_000,
      });
      const other = await bearer(issue({ aud: ["x", "authenticated"], role: "my_role2" }));
      expect(other.role).toBe("my_role2");
      const noTyp = forge(o.key, { alg: "ES256", kid: o.key.kid }, claims());
      expect((await bearer(noTyp)).userId).toBe(USER);
      expect((await bearer(issue({ role: "service_role" }))).role).toBe("service_role");
    });

    test("the project's keys are roles, in either header, and a bearer outranks apikey", async () => {
      const { publishableKey, secretKey } = o;
      const role = async (b: string | null, k: string | null) => (await bearer(b, k)).role;
      expect(await role(null, publishableKey)).toBe("anon");
      expect(await role(null, secretKey)).toBe("service_role");
      expect(await role(publishableKey, null)).toBe("anon");
      expect(await role(secretKey, null)).toBe("service_role");
      expect(await role(issue(), secretKey)).toBe("authenticated");
      expect(await role(publishableKey, secretKey)).toBe("anon");
      const service = await bearer(null, secretKey);
      expect(service.userId).toBeNull();
      expect(service.claims).toBe('{"role":"service_role"}');
      expect(service.expiresAt).toBe(Number.POSITIVE_INFINITY);
    });

    test("a wrong key is refused, and never counts as nobody", async () => {
      const { secretKey, publishableKey } = o;
      const wrong = ["x", "sb_secret_", secretKey.slice(0, -1), `${secretKey}x`];
      wrong.push(secretKey.toUpperCase(), publishableKey.slice(0, -1), "anon", "service_role");
      for (const key of wrong) {
        const byKey = failure(async () => await bearer(null, key));
        expect([(await byKey).code, (await byKey).status]).toEqual(["bad_credential", 401]);
        expect((await refusal(key)).code).toBe("bad_credential");
      }
      const tokenAsKey = failure(async () => await bearer(null, issue()));
      expect((await tokenAsKey).code).toBe("bad_credential");
    });

    test("a token cut short at any byte is refused", async () => {
      const token = issue();
      for (let length = 1; length < token.length; length++) {
        expect((await refusal(token.slice(0, length))).code).toBe("bad_credential");
      }
    });

    test("a token with any bit changed is refused", async () => {
      const token = Buffer.from(issue());
      for (let at = 0; at < token.length; at++) {
        for (let bit = 0; bit < 8; bit++) {
          const changed = Buffer.from(token);
          changed[at] = (changed[at] ?? 0) ^ (1 << bit);
          expect((await refusal(changed.toString("latin1"))).code).toBe("bad_credential");
        }
      }
    });

    test("a token of another shape is refused", async () => {
      const token = issue();
      const [h = "", c = "", s = ""] = token.split(".");
      for (const parts of [`${token}.`, `${token}.${s}`, `.${token}`, `${h}.${c}.`, `${h}..${s}`]) {
        await expectRefused(parts, "three parts");
      }
      await expectRefused(".".repeat(5_000), "three parts");
      await expectRefused(`${token}=`, "canonical");
      await expectRefused(`${h}=.${c}.${s}`, "canonical");
      await expectRefused(` ${token}`, "canonical");
      await expectRefused(forge(o.key, "not json", claims()), "JSON");
      await expectRefused(forge(o.key, header(), "{"), "JSON");
      for (const value of ["null", "[]", '"text"', "1"]) {
        await expectRefused(forge(o.key, header(), value), "object");
      }
      const notUtf8 = Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]).toString("base64url");
      await expectRefused(`${h}.${notUtf8}.${s}`, "UTF-8");
    });

    test("only the one spelling of the signature's bytes is taken", async () => {
      const token = issue();
      const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
      const last = alphabet.indexOf(token.at(-1) ?? "");
      // 86 characters hold 516 bits: the last four are free, and must be zero.
      for (let stray = 1; stray < 16; stray++) {
        const other = token.slice(0, -1) + (alphabet[last ^ stray] ?? "");
        await expectRefused(other, "canonical");
      }
    });

    test("a token of more than 8 KiB is refused, good as it may be", async () => {
      await expectRefused(issue({ filler: "x".repeat(8_192) }), "too long");
      expect((await bearer(issue({ filler: "x".repeat(5_000) }))).userId).toBe(USER);
    });

    test("only ES256 is taken, however it is signed", async () => {
      for (const alg of [
        "none",
        "None",
        "NONE",
        "",
        "HS256",
        "RS256",
        "ES384",
        "es256",
        "EdDSA",
        null,
      ]) {
        await expectRefused(forge(o.key, { ...header(), alg }, claims()), "algorithm");
      }
      await expectRefused(forge(o.key, { kid: o.key.kid, typ: "JWT" }, claims()), "algorithm");
      const unsigned = `${segment({ alg: "none", kid: o.key.kid })}.${segment(claims())}`;
      await expectRefused(`${unsigned}.`, "three parts");
      await expectRefused(`${unsigned}.AA`, "algorithm");
      const hmac = { ...header(), alg: "HS256" };
      for (const secret of [
        JSON.stringify(o.key.publicJwk),
        o.key.publicJwk["x"] ?? "",
        "",
        "secret",
      ]) {
        await expectRefused(forgeHmac(secret, hmac, claims()), "algorithm");
        await expectRefused(forgeHmac(secret, header(), claims()), "signature");
      }
    });

    test("a header that would change what the token means is refused", async () => {
      const { publicJwk } = newKey("evil");
      const extras: Json[] = [{ crit: ["exp"] }, { crit: [] }, { b64: false }, { b64: true }];
      extras.push(
        { jwk: publicJwk },
        { jku: "http://evil.example/k" },
        { x5u: "http://evil.example" },
      );
      extras.push(
        { x5c: ["MII"] },
        { zip: "DEF" },
        { enc: "A256GCM" },
        { cty: "JWT" },
        { p2c: 2 ** 31 },
      );
      for (const extra of extras) {
        const [member = ""] = Object.keys(extra);
        await expectRefused(forge(o.key, { ...header(), ...extra }, claims()), `'${member}'`);
      }
      for (const typ of ["at+jwt", "jwt", "JWS", "dpop+jwt", "", null, 1]) {
        await expectRefused(forge(o.key, { ...header(), typ }, claims()), "type");
      }
    });

    test("only a key of the project signs", async () => {
      const evil = newKey("evil");
      await expectRefused(forge(evil, header(), claims()), "signature");
      await expectRefused(forge(evil, { ...header(), kid: "evil" }, claims()), "unknown key");
      const kids = [
        "",
        "../../etc/passwd",
        "' or 1=1 --",
        "\0",
        "__proto__",
        "x".repeat(500),
        null,
        1,
      ];
      for (const kid of [...kids, ["a"], { a: 1 }]) {
        const error = await refusal(forge(o.key, { ...header(), kid }, claims()));
        expect(error.details).toMatch(/names no key|unknown key/);
      }
      await expectRefused(forge(o.key, { alg: "ES256" }, claims()), "names no key");
      const [h = "", c = ""] = issue().split(".");
      for (const bytes of [
        new Uint8Array(64),
        new Uint8Array(0),
        new Uint8Array(63).fill(1),
        new Uint8Array(65).fill(1),
        new Uint8Array(128).fill(1),
      ]) {
        if (bytes.length === 0) await expectRefused(`${h}.${c}.`, "three parts");
        else
          await expectRefused(`${h}.${c}.${Buffer.from(bytes).toString("base64url")}`, "signature");
      }
    });

    test("a token must say when it expires, and is refused from then on", async () => {
      const { exp: _, ...endless } = claims();
      await expectRefused(forge(o.key, header(), endless), "when it expires");
      for (const exp of ["9999999999", null, true, [], {}]) {
        await expectRefused(issue({ exp }), "when it expires");
      }
      const huge = JSON.stringify(claims()).replace(/"exp":\d+/, '"exp":1e400');
      await expectRefused(forge(o.key, header(), huge), "when it expires");
      for (const exp of [0, -1, nowS() - 1, nowS(), o.clock.now() / 1_000]) {
        await expectRefused(issue({ exp }), "expired");
      }
      expect((await bearer(issue({ exp: nowS() + 1.5 }))).userId).toBe(USER);
    });

    test("a token that was accepted is refused once it has expired", async () => {
      const token = issue({ exp: nowS() + 10 });
      expect((await bearer(token)).userId).toBe(USER);
      await o.clock.advance(9_999);
      expect((await bearer(token)).userId).toBe(USER);
      await o.clock.advance(1);
      await expectRefused(token, "expired");
    });

    test("a token from the future is refused beyond a minute", async () => {
      expect((await bearer(issue({ nbf: nowS() + 60, iat: nowS() + 60 }))).userId).toBe(USER);
      await expectRefused(issue({ nbf: nowS() + 62 }), "not valid yet");
      await expectRefused(issue({ iat: nowS() + 62 }), "future");
      for (const time of ["0", null, []]) {
        await expectRefused(issue({ nbf: time }), "not valid yet");
        await expectRefused(issue({ iat: time }), "future");
      }
      const { iat: _, ...timeless } = claims();
      expect((await bearer(forge(o.key, header(), timeless))).userId).toBe(USER);
    });

    test("a token of another issuer is refused", async () => {
      const near = [
        `${o.issuer}/`,
        o.issuer.slice(0, -1),
        o.issuer.toUpperCase(),
        "",
        null,
        [o.issuer],
      ];
      for (const iss of near) await expectRefused(issue({ iss }), "issuer");
      const { iss: _, ...nameless } = claims();
      await expectRefused(forge(o.key, header(), nameless), "issuer");
    });

    test("a token for another audience is refused", async () => {
      for (const aud of [
        "authenticate",
        "authenticated ",
        "xauthenticated",
        "",
        null,
        [],
        ["x"],
        { authenticated: 1 },
        [["authenticated"]],
      ]) {
        await expectRefused(issue({ aud }), "audience");
      }
      const { aud: _, ...open } = claims();
      await expectRefused(forge(o.key, header(), open), "audience");
    });

    test("a token whose subject is no user id is refused", async () => {
      for (const sub of [
        "",
        "1",
        1,
        null,
        USER.toUpperCase(),
        `${USER} `,
        `{${USER}}`,
        USER.replaceAll("-", ""),
      ]) {
        await expectRefused(issue({ sub }), "subject");
      }
      const { sub: _, ...nobody } = claims();
      await expectRefused(forge(o.key, header(), nobody), "subject");
    });

    test("a token with a role that owns things is refused, though well signed", async () => {
      const owners = [
        "postgres",
        "authenticator",
        "supabase_admin",
        "rds_superuser",
        "pg_read_all_data",
      ];
      const malformed = [
        "",
        "Postgres",
        "a b",
        'a"',
        "1a",
        "a-b",
        "x".repeat(64),
        "none",
        null,
        1,
        ["anon"],
      ];
      for (const role of [...owners, ...malformed]) await expectRefused(issue({ role }), "role");
      const { role: _, ...roleless } = claims();
      await expectRefused(forge(o.key, header(), roleless), "role");
      await expectRefused(issue({ role: "authenticated\n" }), "role");
    });

    test("after a rotation new tokens are accepted and those of the withdrawn key are not", async () => {
      const before = o.key;
      const old = forge(before, header(), { ...claims(), exp: nowS() + 86_400 });
      expect((await bearer(old)).userId).toBe(USER);
      const fresh = newKey(`fresh-${name}`);
      o.rotate(fresh);
      // A server elsewhere asks for unknown keys at most every 10 s.
      await o.clock.advance(10_000);
      expect((await bearer(forge(fresh, { ...header(), kid: fresh.kid }, claims()))).userId).toBe(
        USER,
      );
      const stale = await refusal(old);
      expect(stale.details).toContain("unknown key");
      o.rotate(before);
      await o.clock.advance(10_000);
      expect((await bearer(issue())).userId).toBe(USER);
    });
  });
}
