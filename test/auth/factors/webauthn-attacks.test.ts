/**
 * Attacks on WebAuthn, against the whole way of a request: replay, other pages and parties, copies
 * of an authenticator, other people's credentials, flags, and what is no answer at all.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { verifyAuthenticationResponse, verifyRegistrationResponse } from "@simplewebauthn/server";
import { type AuthWorld, openAuthWorld, type SignedIn, signIn, signUp } from "../auth-world.ts";
import { enrollTotp, protectedPerson, send, stepUp } from "./factor-world.ts";
import {
  addKey,
  addPasskey,
  beginKey,
  challengeKey,
  ORIGIN,
  registrationOptions,
  signInOptions,
  tryKey,
  tryRegistration,
  trySignIn,
  verifyKey,
} from "./passkey-world.ts";
import {
  AT,
  BE,
  BS,
  type Deviation,
  ED,
  SoftAuthenticator,
  type SoftCredential,
  UP,
  UV,
} from "./soft-authenticator.ts";

setDefaultTimeout(60_000);

let world: AuthWorld;
let count = 0;
let victim: SignedIn;
let device: SoftAuthenticator;
let passkey: SoftCredential & { readonly passkeyId: string };

const newPerson = () => signUp(world, `attacked-${++count}@example.test`);
const outcome = ({ status, body }: { status: number; body: { code?: string } }) => [
  status,
  body.code,
];
const REFUSED = [400, "webauthn_verification_failed"];
const VERIFY = "/auth/v1/passkeys/authentication/verify";
const answer = (challengeId: unknown, credential: unknown) =>
  world.send("POST", VERIFY, { body: { challenge_id: challengeId, credential } });

beforeAll(async () => {
  world = await openAuthWorld({ site_url: ORIGIN, rate_limit_passkey: 100_000 });
  victim = await newPerson();
  device = new SoftAuthenticator(ORIGIN);
  passkey = await addPasskey(world, victim, device);
});
afterAll(() => world.close());

const flip = (at: number) => (bytes: Buffer) => {
  const bent = Buffer.from(bytes);
  const index = at < 0 ? bent.length + at : at;
  bent[index] = (bent[index] ?? 0) ^ 1;
  return bent;
};

/** Wrong in both ceremonies. */
const COMMON: readonly (readonly [string, Deviation])[] = [
  ["another origin", { origin: "https://evil.example" }],
  ["the origin by http", { origin: "http://app.example.test" }],
  ["another port of the origin", { origin: `${ORIGIN}:8443` }],
  ["a name below the origin's", { origin: "https://x.app.example.test" }],
  ["the name above the origin's", { origin: "https://example.test" }],
  ["a name that begins like the origin", { origin: `${ORIGIN}.evil.example` }],
  ["a name that ends like the origin", { origin: "https://evilapp.example.test" }],
  ["the origin with a slash", { origin: `${ORIGIN}/` }],
  ["the origin in capitals", { origin: ORIGIN.toUpperCase() }],
  ["the origin after a name and @", { origin: "https://app.example.test@evil.example" }],
  ["a null origin", { origin: "null" }],
  ["an empty origin", { origin: "" }],
  ["a page in a frame", { crossOrigin: true }],
  ["a page in a frame, in words", { crossOrigin: "true" }],
  ["a page with another at the top", { topOrigin: "https://evil.example" }],
  ["another relying party", { rpId: "evil.example" }],
  ["the relying party above", { rpId: "example.test" }],
  ["the relying party as an origin", { rpId: ORIGIN }],
  ["an empty relying party", { rpId: "" }],
  ["another challenge", { challenge: "A".repeat(43) }],
  ["no challenge", { challenge: "" }],
  [
    "a challenge with padding",
    { clientData: (json) => json.replace(/("challenge":"[^"]+)"/, '$1="') },
  ],
  ["another ceremony", { type: "payment.get" }],
  ["no ceremony", { clientData: (json) => json.replace(/"type":"[^"]+",/, "") }],
  ["client data that is an array", { clientData: (json) => `[${json}]` }],
  ["client data that is null", { clientData: () => "null" }],
  ["client data cut short", { clientData: (json) => json.slice(0, -1) }],
  ["client data of UTF-8's look-alikes", { clientData: (json) => json.replace("https", "ｈttps") }],
];

/** A new credential must be attested (AT), so flags differ by ceremony. */
const flagged = (at: number): readonly (readonly [string, Deviation])[] => [
  ["nobody there", { flags: UV | at }],
  ["a person who was not recognised", { flags: UP | at }],
  ["no flag at all", { flags: at }],
  ["a backup of what cannot be backed up", { flags: UP | UV | BS | at }],
  ["extensions that are not there", { flags: UP | UV | ED | at }],
  ["bytes left over", { authData: (bytes) => Buffer.concat([bytes, Buffer.from([0])]) }],
  ["bytes missing", { authData: (bytes) => bytes.subarray(0, bytes.length - 1) }],
  ["36 bytes of data", { authData: (bytes) => bytes.subarray(0, 36) }],
];

describe("a sign-in with", () => {
  test.each([...COMMON, ...flagged(0)])("%s is refused", async (_what, deviation) => {
    expect(outcome(await trySignIn(world, device, passkey, deviation))).toEqual(REFUSED);
  });

  test.each<readonly [string, Deviation]>([
    ["a credential in its data that it does not hold", { flags: UP | UV | AT }],
    ["a passkey that has become one that can be backed up", { flags: UP | UV | BE }],
    ["a registration's client data", { type: "webauthn.create" }],
    ["the first bit of the signature turned", { signature: flip(0) }],
    ["the last bit of the signature turned", { signature: flip(-1) }],
    ["half a signature", { signature: (bytes) => bytes.subarray(0, 30) }],
    ["no user handle", { userHandle: null }],
    ["an empty user handle", { userHandle: "" }],
    ["a user handle that is no base64url", { userHandle: "!!" }],
    ["an unknown credential", { credentialId: Buffer.from("nobody's") }],
    ["a credential id with one bit turned", {}],
  ])("%s is refused", async (what, deviation) => {
    const bent = what.startsWith("a credential id") ? { credentialId: flip(5)(passkey.id) } : {};
    const tried = await trySignIn(world, device, passkey, { ...deviation, ...bent });
    expect(outcome(tried)).toEqual(REFUSED);
    expect(tried.body.details).toBeNull();
  });

  test("none of that works, and the passkey itself still does", async () => {
    expect((await trySignIn(world, device, passkey)).status).toBe(200);
  });
});

describe("an answer", () => {
  test("is good once", async () => {
    const { challenge_id, options } = await signInOptions(world);
    const json = device.get(options, passkey);
    expect((await answer(challenge_id, json)).status).toBe(200);
    const gone = [400, "webauthn_challenge_not_found"];
    expect(outcome(await answer(challenge_id, json))).toEqual(gone);
    const next = await signInOptions(world);
    expect(outcome(await answer(next.challenge_id, json))).toEqual(REFUSED);
    expect(outcome(await answer(next.challenge_id, device.get(next.options, passkey)))).toEqual(
      gone,
    );
  });

  test("of many at once is taken once", async () => {
    const { challenge_id, options } = await signInOptions(world);
    const json = device.get(options, passkey);
    const all = await Promise.all(Array.from({ length: 10 }, () => answer(challenge_id, json)));
    expect(all.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  test("is good for five minutes", async () => {
    const { challenge_id, options } = await signInOptions(world);
    const json = device.get(options, passkey);
    await world.clock.advance(300_000);
    expect(outcome(await answer(challenge_id, json))).toEqual([400, "webauthn_challenge_expired"]);
  });

  test("belongs to its ceremony and its person", async () => {
    const gone = [400, "webauthn_challenge_not_found"];
    const other = await newPerson();
    const mine = await registrationOptions(world, victim);
    const { json } = device.create(mine.options);
    const stolen = { challenge_id: mine.challenge_id, credential: json };
    expect(
      outcome(await send(world, other, "POST", "/passkeys/registration/verify", stolen)),
    ).toEqual(gone);
    const asSignIn = device.get({ rpId: mine.options.rp.id, ...mine.options }, passkey);
    expect(outcome(await answer(mine.challenge_id, asSignIn))).toEqual(gone);
    const signInNow = await signInOptions(world);
    const asNew = device.create({ ...mine.options, challenge: signInNow.options.challenge });
    const body = { challenge_id: signInNow.challenge_id, credential: asNew.json };
    expect(
      outcome(await send(world, victim, "POST", "/passkeys/registration/verify", body)),
    ).toEqual(gone);
  });

  test.each([
    ["no challenge", (json: object) => [undefined, json], "validation_failed"],
    ["a challenge that is no id", (json: object) => ["x", json], "validation_failed"],
    ["no credential", (_json: object, id: string) => [id, undefined], "validation_failed"],
    ["text for a credential", (_json: object, id: string) => [id, "x"], "validation_failed"],
    ["an array for a credential", (_json: object, id: string) => [id, []], "validation_failed"],
  ] as const)("without %s is refused", async (_what, make, code) => {
    const { challenge_id, options } = await signInOptions(world);
    const [id, json] = make(device.get(options, passkey), challenge_id);
    expect(outcome(await answer(id, json))).toEqual([400, code]);
  });

  test.each<readonly [string, (json: Record<string, unknown>) => object]>([
    ["of another type", (json) => ({ ...json, type: "password" })],
    ["with two ids", (json) => ({ ...json, rawId: "AAAA" })],
    ["without an id", ({ id: _id, ...json }) => json],
    ["without a response", ({ response: _response, ...json }) => json],
    ["with a response of text", (json) => ({ ...json, response: "x" })],
    ["with numbers for bytes", (json) => ({ ...json, response: { clientDataJSON: 7 } })],
    ["with an empty response", (json) => ({ ...json, response: {} })],
    ["of nothing", () => ({})],
  ])("%s is refused", async (_what, change) => {
    const { challenge_id, options } = await signInOptions(world);
    const json = change(device.get(options, passkey));
    expect(outcome(await answer(challenge_id, json))).toEqual(REFUSED);
  });
});

describe("another person's passkey", () => {
  test("signs nobody else in, whatever handle it shows", async () => {
    const mallory = await newPerson();
    const own = new SoftAuthenticator(ORIGIN);
    const hers = await addPasskey(world, mallory, own);
    const handleOfVictim = Buffer.from(victim.userId).toString("base64url");
    expect(outcome(await trySignIn(world, own, hers, { userHandle: handleOfVictim }))).toEqual(
      REFUSED,
    );
    const claimed = { credentialId: passkey.id, userHandle: handleOfVictim };
    expect(outcome(await trySignIn(world, own, hers, claimed))).toEqual(REFUSED);
    expect(outcome(await trySignIn(world, own, hers, { credentialId: passkey.id }))).toEqual(
      REFUSED,
    );
  });

  test("is registered by nobody else, not even by who made it up", async () => {
    const mallory = await newPerson();
    const own = new SoftAuthenticator(ORIGIN);
    const { answer: taken } = await tryRegistration(world, mallory, own, {
      credentialId: passkey.id,
    });
    expect(outcome(taken)).toEqual([422, "webauthn_credential_exists"]);
    expect((await trySignIn(world, device, passkey)).status).toBe(200);
  });
});

describe("a copy of an authenticator", () => {
  test.each([
    [5, 5],
    [5, 4],
    [5, 0],
    [0xffffffff, 1],
  ])("is told by its counter: after %d comes no %d", async (first, second) => {
    const own = new SoftAuthenticator(ORIGIN);
    const counted = await addPasskey(world, await newPerson(), own, -7, { counter: first - 1 });
    expect((await trySignIn(world, own, counted, { counter: first })).status).toBe(200);
    expect(outcome(await trySignIn(world, own, counted, { counter: second }))).toEqual(REFUSED);
    expect(world.log.lines.some((line) => JSON.stringify(line).includes("cloned"))).toBe(true);
    if (first < 0xffffffff) {
      expect((await trySignIn(world, own, counted, { counter: first + 1 })).status).toBe(200);
    }
  });

  test("and its model do not both win a race", async () => {
    const own = new SoftAuthenticator(ORIGIN);
    const counted = await addPasskey(world, await newPerson(), own, -7, { counter: 1 });
    const tries = await Promise.all(
      Array.from({ length: 6 }, () => trySignIn(world, own, counted, { counter: 2 })),
    );
    expect(tries.filter(({ status }) => status === 200)).toHaveLength(1);
  });
});

describe("a registration with", () => {
  test.each<readonly [string, Deviation]>([
    ...COMMON,
    ...flagged(AT),
    ["a sign-in's client data", { type: "webauthn.get" }],
    ["no credential", { flags: UP | UV }],
    ["an attestation it does not announce", { statement: () => new Map([["x", 1]]) }],
    ["an unknown attestation", { format: "tpm" }],
    [
      "a packed attestation of noise",
      {
        format: "packed",
        statement: () =>
          new Map<string, unknown>([
            ["alg", -7],
            ["sig", Buffer.from("noise")],
          ]),
      },
    ],
    ["CBOR cut short", { attestation: (bytes) => bytes.subarray(0, -1) }],
    [
      "CBOR with bytes left over",
      { attestation: (bytes) => Buffer.concat([bytes, Buffer.from([0])]) },
    ],
    ["CBOR of an array", { attestation: () => Buffer.from([0x80]) }],
    [
      "CBOR that claims four billion members",
      { attestation: () => Buffer.from("baffffffff", "hex") },
    ],
    ["CBOR that never ends", { attestation: () => Buffer.alloc(3000, 0x81) }],
    ["CBOR without data", { attestation: () => Buffer.from("a163666d74646e6f6e65", "hex") }],
    ["JSON for CBOR", { attestation: () => Buffer.from("{}") }],
    ["an id of 1024 bytes", { credentialId: Buffer.alloc(1024, 7) }],
  ])("%s is refused", async (_what, deviation) => {
    const { answer: tried } = await tryRegistration(
      world,
      victim,
      new SoftAuthenticator(ORIGIN),
      deviation,
    );
    expect(outcome(tried)).toEqual(REFUSED);
  });

  test("transports of any kind keeps those that are names", async () => {
    const transports = ["usb", "<script>", 7, "x".repeat(40), "hybrid", null];
    const { answer: made } = await tryRegistration(world, victim, new SoftAuthenticator(ORIGIN), {
      transports,
    });
    const [row] = await world.sql`
      select transports from auth.webauthn_credentials where id = ${made.body.id}`;
    expect(row?.["transports"]).toEqual(["usb", "hybrid"]);
  });
});

describe("a security key as second factor", () => {
  const FAILED = [422, "mfa_verification_failed"];
  const GONE = [422, "mfa_factor_not_found"];

  async function keyed() {
    const email = `key-${++count}@example.test`;
    const person = await signUp(world, email);
    const own = new SoftAuthenticator(ORIGIN);
    const key = await addKey(world, person, own);
    const lesser = await signIn(world, email);
    return { email, person, own, key, lesser };
  }

  test("raises the session, in which it is asked for by name", async () => {
    const { own, key, lesser } = await keyed();
    const { options, type } = await challengeKey(world, lesser, key.factorId);
    expect(type).toBe("request");
    expect(options).toMatchObject({
      rpId: "app.example.test",
      userVerification: "preferred",
      allowCredentials: [{ type: "public-key", id: key.credential.id.toString("base64url") }],
    });
    const raised = await tryKey(world, lesser, own, key, { flags: UP, userHandle: null });
    expect(raised.status).toBe(200);
    expect(raised.body.user.factors).toMatchObject([
      { factor_type: "webauthn", status: "verified" },
    ]);
    const claims = JSON.parse(
      Buffer.from(raised.body.access_token.split(".")[1], "base64url").toString(),
    );
    expect(claims.aal).toBe("aal2");
    expect(JSON.stringify(claims.amr)).toContain("mfa/webauthn");
  });

  test.each([...COMMON.slice(0, 20), ["nobody there", { flags: 0 }] as const])(
    "is refused with %s",
    async (_what, deviation) => {
      const { own, key, lesser } = await keyed();
      expect(outcome(await tryKey(world, lesser, own, key, deviation))).toEqual(FAILED);
    },
  );

  test("answers a challenge once, and no other", async () => {
    const { own, key, lesser } = await keyed();
    const first = await challengeKey(world, lesser, key.factorId);
    const json = own.get(first.options, key.credential);
    const verify = (id: string, type = "request", by: { accessToken: string } = lesser) =>
      verifyKey(world, { refreshToken: "", ...by }, key.factorId, id, type, json);
    expect(outcome(await verify(first.id, "create"))).toEqual([400, "validation_failed"]);
    expect((await verify(first.id)).status).toBe(200);
    expect(outcome(await verify(first.id))).toEqual(GONE);
    const second = await challengeKey(world, lesser, key.factorId);
    expect(outcome(await verify(second.id))).toEqual(FAILED);
    expect(outcome(await verify(second.id))).toEqual(GONE);
  });

  test("is not another of the person's keys, nor their passkey, nor another's", async () => {
    const { own, key, lesser } = await keyed();
    const stranger = await keyed();
    const spare = new SoftAuthenticator(ORIGIN);
    const passkeyOfOwn = await addPasskey(world, key.raised, spare);
    for (const [by, credential] of [
      [spare, passkeyOfOwn],
      [stranger.own, stranger.key.credential],
      [stranger.own, { ...stranger.key.credential, id: key.credential.id }],
    ] as const) {
      const factorId = key.factorId;
      expect(outcome(await tryKey(world, lesser, by, { factorId, credential }))).toEqual(FAILED);
    }
    const handle = { userHandle: Buffer.from(stranger.person.userId).toString("base64url") };
    expect(outcome(await tryKey(world, lesser, own, key, handle))).toEqual(FAILED);
    // And a key that is a factor signs nobody in on its own.
    expect(outcome(await trySignIn(world, own, key.credential))).toEqual(REFUSED);
  });

  test("is enrolled once: its credential belongs to one account", async () => {
    const { key } = await keyed();
    const other = await newPerson();
    const own = new SoftAuthenticator(ORIGIN);
    const factorId = await beginKey(world, other);
    const { id, options } = await challengeKey(world, other, factorId);
    const { json } = own.create(options, -7, { credentialId: key.credential.id });
    expect(outcome(await verifyKey(world, other, factorId, id, "create", json))).toEqual(FAILED);
  });

  test("that was copied is refused", async () => {
    const { own, key, lesser } = await keyed();
    expect((await tryKey(world, lesser, own, key, { counter: 7 })).status).toBe(200);
    expect(outcome(await tryKey(world, lesser, own, key, { counter: 7 }))).toEqual(FAILED);
  });

  test("is not enrolled at aal1 beside another factor, though it was begun before", async () => {
    const thief = await newPerson();
    const factorId = await beginKey(world, thief, "thief's");
    await stepUp(world, thief, await enrollTotp(world, thief));
    const again = await signIn(world, `attacked-${count}@example.test`);
    const { id, options } = await challengeKey(world, again, factorId);
    const { json } = new SoftAuthenticator(ORIGIN).create(options);
    const tried = await verifyKey(world, again, factorId, id, "create", json);
    expect(outcome(tried)).toEqual([403, "insufficient_aal"]);
  });

  test.each([
    ["no answer", undefined],
    ["no response", { type: "request" }],
    ["another type", { type: "get", credential_response: {} }],
    ["text", "x"],
  ])("takes no %s", async (_what, webauthn) => {
    const { key, lesser } = await keyed();
    const { id } = await challengeKey(world, lesser, key.factorId);
    const body = { challenge_id: id, ...(webauthn === undefined ? {} : { webauthn }) };
    const path = `/factors/${key.factorId}/verify`;
    const tried = await send(world, lesser, "POST", path, body);
    expect(outcome(tried)).toEqual([400, "validation_failed"]);
  });
});

describe("what another implementation refuses", () => {
  const expected = { expectedOrigin: ORIGIN, expectedRPID: "app.example.test" };

  test("of new credentials is refused here, and what it accepts was meant to be good", async () => {
    const all: readonly (readonly [string, Deviation])[] = [
      ["good", {}],
      ...COMMON,
      ...flagged(AT),
    ];
    for (const [what, deviation] of all) {
      const { options } = await registrationOptions(world, victim);
      const { json } = new SoftAuthenticator(ORIGIN).create(options, -7, deviation);
      const theirs = await verifyRegistrationResponse({
        response: json,
        expectedChallenge: options.challenge,
        requireUserVerification: true,
        ...expected,
      }).then(
        ({ verified }) => verified,
        () => false,
      );
      const { answer: ours } = await tryRegistration(
        world,
        await newPerson(),
        new SoftAuthenticator(ORIGIN),
        deviation,
      );
      if (what === "good") expect([theirs, ours.status]).toEqual([true, 200]);
      else if (!theirs) expect([what, ours.status]).toEqual([what, 400]);
    }
  });

  test("of signatures is refused here", async () => {
    const all: readonly (readonly [string, Deviation])[] = [["good", {}], ...COMMON, ...flagged(0)];
    for (const [what, deviation] of all) {
      const { options } = await signInOptions(world);
      const theirs = await verifyAuthenticationResponse({
        response: device.get(options, passkey, deviation),
        expectedChallenge: options.challenge,
        requireUserVerification: true,
        credential: {
          id: passkey.id.toString("base64url"),
          publicKey: new Uint8Array(passkey.cose),
          counter: 0,
        },
        ...expected,
      }).then(
        ({ verified }) => verified,
        () => false,
      );
      const ours = await trySignIn(world, device, passkey, deviation);
      if (what === "good") expect([theirs, ours.status]).toEqual([true, 200]);
      else if (!theirs) expect([what, ours.status]).toEqual([what, 400]);
    }
  });
});

test("a person whose second factor is a code may not be bypassed by a passkey's session", async () => {
  const { raised } = await protectedPerson(world);
  const own = new SoftAuthenticator(ORIGIN);
  const theirs = await addPasskey(world, raised, own);
  const { body } = await trySignIn(world, own, theirs);
  const session = { accessToken: body.access_token, refreshToken: "" };
  const change = await send(world, session, "PUT", "/user", { password: "a wholly new password" });
  expect(outcome(change)).toEqual([401, "insufficient_aal"]);
});
