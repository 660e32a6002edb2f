/**
 * What is tried against account recovery: codes guessed, links used twice, late or for something
 * else, mails that lead elsewhere, changes that outlive the recovery.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { type AuthWorld, openAuthWorld, PASSWORD } from "./auth-world.ts";
import { follow, lastTo, messagesTo } from "./mailbox.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

const SITE = "https://app.example.test";
const NEW_PASSWORD = "a wholly new password";

let world: AuthWorld;
let count = 0;
const nextEmail = () => `lea-${++count}@example.test`;

beforeAll(async () => {
  world = await openAuthWorld({ autoconfirm: false, site_url: SITE });
});
afterAll(() => world.close());

const post = (path: string, body: unknown, more = {}) =>
  world.send("POST", `/auth/v1/${path}`, { body, ...more });
const put = (bearer: string, body: unknown) => world.send("PUT", "/auth/v1/user", { bearer, body });
const admin = (method: string, path: string, body?: unknown) =>
  world.send(method, `/auth/v1/admin/${path}`, { body, headers: { apikey: "sb_secret_test" } });
const me = (bearer: string) => world.send("GET", "/auth/v1/user", { bearer });
const guess = (email: string, token: string, type = "recovery") =>
  post("verify", { type, email, token });
const other = (code: string) => (code === "000000" ? "000001" : "000000");
const expired = [403, "otp_expired"];
const told = ({ status, body }: { status: number; body: { code: string } }) => [status, body.code];

async function join(email = nextEmail()) {
  await post("otp", { email });
  const done = await guess(email, lastTo(world, email).code, "email");
  return { email, bearer: done.body.access_token as string, userId: done.body.user.id as string };
}

async function recovering() {
  const person = await join();
  await post("recover", { email: person.email });
  return { ...person, ...lastTo(world, person.email) };
}

describe("recovery", () => {
  test("1: a code cannot be guessed, and guessing voids no link", async () => {
    const { email, code, link } = await recovering();
    for (let i = 0; i < 5; i++) expect(told(await guess(email, other(code)))).toEqual(expired);
    expect(told(await guess(email, code))).toEqual(expired);
    expect((await follow(world, link)).fragment.get("access_token")).toBeString();
  });

  test("2: guesses at many codes at once count each", async () => {
    const { email, code } = await recovering();
    const guesses = Array.from({ length: 12 }, (_, i) =>
      guess(email, i === 11 ? code : String(100_000 + i).replace(code, other(code))),
    );
    await Promise.all(guesses);
    const [row] = await world.sql`
      select attempts from auth.one_time_tokens where sent_to = ${email} and kind = 'recovery'`;
    // Either the right one came early, or five wrong ones did.
    expect(row === undefined || row["attempts"] >= 5).toBe(true);
    expect(told(await guess(email, code))).toEqual(expired);
  });

  test("3: asking for new codes is limited, for each address and whoever asks", async () => {
    const email = nextEmail();
    const before = world.limited.length;
    await post("recover", { email }, { address: "192.0.2.1" });
    await post("recover", { email: email.toUpperCase() }, { address: "192.0.2.2" });
    const keys = world.limited.slice(before).filter(({ key }) => key.startsWith("auth:email:"));
    // Two of the address, and one of each that asks.
    expect(new Set(keys.map(({ key }) => key)).size).toBe(4);
    expect(keys.map(({ limit }) => limit)).toEqual([10, 5, 20, 10, 5, 20]);
    expect(JSON.stringify(keys)).not.toContain(email);
    world.refuse(1);
    const byAddress = await post("recover", { email });
    expect(told(byAddress)).toEqual([429, "over_request_rate_limit"]);
    expect(byAddress.headers.get("retry-after")).toBe("2");
  });

  test("4: a link works once, also for many at once", async () => {
    const { link } = await recovering();
    const all = await Promise.all(Array.from({ length: 6 }, () => follow(world, link)));
    expect(all.filter(({ fragment }) => fragment.has("access_token"))).toHaveLength(1);
    expect((await follow(world, link)).fragment.get("error_code")).toBe("otp_expired");
  });

  test("5: a code is not good after ten minutes, a link not after an hour", async () => {
    const { email, code, link } = await recovering();
    await world.clock.advance(600_000);
    expect(told(await guess(email, code))).toEqual(expired);
    await world.clock.advance(3_000_000);
    expect((await follow(world, link)).fragment.get("error_code")).toBe("otp_expired");
  });

  test("6: a new request voids the one before", async () => {
    const { email, link } = await recovering();
    await post("recover", { email });
    expect((await follow(world, link)).fragment.get("error_code")).toBe("otp_expired");
    expect((await follow(world, lastTo(world, email).link)).fragment.has("access_token")).toBe(
      true,
    );
  });

  test("7: a token is good for nothing but what it was sent for", async () => {
    const { email, code, link, tokenHash } = await recovering();
    for (const type of ["signup", "invite", "email_change", "magiclink", "email"]) {
      expect(told(await guess(email, code, type))).toEqual(expired);
      const moved = await follow(world, link.replace("type=recovery", `type=${type}`));
      expect(moved.fragment.has("access_token")).toBe(false);
      const { body } = await post("verify", { type, token_hash: tokenHash });
      expect(["otp_expired", "validation_failed"]).toContain(body.code);
    }
    expect((await post("verify", { type: "recovery", token_hash: tokenHash })).status).toBe(200);
  });

  test("8: somebody's code does not open another's account", async () => {
    const [mine, theirs] = [await recovering(), await recovering()];
    expect(told(await guess(theirs.email, mine.code === theirs.code ? "x" : mine.code))).toEqual(
      expired,
    );
    expect((await guess(mine.email, mine.code)).body.user.id).toBe(mine.userId);
  });

  test("9: a link leads to the app, whatever the request or the link says", async () => {
    const { email } = await join();
    const evil = encodeURIComponent("https://evil.test/");
    const headers = { referer: "https://evil.test/", redirect_to: "https://evil.test/" };
    await post(`recover?redirect_to=${evil}`, { email }, { headers });
    const { link, text } = lastTo(world, email);
    expect(text).not.toContain("evil.test");
    const landed = await follow(world, `${link}&redirect_to=${evil}`);
    expect(landed.page).toBe(`${SITE}/`);
    expect((await follow(world, `${link}&redirect_to=${evil}`)).page).toBe(`${SITE}/`);
  });

  test("10: a mail never names the server that only the request named", async () => {
    const plain = await openAuthWorld();
    try {
      const email = nextEmail();
      const body = { email, password: PASSWORD };
      await plain.send("POST", "/auth/v1/signup", { body });
      const origin = "http://evil.test";
      for (const path of ["recover", "otp", "magiclink"]) {
        await plain.send("POST", `/auth/v1/${path}`, { body: { email }, origin });
      }
      const sent = messagesTo(plain, email);
      expect(sent).toHaveLength(3);
      expect(JSON.stringify(sent)).not.toContain("evil");
      expect(sent.every(({ code }) => /^\d{6}$/.test(code))).toBe(true);
      const rows = await plain.sql`select redirect_to from auth.one_time_tokens`;
      expect(JSON.stringify(rows)).not.toContain("evil");
    } finally {
      await plain.close();
    }
  });

  test("11: mail goes to the address as it is kept, one of them, and to nobody beside", async () => {
    const { email } = await join();
    const before = world.mail.inbox.list(DEFAULT_TENANT).length;
    for (const sent of [
      `${email},evil@evil.test`,
      `${email}\r\nBcc: evil@evil.test`,
      `evil@evil.test\u0000${email}`,
      `"${email}"@evil.test`,
      [email, "evil@evil.test"],
      { $ne: "" },
    ]) {
      expect(told(await post("recover", { email: sent }))).toEqual([400, "validation_failed"]);
    }
    // Kelvin sign, full width, other case: one mailbox, written to as it is kept.
    await post("recover", { email: email.toUpperCase() });
    expect(world.mail.inbox.list(DEFAULT_TENANT)).toHaveLength(before + 1);
    expect(lastTo(world, email).subject).toContain("Reset");
  });

  test("12: what somebody asked for before does not outlive a new password", async () => {
    const { email, bearer } = await join();
    const elsewhere = nextEmail();
    // A thief with a session asks for another address and for a link.
    await put(bearer, { email: elsewhere });
    const theirs = lastTo(world, elsewhere).link;
    await post("otp", { email });
    const magic = lastTo(world, email).link;
    await post("recover", { email });
    const landed = await follow(world, lastTo(world, email).link);
    const holder = landed.fragment.get("access_token") ?? "";
    expect((await put(holder, { password: NEW_PASSWORD })).body.new_email).toBeUndefined();
    expect((await me(bearer)).body.code).toBe("session_not_found");
    for (const link of [theirs, magic]) {
      expect((await follow(world, link)).fragment.get("error_code")).toBe("otp_expired");
    }
    expect((await me(holder)).body.email).toBe(email);
  });

  test("13: a link of the old address does not open the account that has moved", async () => {
    const { email, bearer } = await join();
    const moved = nextEmail();
    await put(bearer, { email: moved });
    const half = lastTo(world, email).link;
    await post("recover", { email });
    const { link } = lastTo(world, email);
    await follow(world, half);
    const done = await follow(world, lastTo(world, moved).link);
    expect(done.fragment.has("access_token")).toBe(true);
    expect((await follow(world, link)).fragment.get("error_code")).toBe("otp_expired");
    await post("recover", { email });
    expect(lastTo(world, email).link).toBe("");
  });

  test("14: who was removed or banned is not let in, and is not told apart", async () => {
    const { email, userId } = await join();
    const headers = { apikey: "sb_secret_test" };
    await post("recover", { email });
    const { link } = lastTo(world, email);
    await world.send("DELETE", `/auth/v1/admin/users/${userId}`, {
      body: { should_soft_delete: true },
      headers,
    });
    expect((await follow(world, link)).fragment.get("error_code")).toBe("otp_expired");
    const [kept] = await world.sql`select u::text as row from auth.users u where id = ${userId}`;
    expect(kept?.["row"]).not.toContain(email);
    const before = messagesTo(world, email).length;
    expect(await post("recover", { email })).toMatchObject({ status: 200, body: {} });
    expect(messagesTo(world, email)).toHaveLength(before);
  });

  test("15: a code in a PKCE flow is nothing without the verifier", async () => {
    const { email } = await join();
    const challenge = new Bun.CryptoHasher("sha256").update("v".repeat(43)).digest("base64url");
    await post("recover", { email, code_challenge: challenge, code_challenge_method: "s256" });
    const landed = await follow(world, lastTo(world, email).link);
    expect(landed.fragment.has("access_token")).toBe(false);
    const stolen = await post("token?grant_type=pkce", {
      auth_code: landed.query.get("code"),
      code_verifier: "w".repeat(43),
    });
    expect(stolen.body.code).toBe("bad_code_verifier");
  });

  test("16: a change that waits does not outlive a password that an admin set", async () => {
    const { email, bearer, userId } = await join();
    const elsewhere = nextEmail();
    await put(bearer, { email: elsewhere });
    const before = messagesTo(world, elsewhere).length;
    const { body } = await admin("PUT", `users/${userId}`, { password: NEW_PASSWORD });
    expect(body.new_email).toBeUndefined();
    await post("resend", { type: "email_change", email });
    expect(messagesTo(world, elsewhere)).toHaveLength(before);
  });

  test("17: a code that waits for its exchange does not outlive a new password", async () => {
    const verifier = "v".repeat(43);
    const challenge = new Bun.CryptoHasher("sha256").update(verifier).digest("base64url");
    const pkce = { code_challenge: challenge, code_challenge_method: "s256" };
    const changes = [
      (bearer: string, _: string) => put(bearer, { password: NEW_PASSWORD }),
      (bearer: string, _: string) => world.send("POST", "/auth/v1/logout", { bearer }),
      (_: string, id: string) => admin("PUT", `users/${id}`, { password: NEW_PASSWORD }),
      (_: string, id: string) => admin("DELETE", `users/${id}/sessions`),
    ];
    for (const change of changes) {
      const { email, bearer, userId } = await join();
      await post("otp", { email, ...pkce });
      const code = (await follow(world, lastTo(world, email).link)).query.get("code");
      expect(code).toBeString();
      expect((await change(bearer, userId)).status).toBeLessThan(300);
      const late = await post("token?grant_type=pkce", {
        auth_code: code,
        code_verifier: verifier,
      });
      expect(late.body.code).toBe("flow_state_not_found");
    }
  });

  test("18: of two changes at once, who was thrown out meanwhile does not make theirs", async () => {
    const { email, bearer, userId } = await join();
    const { hasher } = world.state;
    const { hash } = hasher;
    // The person signs out everywhere while the other's new password is hashed.
    Object.assign(hasher, {
      async hash(password: string) {
        await world.sql`delete from auth.sessions where user_id = ${userId}`;
        return hash(password);
      },
    });
    try {
      const { body } = await put(bearer, { password: NEW_PASSWORD });
      expect(body.code).toBe("session_not_found");
    } finally {
      Object.assign(hasher, { hash });
    }
    const body = { email, password: NEW_PASSWORD };
    expect((await post("token?grant_type=password", body)).body.code).toBe("invalid_credentials");
  });

  test("19: a ban without an end keeps out who has a code, and is shown", async () => {
    const { email, userId } = await join();
    await world.sql`update auth.users set banned_until = 'infinity' where id = ${userId}`;
    await post("otp", { email });
    const { code } = lastTo(world, email);
    expect(told(await guess(email, code, "email"))).toEqual([403, "user_banned"]);
    const shown = await admin("GET", `users/${userId}`);
    expect([shown.status, shown.body.banned_until]).toEqual([200, "infinity"]);
  });

  test("20: the new address of a change is counted, whoever asks for the mail again", async () => {
    const { email, bearer } = await join();
    const elsewhere = nextEmail();
    await put(bearer, { email: elsewhere });
    const [sent, from] = [messagesTo(world, elsewhere).length, world.limited.length];
    await post("resend", { type: "email_change", email });
    expect(messagesTo(world, elsewhere)).toHaveLength(sent + 1);
    const keys = world.limited.slice(from).filter(({ key }) => key.startsWith("auth:email:hour:"));
    const digest = new Bun.CryptoHasher("sha256").update(elsewhere).digest("base64url");
    expect(keys.map(({ key }) => key)).toContain(`auth:email:hour:${digest}`);
  });
});

describe("mails that somebody else asks for", () => {
  const HOUR_MS = 3_600_000;
  let limited: AuthWorld;
  beforeAll(async () => {
    limited = await openAuthWorld(
      { autoconfirm: false, site_url: SITE, rate_limit_otp: 100_000 },
      { limits: true },
    );
  });
  afterAll(() => limited.close());

  const ask = async (address: string, path: string, email: string) => {
    const body = path === "resend" ? { email, type: "signup" } : { email };
    const { status } = await limited.send("POST", `/auth/v1/${path}`, { address, body });
    return status;
  };
  /** Each network asks once, and again after a while; how many would have been sent. */
  async function flood(
    networks: readonly string[],
    path: string,
    email: string,
    times: { readonly turns: number; readonly everyMs: number },
  ) {
    let sent = 0;
    for (let turn = 0; turn < times.turns; turn += 1) {
      for (const address of networks) if ((await ask(address, path, email)) === 200) sent += 1;
      await limited.clock.advance(times.everyMs);
    }
    return sent;
  }
  const member = async () => {
    const email = nextEmail();
    await ask("192.0.2.1", "otp", email);
    const { code } = lastTo(limited, email);
    const body = { type: "email", email, token: code };
    expect((await limited.send("POST", "/auth/v1/verify", { body })).status).toBe(200);
    await limited.clock.advance(24 * HOUR_MS);
    return email;
  };
  const OWNER = "198.51.100.7";

  test("leave its owner what they need, known or not", async () => {
    for (const email of [await member(), nextEmail()]) {
      const often = { turns: 24, everyMs: HOUR_MS / 6 };
      const one = await flood(["203.0.113.9"], "recover", email, often);
      expect(one).toBeGreaterThan(9);
      expect(one).toBeLessThan(16);
      expect(await ask(OWNER, "recover", email)).toBe(200);
      expect(await ask(OWNER, "resend", email)).toBe(200);
      await limited.clock.advance(24 * HOUR_MS);
      const evenly = { turns: 20, everyMs: (2 * HOUR_MS) / 5 };
      const two = await flood(["203.0.113.9", "203.0.113.10"], "resend", email, evenly);
      expect(two).toBeGreaterThan(19);
      expect(two).toBeLessThan(29);
      expect(await ask(OWNER, "resend", email)).toBe(429);
      expect(await ask(OWNER, "otp", email)).toBe(200);
      expect(await ask(OWNER, "recover", email)).toBe(200);
      expect(await ask(OWNER, "recover", email)).toBe(429);
      await limited.clock.advance(24 * HOUR_MS);
    }
  });

  test("stay few, however many ask", async () => {
    const networks = Array.from({ length: 40 }, (_, i) => `10.0.${i}.1`);
    const email = await member();
    const sent = await flood(networks, "recover", email, { turns: 2, everyMs: HOUR_MS });
    expect(sent).toBeGreaterThan(20);
    expect(sent).toBeLessThan(42);
    expect(messagesTo(limited, email).length).toBeLessThan(43);
  });
});
