/** Codes and links by mail: sign-up, sign-in, recovery, invitation, change of address, nonce. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { type AuthWorld, openAuthWorld, PASSWORD, type SignedIn } from "./auth-world.ts";
import { follow, lastTo, messagesTo } from "./mailbox.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

const SITE = "https://app.example.test";
const SECRET = "sb_secret_test";
const VERIFIER = "v".repeat(64);
const PKCE = {
  code_challenge: createHash("sha256").update(VERIFIER).digest("base64url"),
  code_challenge_method: "s256",
};

let world: AuthWorld;
let count = 0;
const nextEmail = () => `mia-${++count}@example.test`;

beforeAll(async () => {
  world = await openAuthWorld({
    autoconfirm: false,
    site_url: SITE,
    redirect_urls: ["https://other.example.test/cb"],
    password_change_needs_recent_login: true,
  });
});
afterAll(() => world.close());

const post = (path: string, body: unknown, more: { bearer?: string } = {}) =>
  world.send("POST", `/auth/v1/${path}`, { body, ...more });
const asServer = (path: string, body: unknown) =>
  world.send("POST", `/auth/v1/${path}`, { body, headers: { apikey: SECRET } });
const password = (email: string, secret = PASSWORD) =>
  post("token?grant_type=password", { email, password: secret });
const exchange = (code: string | null, verifier = VERIFIER) =>
  post("token?grant_type=pkce", { auth_code: code, code_verifier: verifier });
const me = (bearer: string) => world.send("GET", "/auth/v1/user", { bearer });

async function join(email = nextEmail()): Promise<SignedIn & { email: string }> {
  await post("signup", { email, password: PASSWORD });
  const { code } = lastTo(world, email);
  const { body } = await post("verify", { type: "signup", email, token: code });
  return {
    email,
    accessToken: body.access_token,
    refreshToken: body.refresh_token,
    userId: body.user.id,
  };
}

describe("a sign-up that is to be confirmed", () => {
  test("answers the person without a session, and lets nobody in before the code came back", async () => {
    const email = nextEmail();
    const { status, body } = await post("signup", { email, password: PASSWORD, data: { a: 1 } });
    expect([status, body.access_token, body.email]).toEqual([200, undefined, email]);
    expect(body.confirmation_sent_at).toBeString();
    expect((await password(email)).body.code).toBe("email_not_confirmed");
    const { code, subject } = lastTo(world, email);
    expect(subject).toContain("Confirm");
    const done = await post("verify", { type: "signup", email, token: code });
    expect(done.status).toBe(200);
    expect(done.body).toMatchObject({ token_type: "bearer", user: { id: body.id, email } });
    expect(done.body.user.email_confirmed_at).toBeString();
    expect(done.body.user.user_metadata).toMatchObject({ a: 1, email_verified: true });
    expect((await me(done.body.access_token)).status).toBe(200);
    expect((await password(email)).status).toBe(200);
    const again = await post("verify", { type: "signup", email, token: code });
    expect([again.status, again.body.code]).toEqual([403, "otp_expired"]);
  });

  test("by its link ends at the app with the session in the fragment", async () => {
    const email = nextEmail();
    await post("signup?redirect_to=https%3A%2F%2Fother.example.test%2Fcb", {
      email,
      password: PASSWORD,
    });
    const { link } = lastTo(world, email);
    const landed = await follow(world, link);
    expect([landed.status, landed.page]).toEqual([303, "https://other.example.test/cb"]);
    expect([...landed.query]).toEqual([]);
    expect(landed.fragment.get("type")).toBe("signup");
    expect(landed.fragment.get("token_type")).toBe("bearer");
    expect((await me(landed.fragment.get("access_token") ?? "")).body.email).toBe(email);
    const refreshed = await post("token?grant_type=refresh_token", {
      refresh_token: landed.fragment.get("refresh_token"),
    });
    expect(refreshed.status).toBe(200);
    const twice = await follow(world, link);
    expect(Object.fromEntries(twice.fragment)).toEqual({
      error: "access_denied",
      error_code: "otp_expired",
      error_description: "Email link is invalid or has expired",
    });
  });

  test("in a PKCE flow ends with a code for who holds the verifier", async () => {
    const email = nextEmail();
    await post("signup", { email, password: PASSWORD, ...PKCE });
    const { link, tokenHash } = lastTo(world, email);
    expect(tokenHash).toStartWith("pkce_");
    const landed = await follow(world, link);
    expect(landed.page).toBe(`${SITE}/`);
    expect([...landed.fragment]).toEqual([]);
    const wrong = await exchange(landed.query.get("code"), "w".repeat(64));
    expect(wrong.body.code).toBe("bad_code_verifier");
    const second = nextEmail();
    await post("signup", { email: second, password: PASSWORD, ...PKCE });
    const code = (await follow(world, lastTo(world, second).link)).query.get("code");
    const done = await exchange(code);
    expect([done.status, done.body.user.email]).toEqual([200, second]);
  });

  test("can be asked for again, and only the last code counts", async () => {
    const email = nextEmail();
    await post("signup", { email, password: PASSWORD });
    const first = lastTo(world, email);
    expect(await post("resend", { type: "signup", email })).toMatchObject({
      status: 200,
      body: {},
    });
    expect(messagesTo(world, email)).toHaveLength(2);
    expect((await follow(world, first.link)).fragment.get("error_code")).toBe("otp_expired");
    const second = lastTo(world, email);
    const done = await post("verify", { type: "email", token_hash: second.tokenHash });
    expect(done.body.user.email).toBe(email);
    await post("resend", { type: "signup", email });
    expect(messagesTo(world, email)).toHaveLength(2);
  });
});

describe("a sign-in by mail", () => {
  test("makes the account of who is unknown when the code comes back, and not before", async () => {
    const email = nextEmail();
    const asked = await post("otp", { email, data: { name: "Mia" } });
    expect([asked.status, asked.body]).toEqual([200, {}]);
    expect(await users(email)).toBe(0);
    const { code } = lastTo(world, email);
    const done = await post("verify", { type: "email", email, token: code });
    expect(done.body.user).toMatchObject({
      email,
      user_metadata: { name: "Mia", email, email_verified: true },
      app_metadata: { provider: "email", providers: ["email"] },
    });
    expect(done.body.user.email_confirmed_at).toBeString();
    expect(await users(email)).toBe(1);
  });

  test("lets who is known in, by code, by token and by link", async () => {
    const { email, userId } = await join();
    await post("otp", { email });
    const byCode = await post("verify", { type: "email", email, token: lastTo(world, email).code });
    expect(byCode.body.user.id).toBe(userId);
    await post("magiclink", { email });
    const { tokenHash } = lastTo(world, email);
    const byToken = await post("verify", { type: "magiclink", token_hash: tokenHash });
    expect(byToken.body.user.id).toBe(userId);
    await post("otp", { email, ...PKCE });
    const landed = await follow(world, lastTo(world, email).link);
    expect((await exchange(landed.query.get("code"))).body.user.id).toBe(userId);
    expect((await password(email)).status).toBe(200);
  });

  test("in a PKCE flow makes the account too, for who holds the verifier", async () => {
    const email = nextEmail();
    await post("otp", { email, data: { name: "Mia" }, ...PKCE });
    const code = (await follow(world, lastTo(world, email).link)).query.get("code");
    const done = await exchange(code);
    expect(done.body.user).toMatchObject({ email, user_metadata: { name: "Mia" } });
    expect(done.body.user.identities).toHaveLength(1);
  });

  test("with create_user false answers who is unknown alike, sends nothing, makes nobody", async () => {
    const email = nextEmail();
    const asked = await post("otp", { email, create_user: false });
    expect([asked.status, asked.body]).toEqual([200, {}]);
    expect(messagesTo(world, email)).toEqual([]);
    const guess = await post("verify", { type: "email", email, token: "123456" });
    expect([guess.status, guess.body.code]).toEqual([403, "otp_expired"]);
    expect(await users(email)).toBe(0);
  });

  test("makes nobody where sign-ups are closed", async () => {
    const closed = await openAuthWorld({ disable_signup: true });
    try {
      const email = nextEmail();
      const { status } = await closed.send("POST", "/auth/v1/otp", { body: { email } });
      expect([status, messagesTo(closed, email)]).toEqual([200, []]);
    } finally {
      await closed.close();
    }
  });

  test("keeps the metadata of a repeated request, and resends it", async () => {
    const email = nextEmail();
    await post("otp", { email, data: { name: "Mia" } });
    await post("resend", { type: "signup", email });
    const { code } = lastTo(world, email);
    const done = await post("verify", { type: "signup", email, token: code });
    expect(done.body.user.user_metadata.name).toBe("Mia");
  });

  test.each([
    [{}, "One of email or phone must be set"],
    [{ email: "a@example.test", phone: "+4917012345" }, "Only an email address or phone number"],
    [{ email: "no address" }, "invalid format"],
    [{ email: ["a@example.test", "b@example.test"] }, "email must be a string"],
    [{ email: "a@example.test", code_challenge: "x" }, "PKCE flow requires"],
    [{ email: "a@example.test", data: [] }, "data must be an object"],
  ])("refuses %j", async (body, message) => {
    const answer = await post("otp", body);
    expect([answer.status, answer.body.code]).toEqual([400, "validation_failed"]);
    expect(answer.body.message).toContain(message);
  });
});

describe("a recovery", () => {
  test("signs in and takes a new password, which ends every other session", async () => {
    const { email, accessToken } = await join();
    const asked = await post("recover", { email });
    expect([asked.status, asked.body]).toEqual([200, {}]);
    const landed = await follow(world, lastTo(world, email).link);
    expect(landed.fragment.get("type")).toBe("recovery");
    const bearer = landed.fragment.get("access_token") ?? "";
    const changed = await world.send("PUT", "/auth/v1/user", {
      bearer,
      body: { password: "a wholly new password" },
    });
    expect(changed.status).toBe(200);
    expect((await me(accessToken)).body.code).toBe("session_not_found");
    expect((await password(email)).body.code).toBe("invalid_credentials");
    expect((await password(email, "a wholly new password")).status).toBe(200);
    expect(lastTo(world, email).subject).toContain("password was changed");
  });

  test("by code has its own type", async () => {
    const { email, userId } = await join();
    await post("recover", { email });
    const { code } = lastTo(world, email);
    const other = await post("verify", { type: "magiclink", email, token: code });
    expect(other.body.code).toBe("otp_expired");
    const done = await post("verify", { type: "recovery", email, token: code });
    expect(done.body.user.id).toBe(userId);
  });
});

describe("an invitation", () => {
  test("makes an account without a password that its link opens", async () => {
    const email = nextEmail();
    const { status, body } = await asServer("invite", { email, data: { team: "red" } });
    expect([status, body.email, body.email_confirmed_at]).toEqual([200, email, undefined]);
    expect(body.invited_at).toBeString();
    const landed = await follow(world, lastTo(world, email).link);
    expect(landed.fragment.get("type")).toBe("invite");
    const mine = await me(landed.fragment.get("access_token") ?? "");
    expect(mine.body).toMatchObject({ id: body.id, user_metadata: { team: "red" } });
    expect(mine.body.identities).toHaveLength(1);
    const again = await asServer("invite", { email });
    expect([again.status, again.body.code]).toEqual([422, "email_exists"]);
  });

  test("can be repeated until it was followed", async () => {
    const email = nextEmail();
    const first = await asServer("invite", { email });
    const second = await asServer("invite", { email });
    expect(second.body.id).toBe(first.body.id);
    expect(messagesTo(world, email)).toHaveLength(2);
  });

  test("is the secret key's", async () => {
    expect((await post("invite", { email: nextEmail() })).status).toBe(401);
    const { accessToken } = await join();
    const asPerson = await post("invite", { email: nextEmail() }, { bearer: accessToken });
    expect([asPerson.status, asPerson.body.code]).toEqual([403, "not_admin"]);
  });
});

describe("a new address", () => {
  const change = (bearer: string, email: string, more = {}) =>
    world.send("PUT", "/auth/v1/user", { bearer, body: { email, ...more } });

  test("is confirmed at both ends, in any order", async () => {
    for (const firstIsNew of [true, false]) {
      const { email, accessToken } = await join();
      const moved = nextEmail();
      const asked = await change(accessToken, moved);
      expect(asked.body).toMatchObject({ email, new_email: moved });
      expect(asked.body.email_change_sent_at).toBeString();
      const [first, second] = firstIsNew ? [moved, email] : [email, moved];
      const half = await follow(world, lastTo(world, first).link);
      expect(half.fragment.get("message")).toContain("proceed to confirm link sent to the other");
      expect((await me(accessToken)).body.email).toBe(email);
      const done = await follow(world, lastTo(world, second).link);
      const mine = await me(done.fragment.get("access_token") ?? "");
      expect([mine.body.email, mine.body.new_email]).toEqual([moved, undefined]);
      expect(mine.body.identities[0].identity_data.email).toBe(moved);
      expect((await password(moved)).status).toBe(200);
      expect((await password(email)).body.code).toBe("invalid_credentials");
      expect(lastTo(world, email).subject).toContain("address was changed");
    }
  });

  test("is confirmed by codes too, and the first answers what is missing", async () => {
    const { email, accessToken } = await join();
    const moved = nextEmail();
    await change(accessToken, moved);
    const verify = (to: string) =>
      post("verify", { type: "email_change", email: to, token: lastTo(world, to).code });
    const half = await verify(moved);
    expect(half.body).toEqual({ msg: expect.stringContaining("other email"), code: "200" });
    expect((await verify(email)).body.user.email).toBe(moved);
  });

  test("is not made by one end twice", async () => {
    const { email, accessToken } = await join();
    const moved = nextEmail();
    await change(accessToken, moved);
    expect((await follow(world, lastTo(world, moved).link)).fragment.has("message")).toBe(true);
    await post("resend", { type: "email_change", email });
    // Only the end that is missing is asked again.
    expect(messagesTo(world, moved)).toHaveLength(1);
    await change(accessToken, moved);
    const again = await follow(world, lastTo(world, moved).link);
    expect(again.fragment.has("message")).toBe(true);
    expect((await me(accessToken)).body.email).toBe(email);
  });

  test("that somebody has answers alike, is not written to and cannot be taken", async () => {
    const { email, accessToken } = await join();
    const { email: taken } = await join();
    const before = messagesTo(world, taken).length;
    const asked = await change(accessToken, taken);
    expect([asked.status, asked.body.new_email]).toEqual([200, taken]);
    expect(messagesTo(world, taken)).toHaveLength(before);
    expect((await follow(world, lastTo(world, email).link)).fragment.has("message")).toBe(true);
  });

  test("that was taken meanwhile is refused", async () => {
    const { email, accessToken } = await join();
    const moved = nextEmail();
    await change(accessToken, moved);
    const { link } = lastTo(world, moved);
    await follow(world, lastTo(world, email).link);
    await join(moved);
    expect((await follow(world, link)).fragment.get("error_code")).toBe("email_exists");
    expect((await me(accessToken)).body.email).toBe(email);
  });

  test("in a PKCE flow carries the message and the code in the query", async () => {
    const { email, accessToken } = await join();
    const moved = nextEmail();
    await change(accessToken, moved, PKCE);
    const half = await follow(world, lastTo(world, email).link);
    expect(half.query.get("message")).toContain("other email");
    const done = await follow(world, lastTo(world, moved).link);
    expect((await exchange(done.query.get("code"))).body.user.email).toBe(moved);
  });

  test("is confirmed at the new end alone where that is enough", async () => {
    const plain = await openAuthWorld({ autoconfirm: false, secure_email_change: false });
    try {
      const email = nextEmail();
      await plain.send("POST", "/auth/v1/signup", { body: { email, password: PASSWORD } });
      const first = await follow(plain, lastTo(plain, email).link);
      const bearer = first.fragment.get("access_token") ?? "";
      const moved = nextEmail();
      await plain.send("PUT", "/auth/v1/user", { bearer, body: { email: moved } });
      expect(messagesTo(plain, email)).toHaveLength(1);
      const done = await follow(plain, lastTo(plain, moved).link);
      expect(done.fragment.get("access_token")).toBeString();
    } finally {
      await plain.close();
    }
  });
});

describe("a nonce", () => {
  const change = (bearer: string, body: unknown) =>
    world.send("PUT", "/auth/v1/user", { bearer, body });

  test("is asked for by a password change in an old session", async () => {
    const { email, refreshToken } = await join();
    await world.clock.advance(25 * 60 * 60 * 1000);
    const { body } = await post("token?grant_type=refresh_token", { refresh_token: refreshToken });
    const bearer = body.access_token;
    const fresh = "a wholly new password";
    expect((await change(bearer, { password: fresh })).body.code).toBe("reauthentication_needed");
    const asked = await world.send("GET", "/auth/v1/reauthenticate", { bearer });
    expect([asked.status, asked.body]).toEqual([200, {}]);
    const { code, link } = lastTo(world, email);
    expect(link).toBe("");
    const wrong = await change(bearer, {
      password: fresh,
      nonce: code === "000000" ? "1" : "000000",
    });
    expect([wrong.status, wrong.body.code]).toEqual([422, "reauthentication_not_valid"]);
    expect((await post("verify", { type: "email", email, token: code })).status).toBe(403);
    expect((await change(bearer, { password: fresh, nonce: code })).status).toBe(200);
    const twice = await change(bearer, { password: "yet another password", nonce: code });
    expect(twice.body.code).toBe("reauthentication_not_valid");
  });

  test("is somebody's own", async () => {
    const [one, two] = [await join(), await join()];
    await world.send("GET", "/auth/v1/reauthenticate", { bearer: one.accessToken });
    const { code } = lastTo(world, one.email);
    await world.clock.advance(25 * 60 * 60 * 1000);
    const { body } = await post("token?grant_type=refresh_token", {
      refresh_token: two.refreshToken,
    });
    const stolen = { password: "a wholly new password", nonce: code };
    expect((await change(body.access_token, stolen)).body.code).toBe("reauthentication_not_valid");
  });

  test("is for people", async () => {
    expect((await world.send("GET", "/auth/v1/reauthenticate")).status).toBe(401);
    const asKey = await world.send("GET", "/auth/v1/reauthenticate", {
      headers: { apikey: SECRET },
    });
    expect(asKey.status).toBe(403);
  });
});

describe("a generated link", () => {
  const generate = (body: unknown) => asServer("admin/generate_link", body);

  test.each(["signup", "magiclink", "invite"])(
    "of type %s makes the account, and mails nothing",
    async (type) => {
      const email = nextEmail();
      const { status, body } = await generate({ type, email, password: PASSWORD, data: { a: 1 } });
      expect([status, body.email, body.user_metadata.a]).toEqual([200, email, 1]);
      expect(body.verification_type).toBe(type === "magiclink" ? "signup" : type);
      expect(body).toMatchObject({
        redirect_to: SITE,
        email_otp: expect.stringMatching(/^\d{6}$/),
      });
      expect(messagesTo(world, email)).toEqual([]);
      const link = new URL(body.action_link);
      expect(link.searchParams.get("token")).toBe(body.hashed_token);
      const landed = await follow(world, link.pathname + link.search);
      expect((await me(landed.fragment.get("access_token") ?? "")).body.id).toBe(body.id);
    },
  );

  test("for who is known signs in or recovers", async () => {
    const { email, userId } = await join();
    for (const type of ["magiclink", "recovery"]) {
      const { body } = await generate({ type, email });
      const done = await post("verify", { type, email, token: body.email_otp });
      expect(done.body.user.id).toBe(userId);
    }
    expect((await generate({ type: "signup", email, password: PASSWORD })).body.code).toBe(
      "email_exists",
    );
    expect((await generate({ type: "invite", email })).body.code).toBe("email_exists");
  });

  test("changes the address by both ends, and not by one of them twice", async () => {
    const { email, accessToken } = await join();
    const moved = nextEmail();
    const confirm = async (type: string) => {
      const { body } = await generate({ type, email, new_email: moved });
      return post("verify", { type: "email_change", token_hash: body.hashed_token });
    };
    for (const type of ["email_change_new", "email_change_new"]) {
      expect((await confirm(type)).body.code).toBe("200");
    }
    expect((await me(accessToken)).body.email).toBe(email);
    expect((await confirm("email_change_current")).body.user.email).toBe(moved);
  });

  test("is refused for nobody, an unknown type, anybody but the secret key", async () => {
    const email = nextEmail();
    for (const type of ["recovery", "email_change_new", "email_change_current"]) {
      const { status, body } = await generate({ type, email, new_email: nextEmail() });
      expect([status, body.code]).toEqual([404, "user_not_found"]);
    }
    expect((await generate({ type: "sms", email })).body.code).toBe("validation_failed");
    expect((await generate({ type: "signup", email })).body.code).toBe("validation_failed");
    expect((await post("admin/generate_link", { type: "magiclink", email })).status).toBe(401);
  });

  test("leads only where links may lead", async () => {
    const generated = await generate({
      type: "magiclink",
      email: nextEmail(),
      redirect_to: "https://evil.test/",
    });
    expect(generated.body.redirect_to).toBe(SITE);
  });
});

describe("verification", () => {
  test.each([
    [{ type: "email", token: "123456" }, "One of email or phone"],
    [{ email: "a@example.test", token: "123456" }, "requires a verification type"],
    [{ type: "email", email: "a@example.test" }, "either a token or a token hash"],
    [{ type: "nonsense", email: "a@example.test", token: "1" }, "Invalid email verification type"],
    [{ type: "email", phone: "+4917012345678", token: "1" }, "Invalid sms verification type"],
    [{ type: "email", token_hash: "a", email: "a@example.test" }, "Only the token_hash and type"],
    [{ type: "reauthentication", email: "a@example.test", token: "1" }, "Invalid email"],
  ])("refuses %j", async (body, message) => {
    const answer = await post("verify", body);
    expect([answer.status, answer.body.code]).toEqual([400, "validation_failed"]);
    expect(answer.body.message).toContain(message);
  });

  test("by link needs a token and a type", async () => {
    expect((await world.send("GET", "/auth/v1/verify?type=signup")).status).toBe(400);
    expect((await world.send("GET", "/auth/v1/verify?token=abc")).status).toBe(400);
  });

  test("of who is banned is refused, and the token is spent", async () => {
    const { email, userId } = await join();
    await post("otp", { email });
    const { link, code } = lastTo(world, email);
    await world.sql`update auth.users set banned_until = 'infinity' where id = ${userId}`;
    const refused = await post("verify", { type: "email", email, token: code });
    expect([refused.status, refused.body.code]).toEqual([403, "user_banned"]);
    await world.sql`update auth.users set banned_until = null where id = ${userId}`;
    expect((await follow(world, link)).fragment.get("error_code")).toBe("otp_expired");
  });

  test("leaves no code, link or address of a stranger in the log", async () => {
    const email = nextEmail();
    await post("otp", { email });
    const { code, tokenHash } = lastTo(world, email);
    await post("verify", { type: "email", email, token: code });
    const told = JSON.stringify(world.log.lines);
    expect(told).not.toContain(tokenHash);
    const audits = JSON.stringify(await world.sql`select payload from auth.audit_log_entries`);
    expect(audits).not.toContain(tokenHash);
    expect(audits).not.toContain(`"${code}"`);
  });
});

async function users(email: string): Promise<number> {
  const [row] = await world.sql`select count(*)::int as n from auth.users where email = ${email}`;
  return row?.["n"];
}
