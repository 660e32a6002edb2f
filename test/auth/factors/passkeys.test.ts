/** Passkeys: registered, used, listed, renamed and removed, by the person and by the server. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Caller } from "../../../src/capabilities/auth/auth-state.ts";
import { relyingParty } from "../../../src/capabilities/auth/passkeys/relying-party.ts";
import { DEFAULT_TENANT } from "../../../src/core/tenant.ts";
import { type AuthWorld, openAuthWorld, type SignedIn, signIn, signUp } from "../auth-world.ts";
import { claimsOf, protectedPerson, send } from "./factor-world.ts";
import { type Issued, makeCertificate, pemOf } from "./make-certificate.ts";
import {
  addPasskey,
  ORIGIN,
  registrationOptions,
  signInOptions,
  tryRegistration,
  trySignIn,
} from "./passkey-world.ts";
import { AT, BE, BS, SoftAuthenticator, signWith, UP, UV } from "./soft-authenticator.ts";

setDefaultTimeout(60_000);

let world: AuthWorld;
let count = 0;
const newPerson = () => signUp(world, `passkey-${++count}@example.test`);
const device = () => new SoftAuthenticator(ORIGIN);

beforeAll(async () => {
  world = await openAuthWorld({ site_url: ORIGIN });
});
afterAll(() => world.close());

describe("registration", () => {
  test("asks for a discoverable credential that recognises its person", async () => {
    const person = await newPerson();
    const { challenge_id, options, expires_at } = await registrationOptions(world, person);
    expect(challenge_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(expires_at).toBe(Math.floor(world.clock.now() / 1000) + 300);
    expect(options).toEqual({
      rp: { id: "app.example.test", name: "app.example.test" },
      user: {
        id: Buffer.from(person.userId).toString("base64url"),
        name: `passkey-${count}@example.test`,
        displayName: `passkey-${count}@example.test`,
      },
      challenge: expect.stringMatching(/^[\w-]{43}$/),
      pubKeyCredParams: [-8, -7, -257].map((alg) => ({ type: "public-key", alg })),
      timeout: 300_000,
      excludeCredentials: [],
      authenticatorSelection: {
        residentKey: "required",
        requireResidentKey: true,
        userVerification: "required",
      },
      attestation: "none",
    });
  });

  test("excludes what the person has, and names what it made", async () => {
    const person = await newPerson();
    const own = device();
    own.aaguid = Buffer.from("fbfc3007154e4ecc8c0b6e020557d7bd", "hex");
    const { answer, credential } = await tryRegistration(world, person, own);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      id: expect.any(String),
      friendly_name: "Apple Passwords",
      created_at: world.state.now().toISOString(),
    });
    const { options } = await registrationOptions(world, person);
    expect(options.excludeCredentials).toEqual([
      { type: "public-key", id: credential.id.toString("base64url"), transports: ["internal"] },
    ]);
    const rows = await world.sql`
      select action from (select payload ->> 'action' as action, payload ->> 'actor_id' as actor
        from auth.audit_log_entries) as log
      where actor = ${person.userId} and action = 'passkey_created'`;
    expect(rows).toHaveLength(1);
    const events = await world.sql`
      select from reactor.events where type = 'auth.passkey_added' and subject = ${person.userId}`;
    expect(events).toHaveLength(1);
  });

  test("stops at ten", async () => {
    const person = await newPerson();
    for (let n = 0; n < 9; n += 1) await addPasskey(world, person, device());
    const last = await registrationOptions(world, person);
    await addPasskey(world, person, device());
    const eleventh = await send(world, person, "POST", "/passkeys/registration/options", {});
    expect([eleventh.status, eleventh.body.code]).toEqual([422, "too_many_passkeys"]);
    const { json } = device().create(last.options);
    const late = await send(world, person, "POST", "/passkeys/registration/verify", {
      challenge_id: last.challenge_id,
      credential: json,
    });
    expect([late.status, late.body.code]).toEqual([422, "too_many_passkeys"]);
  });

  test("needs the second factor of who has one, and so does removal", async () => {
    const { email, raised } = await protectedPerson(world);
    const lesser = await signIn(world, email);
    const options = await send(world, lesser, "POST", "/passkeys/registration/options", {});
    expect([options.status, options.body.code]).toEqual([403, "insufficient_aal"]);
    const { passkeyId } = await addPasskey(world, raised, device());
    const removal = await send(world, lesser, "DELETE", `/passkeys/${passkeyId}`);
    expect([removal.status, removal.body.code]).toEqual([403, "insufficient_aal"]);
    expect((await send(world, raised, "DELETE", `/passkeys/${passkeyId}`)).status).toBe(204);
  });

  test("is not for the anonymous, nor for people of a company's sign-on", async () => {
    const person = await newPerson();
    await world.sql`update auth.users set is_sso_user = true where id = ${person.userId}`;
    const sso = await send(world, person, "POST", "/passkeys/registration/options", {});
    expect([sso.status, sso.body.code]).toEqual([400, "validation_failed"]);
    await world.sql`update auth.users set is_anonymous = true where id = ${person.userId}`;
    const anonymous = await send(world, person, "POST", "/passkeys/registration/options", {});
    expect([anonymous.status, anonymous.body.code]).toEqual([403, "no_authorization"]);
    const nobody = await world.send("POST", "/auth/v1/passkeys/registration/options", { body: {} });
    expect(nobody.status).toBe(401);
  });
});

describe("a sign-in", () => {
  test.each([
    ["ES256", -7],
    ["EdDSA", -8],
    ["RS256", -257],
  ] as const)("with %s begins a session of the person", async (_name, algorithm) => {
    const person = await newPerson();
    const own = device();
    const passkey = await addPasskey(world, person, own, algorithm);
    const { options } = await signInOptions(world);
    expect(options).toEqual({
      challenge: expect.stringMatching(/^[\w-]{43}$/),
      timeout: 300_000,
      rpId: "app.example.test",
      allowCredentials: [],
      userVerification: "required",
    });
    const answer = await trySignIn(world, own, passkey);
    expect(answer.status).toBe(200);
    const claims = claimsOf(answer.body.access_token);
    expect([claims.sub, claims.aal]).toEqual([person.userId, "aal1"]);
    expect(claims.amr.map((entry: { method: string }) => entry.method)).toEqual(["passkey"]);
    const [row] = await world.sql`
      select last_used_at from auth.webauthn_credentials where id = ${passkey.passkeyId}`;
    expect(row?.["last_used_at"]).toEqual(world.state.now());
  });

  test("shows the factors of the person, who is asked for one next", async () => {
    const { raised, factor } = await protectedPerson(world);
    const own = device();
    const passkey = await addPasskey(world, raised, own);
    const { body } = await trySignIn(world, own, passkey);
    expect(claimsOf(body.access_token).aal).toBe("aal1");
    expect(body.user.factors).toMatchObject([{ id: factor.id, status: "verified" }]);
  });

  test("is refused to the banned, the unconfirmed and the removed", async () => {
    const person = await newPerson();
    const own = device();
    const passkey = await addPasskey(world, person, own);
    const codeAfter = async (change: string) => {
      await world.sql.unsafe(`update auth.users set ${change} where id = '${person.userId}'`);
      const { status, body } = await trySignIn(world, own, passkey);
      return [status, body.code];
    };
    expect(await codeAfter("banned_until = '2999-01-01'")).toEqual([400, "user_banned"]);
    expect(await codeAfter("banned_until = 'infinity'")).toEqual([400, "user_banned"]);
    expect(await codeAfter("banned_until = null, email_confirmed_at = null")).toEqual([
      400,
      "email_not_confirmed",
    ]);
    expect(await codeAfter("email_confirmed_at = now(), deleted_at = now()")).toEqual([
      400,
      "webauthn_verification_failed",
    ]);
    expect(await codeAfter("deleted_at = null")).toEqual([200, undefined]);
  });

  test("follows a passkey that is synchronised, and is not told apart by its counter of 0", async () => {
    const person = await newPerson();
    const own = device();
    const kind = UP | UV | BE;
    const passkey = await addPasskey(world, person, own, -7, { flags: kind | AT });
    for (const flags of [kind, kind | BS]) {
      expect((await trySignIn(world, own, passkey, { flags })).status).toBe(200);
    }
    const [row] = await world.sql`
      select backup_eligible, backed_up from auth.webauthn_credentials
      where id = ${passkey.passkeyId}`;
    expect(row).toEqual({ backup_eligible: true, backed_up: true });
  });

  test("is limited by address, and asks for a captcha where one is configured", async () => {
    world.refuse(1);
    const limited = await world.send("POST", "/auth/v1/passkeys/authentication/options", {
      body: {},
    });
    expect([limited.status, limited.body.code]).toEqual([429, "over_request_rate_limit"]);
    expect(world.limited.at(-1)?.key).toMatch(/^auth:passkey:address:/);
  });
});

describe("the list", () => {
  async function withTwo(): Promise<{ person: SignedIn; ids: string[] }> {
    const person = await newPerson();
    const ids = [];
    for (let n = 0; n < 2; n += 1) {
      ids.push((await addPasskey(world, person, device())).passkeyId);
      await world.clock.advance(1000);
    }
    return { person, ids };
  }

  test("shows the person's own, oldest first; names are changed", async () => {
    const { person, ids } = await withTwo();
    const list = await send(world, person, "GET", "/passkeys");
    expect(list.body.map(({ id }: { id: string }) => id)).toEqual(ids);
    const body = { friendly_name: "Blue key" };
    const renamed = await send(world, person, "PATCH", `/passkeys/${ids[0]}`, body);
    expect(renamed.body).toMatchObject({ id: ids[0], friendly_name: "Blue key" });
    for (const [name, status] of [
      ["", 400],
      ["x".repeat(121), 400],
      [7, 400],
    ] as const) {
      const wrong = { friendly_name: name };
      expect((await send(world, person, "PATCH", `/passkeys/${ids[0]}`, wrong)).status).toBe(
        status,
      );
    }
  });

  test("is nobody else's", async () => {
    const { ids } = await withTwo();
    const stranger = await newPerson();
    expect((await send(world, stranger, "GET", "/passkeys")).body).toEqual([]);
    for (const id of [ids[0], "not-a-uuid"]) {
      const body = { friendly_name: "mine" };
      expect((await send(world, stranger, "PATCH", `/passkeys/${id}`, body)).status).toBe(404);
      expect((await send(world, stranger, "DELETE", `/passkeys/${id}`)).status).toBe(404);
    }
  });

  test("loses what is removed, which signs nobody in any more", async () => {
    const person = await newPerson();
    const own = device();
    const passkey = await addPasskey(world, person, own);
    const removed = await send(world, person, "DELETE", `/passkeys/${passkey.passkeyId}`);
    expect([removed.status, removed.body]).toEqual([204, null]);
    expect((await trySignIn(world, own, passkey)).status).toBe(400);
    const events = await world.sql`
      select from reactor.events
      where type = 'auth.passkey_removed' and subject = ${person.userId}`;
    expect(events).toHaveLength(1);
  });

  test("is the secret key's to read and to clear, and nobody else's", async () => {
    const { person, ids } = await withTwo();
    const path = `/auth/v1/admin/users/${person.userId}/passkeys`;
    const bearer = world.project.secretKey;
    const list = await world.send("GET", path, { bearer });
    expect(list.body.map(({ id }: { id: string }) => id)).toEqual(ids);
    expect((await world.send("DELETE", `${path}/${ids[0]}`, { bearer })).status).toBe(204);
    expect((await world.send("DELETE", `${path}/${ids[0]}`, { bearer })).status).toBe(404);
    const own = { bearer: person.accessToken };
    expect((await world.send("GET", path, own)).status).toBe(403);
    expect((await world.send("DELETE", `${path}/${ids[1]}`, own)).status).toBe(403);
    const gone = "00000000-0000-0000-0000-000000000000";
    const nobody = await world.send("GET", `/auth/v1/admin/users/${gone}/passkeys`, { bearer });
    expect(nobody.status).toBe(404);
  });
});

describe("where makers must attest", () => {
  test("authenticators of the named ones are taken, and no others", async () => {
    const root = makeCertificate({ unit: "Root", isCa: true });
    const dir = mkdtempSync(join(tmpdir(), "reactor-attestation-"));
    const file = join(dir, "makers.pem");
    writeFileSync(
      file,
      `Makers we buy from.\n${pemOf(makeCertificate({ isCa: true }))}${pemOf(root)}`,
    );
    const strict = await openAuthWorld({
      site_url: ORIGIN,
      webauthn_attestation: "packed",
      webauthn_attestation_roots: [file],
    });
    rmSync(dir, { recursive: true });
    const person = await signUp(strict, "strict@example.test");
    expect((await registrationOptions(strict, person)).options.attestation).toBe("direct");
    const attested = (leaf: Issued) => ({
      format: "packed",
      statement: (signed: Buffer) =>
        new Map<string, unknown>([
          ["alg", -7],
          ["sig", signWith({ privateKey: leaf.privateKey, algorithm: -7 }, signed)],
          ["x5c", [leaf.der]],
        ]),
    });
    const good = attested(makeCertificate({ issuer: root, aaguid: Buffer.alloc(16) }));
    const bad = attested(makeCertificate());
    const own = device();
    const passkey = await addPasskey(strict, person, own, -7, good);
    expect((await trySignIn(strict, own, passkey)).status).toBe(200);
    for (const deviation of [bad, {}]) {
      const { answer } = await tryRegistration(strict, person, device(), deviation);
      expect([answer.status, answer.body.code]).toEqual([400, "webauthn_verification_failed"]);
    }
    await strict.close();
  });

  test("the settings are checked at the start", async () => {
    const bad = (roots: string[]) =>
      openAuthWorld({ webauthn_attestation: "packed", webauthn_attestation_roots: roots });
    await expect(bad([])).rejects.toThrow("webauthn_attestation_roots");
    await expect(bad([import.meta.path])).rejects.toThrow("holds no PEM certificate");
    await expect(bad(["/nowhere/at/all.pem"])).rejects.toThrow("ENOENT");
  });
});

describe("without a domain", () => {
  test.each([
    ["switched off", { site_url: ORIGIN, passkeys: false }],
    ["an address for a site", { site_url: "http://192.0.2.7:3000" }],
  ])("(%s) there are no passkeys", async (_why, config) => {
    const bare = await openAuthWorld(config);
    const answer = await bare.send("POST", "/auth/v1/passkeys/authentication/options", {
      body: {},
    });
    expect([answer.status, answer.body.code]).toEqual([404, "passkey_disabled"]);
    await bare.close();
  });

  test("no request names one, whatever host it was sent to", async () => {
    const bare = await openAuthWorld();
    const party = (origin: string) =>
      relyingParty(bare.state, { tenant: DEFAULT_TENANT, origin } as Caller)?.id ?? null;
    for (const host of ["evil.example", "localhost.evil.example", "evillocalhost", "192.0.2.1"]) {
      expect([host, party(`https://${host}`)]).toEqual([host, null]);
    }
    expect(party("http://app.localhost:3000")).toBe("app.localhost");
    await bare.close();
  });

  test("nothing configured, localhost is the domain and its ports are pages", async () => {
    const bare = await openAuthWorld();
    const person = await signUp(bare, "local@example.test");
    const own = new SoftAuthenticator("http://localhost:5173");
    const passkey = await addPasskey(bare, person, own);
    expect((await trySignIn(bare, own, passkey)).status).toBe(200);
    for (const origin of ["http://localhost.evil.test", "https://evil.test", "http://127.0.0.1"]) {
      expect((await trySignIn(bare, own, passkey, { origin })).status).toBe(400);
    }
    await bare.close();
  });

  test("named by the settings, the party and its pages are those", async () => {
    const named = await openAuthWorld({
      site_url: "https://api.example.test",
      webauthn_rp_id: "example.test",
      webauthn_rp_name: "Ann's App",
      webauthn_origins: ["https://app.example.test", "android:apk-key-hash:abc"],
    });
    const person = await signUp(named, "named@example.test");
    const { options } = await registrationOptions(named, person);
    expect(options.rp).toEqual({ id: "example.test", name: "Ann's App" });
    const own = device();
    const passkey = await addPasskey(named, person, own);
    const app = { origin: "android:apk-key-hash:abc" };
    expect((await trySignIn(named, own, passkey, app)).status).toBe(200);
    const site = { origin: "https://api.example.test" };
    expect((await trySignIn(named, own, passkey, site)).status).toBe(400);
    await named.close();
  });
});
