/** People without a credential, and how they get one. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type AuthWorld, openAuthWorld, PASSWORD } from "./auth-world.ts";
import { follow, lastTo } from "./mailbox.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

let world: AuthWorld;
let trusting: AuthWorld;
let count = 0;
const nextEmail = () => `guest-${++count}@example.test`;

beforeAll(async () => {
  world = await openAuthWorld(
    { anonymous_sign_ins: true, autoconfirm: false },
    { development: true },
  );
  trusting = await openAuthWorld({ anonymous_sign_ins: true });
});
afterAll(async () => {
  await world.close();
  await trusting.close();
});

const post = (path: string, body: unknown, on = world) =>
  on.send("POST", `/auth/v1/${path}`, { body });
const put = (bearer: string, body: unknown, on = world) =>
  on.send("PUT", "/auth/v1/user", { bearer, body });
const me = (bearer: string, on = world) => on.send("GET", "/auth/v1/user", { bearer });
const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());

async function guest(on = world) {
  const { body } = await post("signup", { data: { theme: "dark" } }, on);
  return { bearer: body.access_token as string, refresh: body.refresh_token, user: body.user };
}

describe("a guest", () => {
  test("gets a session that says so", async () => {
    const { bearer, user } = await guest();
    expect(user).toMatchObject({
      is_anonymous: true,
      email: "",
      phone: "",
      app_metadata: {},
      user_metadata: { theme: "dark" },
      identities: [],
    });
    expect(claimsOf(bearer)).toMatchObject({
      role: "authenticated",
      is_anonymous: true,
      amr: [{ method: "anonymous" }],
    });
  });

  test("is nobody where that is not allowed", async () => {
    const strict = await openAuthWorld();
    try {
      const { status, body } = await post("signup", {}, strict);
      expect([status, body.code]).toEqual([422, "anonymous_provider_disabled"]);
    } finally {
      await strict.close();
    }
  });

  test("is limited by address, in a limit of its own", async () => {
    await guest();
    expect(world.limited.some(({ key }) => key.startsWith("auth:anonymous:address:"))).toBe(true);
  });

  test("cannot set a password before an address is known to be theirs", async () => {
    const { bearer } = await guest();
    for (const body of [{ password: PASSWORD }, { password: PASSWORD, email: nextEmail() }]) {
      const refused = await put(bearer, body);
      expect([refused.status, refused.body.code]).toEqual([422, "validation_failed"]);
    }
  });
});

describe("an upgrade", () => {
  test("by mail keeps id and metadata, and ends the session that proved nothing", async () => {
    const { bearer, refresh, user } = await guest();
    const email = nextEmail();
    expect((await put(bearer, { email })).body).toMatchObject({
      is_anonymous: true,
      new_email: email,
    });
    const { code } = lastTo(world, email);
    const done = await post("verify", { type: "email_change", email, token: code });
    expect(done.body.user).toMatchObject({
      id: user.id,
      email,
      is_anonymous: false,
      app_metadata: { provider: "email", providers: ["email"] },
      user_metadata: { theme: "dark", email, email_verified: true },
    });
    expect(claimsOf(done.body.access_token).is_anonymous).toBe(false);
    expect((await me(bearer)).body.code).toBe("session_not_found");
    const stale = await post("token?grant_type=refresh_token", { refresh_token: refresh });
    expect(stale.body.code).toBe("refresh_token_not_found");
    expect((await put(done.body.access_token, { password: PASSWORD })).status).toBe(200);
    const signedIn = await post("token?grant_type=password", { email, password: PASSWORD });
    expect(signedIn.body.user.id).toBe(user.id);
  });

  test("by link lands in the account", async () => {
    const { bearer, user } = await guest();
    const email = nextEmail();
    await put(bearer, { email });
    const landed = await follow(world, lastTo(world, email).link);
    const mine = await me(landed.fragment.get("access_token") ?? "");
    expect([mine.body.id, mine.body.email]).toEqual([user.id, email]);
  });

  test("by phone does the same", async () => {
    const { bearer, user } = await guest();
    const phone = "491701112223";
    await put(bearer, { phone });
    const token = lastTo(world, `+${phone}`).code;
    const done = await post("verify", { type: "phone_change", phone, token });
    expect(done.body.user).toMatchObject({ id: user.id, phone, is_anonymous: false });
    expect((await me(bearer)).body.code).toBe("session_not_found");
  });

  test("is immediate where addresses count as confirmed", async () => {
    const { bearer, user } = await guest(trusting);
    const email = nextEmail();
    const { status, body } = await put(bearer, { email, password: PASSWORD }, trusting);
    expect([status, body.is_anonymous, body.email]).toEqual([200, false, email]);
    expect(body.app_metadata).toEqual({ provider: "email", providers: ["email"] });
    expect((await me(bearer, trusting)).body.id).toBe(user.id);
    const grant = { email, password: PASSWORD };
    expect((await post("token?grant_type=password", grant, trusting)).body.user.id).toBe(user.id);
  });

  test("with an address that somebody has goes nowhere", async () => {
    const email = nextEmail();
    await post("otp", { email });
    await post("verify", { type: "email", email, token: lastTo(world, email).code });
    const { bearer } = await guest();
    const asked = await put(bearer, { email });
    expect([asked.status, asked.body.new_email]).toEqual([200, email]);
    expect((await me(bearer)).body.is_anonymous).toBe(true);
    const known = await guest(trusting);
    const taken = nextEmail();
    await post("signup", { email: taken, password: PASSWORD }, trusting);
    expect((await put(known.bearer, { email: taken }, trusting)).body.code).toBe("email_exists");
  });
});
