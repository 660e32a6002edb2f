/**
 * Account pre-hijacking (Sudhodanan and Paverd, USENIX Security 2022): somebody makes an account
 * with another's address and waits inside. Every ordering of what the two can do; in the end the
 * holder of the mailbox is in, and the other is not.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type AuthWorld, openAuthWorld } from "./auth-world.ts";
import { follow, lastTo, messagesTo } from "./mailbox.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

const SECRET = "sb_secret_test";
const THEIRS = "the password of an attacker";
const OWN = "the password of the holder";

/** Addresses have to be confirmed. */
let strict: AuthWorld;
/** Addresses count as confirmed: the attacker has a session at once. */
let trusting: AuthWorld;
let count = 0;

beforeAll(async () => {
  strict = await openAuthWorld(
    { autoconfirm: false, anonymous_sign_ins: true },
    { development: true },
  );
  trusting = await openAuthWorld({}, { development: true });
});
afterAll(async () => {
  await strict.close();
  await trusting.close();
});

/** What an attacker was left with. */
interface Loot {
  readonly password?: string;
  readonly accessToken?: string;
  readonly refreshToken?: string;
  readonly phone?: string;
}

const post = (world: AuthWorld, path: string, body: unknown) =>
  world.send("POST", `/auth/v1/${path}`, { body });
const put = (world: AuthWorld, bearer: string, body: unknown) =>
  world.send("PUT", "/auth/v1/user", { bearer, body });
const me = (world: AuthWorld, bearer: string) => world.send("GET", "/auth/v1/user", { bearer });
const signUp = (world: AuthWorld, email: string, password: string) =>
  post(world, "signup", { email, password });
const invite = (world: AuthWorld, email: string) =>
  world.send("POST", "/auth/v1/invite", { body: { email }, headers: { apikey: SECRET } });

/** By the code of the last mail; the access token. */
async function byCode(world: AuthWorld, type: string, email: string): Promise<string> {
  const { code } = lastTo(world, email);
  const { status, body } = await post(world, "verify", { type, email, token: code });
  expect(status).toBe(200);
  return body.access_token;
}

async function byLink(world: AuthWorld, link: string): Promise<string> {
  const { fragment } = await follow(world, link);
  expect(fragment.get("error_description")).toBeNull();
  return fragment.get("access_token") ?? "";
}

async function byOtp(world: AuthWorld, email: string): Promise<string> {
  await post(world, "otp", { email });
  return byCode(world, "email", email);
}

async function guest(): Promise<Required<Pick<Loot, "accessToken" | "refreshToken">>> {
  const { body } = await post(strict, "signup", {});
  return { accessToken: body.access_token, refreshToken: body.refresh_token };
}

/** The holder is in at the address; nothing of the attacker's opens the account. */
async function expectHolderAlone(world: AuthWorld, email: string, holder: string, loot: Loot) {
  const mine = await me(world, holder);
  expect([mine.status, mine.body.email]).toEqual([200, email]);
  if (loot.password !== undefined) {
    const grant = { email, password: loot.password };
    const { body } = await post(world, "token?grant_type=password", grant);
    expect(body.code).toBe("invalid_credentials");
  }
  if (loot.accessToken !== undefined) {
    const seen = await me(world, loot.accessToken);
    expect(seen.body.id).not.toBe(mine.body.id);
  }
  if (loot.refreshToken !== undefined) {
    const { body } = await post(world, "token?grant_type=refresh_token", {
      refresh_token: loot.refreshToken,
    });
    expect(body.user?.id).not.toBe(mine.body.id);
  }
  if (loot.phone !== undefined) expect(mine.body.phone).not.toBe(loot.phone);
  expect(mine.body.app_metadata.providers).toEqual(["email"]);
  const [row] = await world.sql`
    select count(*)::int as sessions from auth.sessions where user_id = ${mine.body.id}`;
  expect(row?.["sessions"]).toBe(1);
}

interface Ordering {
  readonly name: string;
  readonly world: () => AuthWorld;
  /** Both act; what the holder and the attacker have in the end. */
  readonly play: (email: string, world: AuthWorld) => Promise<{ holder: string; loot: Loot }>;
}

const onStrict = (name: string, play: Ordering["play"]) => ({ name, world: () => strict, play });
const onTrusting = (name: string, play: Ordering["play"]) => ({
  name,
  world: () => trusting,
  play,
});
const passwordOnly = { password: THEIRS };

const ORDERINGS: readonly Ordering[] = [
  onStrict("attacker signs up; holder signs in by code", async (email, world) => {
    await signUp(world, email, THEIRS);
    return { holder: await byOtp(world, email), loot: passwordOnly };
  }),
  onStrict("attacker signs up; holder follows a magic link", async (email, world) => {
    await signUp(world, email, THEIRS);
    await post(world, "magiclink", { email });
    return { holder: await byLink(world, lastTo(world, email).link), loot: passwordOnly };
  }),
  onStrict("attacker signs up; holder recovers", async (email, world) => {
    await signUp(world, email, THEIRS);
    await post(world, "recover", { email });
    return { holder: await byCode(world, "recovery", email), loot: passwordOnly };
  }),
  onStrict("attacker signs up; holder signs up and confirms", async (email, world) => {
    await signUp(world, email, THEIRS);
    await signUp(world, email, OWN);
    return { holder: await byCode(world, "signup", email), loot: passwordOnly };
  }),
  onStrict("holder signs up; attacker signs up; holder confirms", async (email, world) => {
    await signUp(world, email, OWN);
    await signUp(world, email, THEIRS);
    return { holder: await byLink(world, lastTo(world, email).link), loot: passwordOnly };
  }),
  onStrict("attacker, holder, attacker sign up; holder confirms", async (email, world) => {
    await signUp(world, email, THEIRS);
    await signUp(world, email, OWN);
    await signUp(world, email, THEIRS);
    return { holder: await byCode(world, "signup", email), loot: passwordOnly };
  }),
  onStrict("attacker signs up; holder is invited and accepts", async (email, world) => {
    await signUp(world, email, THEIRS);
    await invite(world, email);
    return { holder: await byLink(world, lastTo(world, email).link), loot: passwordOnly };
  }),
  onStrict("holder is invited; attacker signs up; holder accepts", async (email, world) => {
    await invite(world, email);
    const { link } = lastTo(world, email);
    await signUp(world, email, THEIRS);
    return { holder: await byLink(world, link), loot: passwordOnly };
  }),
  onStrict(
    "holder asks for a code; attacker signs up; holder uses the code",
    async (email, world) => {
      await post(world, "otp", { email });
      const { link } = lastTo(world, email);
      await signUp(world, email, THEIRS);
      // What was asked for first is still good: it makes, or finds, the holder's account.
      return { holder: await byLink(world, link), loot: passwordOnly };
    },
  ),
  onStrict("attacker asks to be changed to the address; holder signs up", async (email, world) => {
    const loot = await guest();
    await put(world, loot.accessToken, { email });
    await signUp(world, email, OWN);
    return { holder: await byCode(world, "signup", email), loot };
  }),
  onStrict(
    "attacker asks to be changed to the address; holder confirms it",
    async (email, world) => {
      const loot = await guest();
      await put(world, loot.accessToken, { email });
      return { holder: await byLink(world, lastTo(world, email).link), loot };
    },
  ),
  onStrict("the same, and the holder has an account by then", async (email, world) => {
    const loot = await guest();
    await put(world, loot.accessToken, { email });
    const { link } = lastTo(world, email);
    const holder = await byOtp(world, email);
    expect((await follow(world, link)).fragment.get("error_code")).toBe("email_exists");
    return { holder, loot };
  }),
  onStrict("attacker confirms their end of a change; holder signs up", async (email, world) => {
    const own = `attacker-${++count}@example.test`;
    const accessToken = await byOtp(world, own);
    await put(world, accessToken, { email });
    const { link } = lastTo(world, email);
    await byOwnEnd(world, own);
    await signUp(world, email, OWN);
    const holder = await byCode(world, "signup", email);
    expect((await follow(world, link)).fragment.get("error_code")).toBe("email_exists");
    return { holder, loot: { accessToken } };
  }),
  onStrict("attacker signs up; the app's server makes the holder a link", async (email, world) => {
    await signUp(world, email, THEIRS);
    const { body } = await world.send("POST", "/auth/v1/admin/generate_link", {
      body: { type: "signup", email, password: OWN },
      headers: { apikey: SECRET },
    });
    const link = new URL(body.action_link);
    return { holder: await byLink(world, `${link.pathname}${link.search}`), loot: passwordOnly };
  }),
  onTrusting("attacker signs up and is in; holder signs in by code", async (email, world) => {
    const { body } = await signUp(world, email, THEIRS);
    const loot = { accessToken: body.access_token, refreshToken: body.refresh_token };
    return { holder: await byOtp(world, email), loot: { ...loot, ...passwordOnly } };
  }),
  onTrusting("attacker is in and adds their phone; holder recovers", async (email, world) => {
    const { body } = await signUp(world, email, THEIRS);
    const phone = `49172${1_000_000 + ++count}`;
    await put(world, body.access_token, { phone });
    const token = lastTo(world, `+${phone}`).code;
    await post(world, "verify", { type: "phone_change", phone, token });
    await post(world, "recover", { email });
    const holder = await byCode(world, "recovery", email);
    const loot = { accessToken: body.access_token, refreshToken: body.refresh_token, phone };
    return { holder, loot: { ...loot, ...passwordOnly } };
  }),
];

/** The attacker follows the link that came to their own mailbox. */
async function byOwnEnd(world: AuthWorld, own: string) {
  const landed = await follow(world, lastTo(world, own).link);
  expect(landed.fragment.has("message")).toBe(true);
}

describe("pre-hijacking", () => {
  test("has no fewer orderings than twelve", () => {
    expect(ORDERINGS.length).toBeGreaterThanOrEqual(12);
  });

  test.each(ORDERINGS.map((one) => [one.name, one] as const))("%s", async (_, { world, play }) => {
    const email = `holder-${++count}@example.test`;
    const { holder, loot } = await play(email, world());
    await expectHolderAlone(world(), email, holder, loot);
  });

  test("does not cost the password of who signed up twice with the same", async () => {
    const email = `holder-${++count}@example.test`;
    await signUp(strict, email, OWN);
    await signUp(strict, email, OWN);
    await byCode(strict, "signup", email);
    const { status } = await post(strict, "token?grant_type=password", { email, password: OWN });
    expect(status).toBe(200);
  });

  /** Made by the app's server: a number that is somebody's, and an address that nobody confirmed. */
  async function madeByServer() {
    const [email, phone] = [`holder-${++count}@example.test`, `49174${1_000_000 + ++count}`];
    const body = { email, phone, phone_confirm: true, password: OWN };
    await strict.send("POST", "/auth/v1/admin/users", { body, headers: { apikey: SECRET } });
    return { email, phone };
  }

  test("takes nothing from an account that somebody can get into already", async () => {
    const { email, phone } = await madeByServer();
    await signUp(strict, email, THEIRS);
    expect(messagesTo(strict, email)).toEqual([]);
    const { status } = await post(strict, "token?grant_type=password", { phone, password: OWN });
    expect(status).toBe(200);
  });

  test("does not succeed by a change that waits until the holder has come", async () => {
    const { email, phone } = await madeByServer();
    const grant = { phone, password: OWN };
    const { body } = await post(strict, "token?grant_type=password", grant);
    const elsewhere = `attacker-${++count}@example.test`;
    await put(strict, body.access_token, { email: elsewhere });
    await post(strict, "recover", { email });
    const holder = await byCode(strict, "recovery", email);
    expect((await me(strict, holder)).body.new_email).toBeUndefined();
    const before = messagesTo(strict, elsewhere).length;
    await post(strict, "resend", { type: "email_change", email });
    expect(messagesTo(strict, elsewhere)).toHaveLength(before);
  });

  test("keeps what was confirmed by its own code, and an account's metadata", async () => {
    const email = `holder-${++count}@example.test`;
    await post(strict, "signup", { email, password: OWN, data: { name: "Mia" } });
    await byCode(strict, "signup", email);
    const bearer = await byOtp(strict, email);
    expect((await me(strict, bearer)).body.user_metadata.name).toBe("Mia");
    const { status } = await post(strict, "token?grant_type=password", { email, password: OWN });
    expect(status).toBe(200);
    expect(messagesTo(strict, email)).toHaveLength(2);
  });
});
