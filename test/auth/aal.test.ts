/** What a person with a second factor may not change before they have used it in this session. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type AuthWorld, openAuthWorld, type SignedIn, signUp } from "./auth-world.ts";
import { begin, decide, describeRequest, register, sendForm } from "./oauth-world.ts";

setDefaultTimeout(60_000);

let world: AuthWorld;
let count = 0;

beforeAll(async () => {
  world = await openAuthWorld();
});
afterAll(() => world.close());

async function personWith(status: "verified" | "unverified", type = "totp"): Promise<SignedIn> {
  const person = await signUp(world, `aal-${++count}@example.test`);
  const now = world.state.now();
  await world.sql`
    insert into auth.mfa_factors (id, user_id, factor_type, status, created_at, updated_at)
    values (gen_random_uuid(), ${person.userId}, ${type}, ${status}, ${now}, ${now})`;
  return person;
}

const update = (person: SignedIn, body: object) =>
  world.send("PUT", "/auth/v1/user", { bearer: person.accessToken, body });

describe("with a verified second factor", () => {
  test.each([
    ["the password", { password: "a wholly new password" }],
    ["the address", { email: "taken-over@example.test" }],
  ])("%s is changed at aal2 only", async (_what, body) => {
    const person = await personWith("verified");
    const { status, body: answer } = await update(person, body);
    expect([status, answer.code]).toEqual([401, "insufficient_aal"]);
    expect(answer.message).toBe(
      "AAL2 session is required to update email or password when MFA is enabled.",
    );
    await world.sql`update auth.sessions set aal = 'aal2' where user_id = ${person.userId}`;
    expect((await update(person, body)).status).toBe(200);
  });

  test("an app is let in at aal2 only, also where it was before", async () => {
    const person = await personWith("verified");
    const client = await register(world);
    const id = await begin(world, client);
    expect((await describeRequest(world, person, id)).status).toBe(200);
    const refused = await decide(world, person, id);
    expect([refused.status, refused.body.code]).toEqual([401, "insufficient_aal"]);
    await world.sql`update auth.sessions set aal = 'aal2' where user_id = ${person.userId}`;
    expect((await decide(world, person, id)).status).toBe(200);
    await world.sql`update auth.sessions set aal = 'aal1' where user_id = ${person.userId}`;
    const again = await describeRequest(world, person, await begin(world, client));
    expect([again.status, again.body.code]).toEqual([401, "insufficient_aal"]);
  });

  test("a device is let in at aal2 only", async () => {
    const person = await personWith("verified");
    const grant_types = ["urn:ietf:params:oauth:grant-type:device_code"];
    const client = await register(world, { redirect_uris: [], grant_types });
    const { body: asked } = await sendForm(world, client, "device_authorization", {});
    const approve = () =>
      world.send("POST", "/auth/v1/oauth/device", {
        bearer: person.accessToken,
        body: { user_code: asked.user_code, action: "approve" },
      });
    const refused = await approve();
    expect([refused.status, refused.body.code]).toEqual([401, "insufficient_aal"]);
    await world.sql`update auth.sessions set aal = 'aal2' where user_id = ${person.userId}`;
    expect((await approve()).status).toBe(200);
  });

  test("metadata is changed at aal1", async () => {
    expect((await update(await personWith("verified"), { data: { theme: "dark" } })).status).toBe(
      200,
    );
  });

  test("a token of no session is not aal2, whatever it says", async () => {
    const person = await personWith("verified");
    const [key] = world.project.signingKeys;
    if (!key) throw new Error("no key");
    const now = Math.floor(world.clock.now() / 1000);
    const token = await world.state.signer.sign(key, {
      iss: world.project.issuer,
      aud: "authenticated",
      role: "authenticated",
      sub: person.userId,
      aal: "aal2",
      iat: now,
      exp: now + 60,
    });
    const answer = await world.send("PUT", "/auth/v1/user", {
      bearer: token,
      body: { password: "a wholly new password" },
    });
    expect([answer.status, answer.body.code]).toEqual([401, "insufficient_aal"]);
  });
});

test("a factor that was never verified asks for nothing", async () => {
  const person = await personWith("unverified");
  expect((await update(person, { password: "a wholly new password" })).status).toBe(200);
});

test("the person shows their factors as they stand", async () => {
  const person = await personWith("verified");
  const factors = async () =>
    (await world.send("GET", "/auth/v1/user", { bearer: person.accessToken })).body.factors;
  const at = world.state.now().toISOString();
  expect(await factors()).toEqual([
    {
      id: expect.any(String),
      factor_type: "totp",
      status: "verified",
      created_at: at,
      updated_at: at,
    },
  ]);
  await world.sql`delete from auth.mfa_factors where user_id = ${person.userId}`;
  expect(await factors()).toBeUndefined();
});
