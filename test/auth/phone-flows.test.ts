/** People who come by phone number: sign-up, sign-in, change of number. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type AuthWorld, openAuthWorld, PASSWORD } from "./auth-world.ts";
import { lastTo, messagesTo } from "./mailbox.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

let world: AuthWorld;
let count = 0;
const nextPhone = () => `49170${String(1_000_000 + ++count)}`;

beforeAll(async () => {
  // In development text messages are shown in the inbox.
  world = await openAuthWorld({ autoconfirm: false }, { development: true });
});
afterAll(() => world.close());

const post = (path: string, body: unknown, on = world) =>
  on.send("POST", `/auth/v1/${path}`, { body });
const put = (bearer: string, body: unknown, on = world) =>
  on.send("PUT", "/auth/v1/user", { bearer, body });
const codeTo = (phone: string) => lastTo(world, `+${phone}`).code;
const password = (phone: string) =>
  post("token?grant_type=password", { phone, password: PASSWORD });

async function join(phone = nextPhone()) {
  await post("signup", { phone, password: PASSWORD });
  const { body } = await post("verify", { type: "sms", phone, token: codeTo(phone) });
  return { phone, userId: body.user.id, bearer: body.access_token };
}

describe("a sign-up by phone", () => {
  test("is confirmed by the code that was sent to the number", async () => {
    const phone = nextPhone();
    const { status, body } = await post("signup", { phone: `+${phone}`, password: PASSWORD });
    expect([status, body.phone, body.email, body.access_token]).toEqual([
      200,
      phone,
      "",
      undefined,
    ]);
    expect((await password(phone)).body.code).toBe("phone_not_confirmed");
    const done = await post("verify", { type: "sms", phone, token: codeTo(phone) });
    expect(done.body.user).toMatchObject({
      id: body.id,
      phone,
      app_metadata: { provider: "phone", providers: ["phone"] },
      user_metadata: { phone, phone_verified: true },
    });
    expect(done.body.user.phone_confirmed_at).toBeString();
    expect(done.body.user.identities[0]).toMatchObject({ provider: "phone" });
    expect((await password(phone)).status).toBe(200);
  });

  test("of one number in any spelling makes one account, and strangers are not told", async () => {
    const { phone, userId } = await join();
    const spelled = `+${phone.slice(0, 2)} (${phone.slice(2, 5)}) ${phone.slice(5)}`;
    const again = await post("signup", { phone: spelled, password: PASSWORD });
    expect([again.status, again.body.phone]).toEqual([200, phone]);
    expect(again.body.id).not.toBe(userId);
    expect(again.body.identities).toHaveLength(1);
    expect(messagesTo(world, `+${phone}`)).toHaveLength(1);
    const [row] = await world.sql`select count(*)::int as n from auth.users where phone = ${phone}`;
    expect(row?.["n"]).toBe(1);
  });

  test("is confirmed at once where that is set", async () => {
    const open = await openAuthWorld({ sms_autoconfirm: true });
    try {
      const phone = nextPhone();
      const { body } = await post("signup", { phone, password: PASSWORD }, open);
      expect(body.user).toMatchObject({ phone, email: "" });
      expect(body.user.phone_confirmed_at).toBeString();
      const again = await post("signup", { phone, password: PASSWORD }, open);
      expect([again.status, again.body.code]).toEqual([422, "user_already_exists"]);
      const moved = nextPhone();
      const changed = await put(body.access_token, { phone: moved }, open);
      expect([changed.body.phone, changed.body.new_phone]).toEqual([moved, undefined]);
    } finally {
      await open.close();
    }
  });

  test.each([
    [{ phone: "0170 1234567", password: PASSWORD }, "E.164"],
    [{ phone: "+4917012345678" }, "valid password"],
    [{ phone: "+4917012345678", email: "a@example.test", password: PASSWORD }, "Only an email"],
  ])("refuses %j", async (body, message) => {
    const answer = await post("signup", body);
    expect([answer.status, answer.body.code]).toEqual([400, "validation_failed"]);
    expect(answer.body.message).toContain(message);
  });
});

describe("a sign-in by phone", () => {
  test("makes the account of who is unknown when the code comes back", async () => {
    const phone = nextPhone();
    expect(await post("otp", { phone, data: { name: "Mia" } })).toMatchObject({
      status: 200,
      body: {},
    });
    const [before] =
      await world.sql`select count(*)::int as n from auth.users where phone = ${phone}`;
    expect(before?.["n"]).toBe(0);
    await post("resend", { type: "sms", phone });
    const done = await post("verify", { type: "sms", phone, token: codeTo(phone) });
    expect(done.body.user).toMatchObject({ phone, user_metadata: { name: "Mia" } });
  });

  test("lets who is known in, and a code works once", async () => {
    const { phone, userId } = await join();
    await post("otp", { phone });
    const token = codeTo(phone);
    const done = await post("verify", { type: "sms", phone, token });
    expect(done.body.user.id).toBe(userId);
    const again = await post("verify", { type: "sms", phone, token });
    expect([again.status, again.body.code]).toEqual([403, "otp_expired"]);
    expect((await password(phone)).status).toBe(200);
  });

  test("with create_user false tells nothing and sends nothing to who is unknown", async () => {
    const phone = nextPhone();
    const asked = await post("otp", { phone, create_user: false });
    expect([asked.status, asked.body]).toEqual([200, {}]);
    expect(messagesTo(world, `+${phone}`)).toEqual([]);
  });

  test("closes the door of a stranger who signed up with the number", async () => {
    const phone = nextPhone();
    await post("signup", { phone, password: PASSWORD });
    await post("otp", { phone });
    const done = await post("verify", { type: "sms", phone, token: codeTo(phone) });
    expect(done.status).toBe(200);
    expect((await password(phone)).body.code).toBe("invalid_credentials");
  });

  test("is off where nobody sends text messages", async () => {
    const silent = await openAuthWorld();
    try {
      const phone = nextPhone();
      for (const [path, body] of [
        ["otp", { phone }],
        ["resend", { type: "sms", phone }],
        ["signup", { phone, password: PASSWORD }],
      ] as const) {
        const answer = await post(path, body, silent);
        expect([answer.status, answer.body.code]).toEqual([400, "phone_provider_disabled"]);
      }
    } finally {
      await silent.close();
    }
  });
});

describe("a new number", () => {
  test("takes effect when its code came back", async () => {
    const { phone, bearer } = await join();
    const moved = nextPhone();
    const asked = await put(bearer, { phone: moved });
    expect(asked.body).toMatchObject({ phone, new_phone: moved });
    const wrong = await post("verify", { type: "sms", phone: moved, token: codeTo(moved) });
    expect(wrong.body.code).toBe("otp_expired");
    const done = await post("verify", { type: "phone_change", phone: moved, token: codeTo(moved) });
    expect(done.body.user).toMatchObject({ phone: moved });
    expect(done.body.user.new_phone).toBeUndefined();
    expect((await password(moved)).status).toBe(200);
    expect((await password(phone)).body.code).toBe("invalid_credentials");
  });

  test("is added to an account that came by mail", async () => {
    const email = `phone-${++count}@example.test`;
    await post("otp", { email });
    const { body } = await post("verify", {
      type: "email",
      email,
      token: lastTo(world, email).code,
    });
    const phone = nextPhone();
    await put(body.access_token, { phone });
    const done = await post("verify", { type: "phone_change", phone, token: codeTo(phone) });
    expect(done.body.user).toMatchObject({
      email,
      phone,
      app_metadata: { provider: "email", providers: ["email", "phone"] },
    });
    await post("otp", { phone });
    const back = await post("verify", { type: "sms", phone, token: codeTo(phone) });
    expect(back.body.user.id).toBe(body.user.id);
  });

  test("that somebody has answers alike and gets no message", async () => {
    const [one, two] = [await join(), await join()];
    const before = messagesTo(world, `+${two.phone}`).length;
    const asked = await put(one.bearer, { phone: two.phone });
    expect([asked.status, asked.body.new_phone]).toEqual([200, two.phone]);
    expect(messagesTo(world, `+${two.phone}`)).toHaveLength(before);
  });

  test("that was taken meanwhile is refused", async () => {
    const { bearer } = await join();
    const moved = nextPhone();
    await put(bearer, { phone: moved });
    const token = codeTo(moved);
    await join(moved);
    const late = await post("verify", { type: "phone_change", phone: moved, token });
    expect([late.status, late.body.code]).toEqual([422, "phone_exists"]);
  });

  test("is sent its code again", async () => {
    const { phone, bearer } = await join();
    const moved = nextPhone();
    await put(bearer, { phone: moved });
    const first = codeTo(moved);
    await post("resend", { type: "phone_change", phone });
    expect(messagesTo(world, `+${moved}`)).toHaveLength(2);
    const done = await post("verify", { type: "phone_change", phone: moved, token: codeTo(moved) });
    expect(done.status).toBe(200);
    expect(
      (await post("verify", { type: "phone_change", phone: moved, token: first })).status,
    ).toBe(403);
  });

  test("gets the nonce of who has no e-mail address", async () => {
    const { phone, bearer } = await join();
    expect((await world.send("GET", "/auth/v1/reauthenticate", { bearer })).status).toBe(200);
    expect(messagesTo(world, `+${phone}`)).toHaveLength(2);
  });
});

describe("the project's own server", () => {
  const admin = (method: string, path: string, body: unknown) =>
    world.send(method, `/auth/v1/admin/users${path}`, {
      body,
      headers: { apikey: "sb_secret_test" },
    });

  test("makes accounts with a number, and changes it", async () => {
    const phone = nextPhone();
    const { body } = await admin("POST", "", { phone, password: PASSWORD, phone_confirm: true });
    expect(body).toMatchObject({ phone, email: "", app_metadata: { providers: ["phone"] } });
    expect((await password(phone)).status).toBe(200);
    const moved = nextPhone();
    const changed = await admin("PUT", `/${body.id}`, { phone: `+${moved}` });
    expect([changed.body.phone, changed.body.phone_confirmed_at]).toEqual([moved, undefined]);
    expect((await password(moved)).body.code).toBe("phone_not_confirmed");
    await admin("PUT", `/${body.id}`, { phone_confirm: true });
    expect((await password(moved)).status).toBe(200);
  });

  test("is told whose number it is", async () => {
    const { phone } = await join();
    const made = await admin("POST", "", { phone, password: PASSWORD });
    expect([made.status, made.body.code]).toEqual([422, "phone_exists"]);
    const other = await admin("POST", "", {
      email: `p-${++count}@example.test`,
      phone: nextPhone(),
    });
    expect(other.body.app_metadata.providers).toEqual(["email", "phone"]);
    const changed = await admin("PUT", `/${other.body.id}`, { phone });
    expect([changed.status, changed.body.code]).toEqual([422, "phone_exists"]);
  });
});

describe("a message's type and address", () => {
  test.each([
    ["resend", { type: "signup", phone: "+4917012345678" }, "requires an email address"],
    ["resend", { type: "sms", email: "a@example.test" }, "requires a phone number"],
    ["resend", { type: "recovery", email: "a@example.test" }, "Missing one of these types"],
    ["verify", { type: "sms", email: "a@example.test", token: "1" }, "Invalid email"],
  ])("must fit: %s %j", async (path, body, message) => {
    const answer = await post(path, body);
    expect([answer.status, answer.body.code]).toEqual([400, "validation_failed"]);
    expect(answer.body.message).toContain(message);
  });
});
