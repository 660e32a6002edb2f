/** People as the project's own server sees and changes them: search, changes, bans, the audit log. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { adminOf, auditOf, eventsAbout } from "./admin-client.ts";
import { type AuthWorld, openAuthWorld, PASSWORD, signIn, signUp } from "./auth-world.ts";

let world: AuthWorld;
let admin: ReturnType<typeof adminOf>;
beforeAll(async () => {
  world = await openAuthWorld();
  admin = adminOf(world);
});
afterAll(() => world.close());

const grant = (email: string, password: string) =>
  world.send("POST", "/auth/v1/token?grant_type=password", { body: { email, password } });

describe("changing a person", () => {
  test("sets what is sent and leaves the rest", async () => {
    const { userId } = await signUp(world, "ada@example.test");
    await admin("PUT", `/users/${userId}`, { user_metadata: { a: 1, b: 2 } });
    const { status, body } = await admin("PUT", `/users/${userId}`, {
      email: "Ada.New@Example.test",
      user_metadata: { b: null, c: 3 },
      app_metadata: { plan: "gold" },
    });
    expect(status).toBe(200);
    expect(body.email).toBe("ada.new@example.test");
    expect(body.user_metadata).toMatchObject({ a: 1, c: 3 });
    expect(body.user_metadata).not.toHaveProperty("b");
    expect(body.app_metadata).toMatchObject({ plan: "gold", provider: "email" });
    expect(body.identities[0].identity_data.email).toBe("ada.new@example.test");
    expect((await grant("ada.new@example.test", PASSWORD)).status).toBe(200);
    expect((await grant("ada@example.test", PASSWORD)).status).toBe(400);
  });

  test("counts an address as the person's own only when told so", async () => {
    const { userId } = await signUp(world, "bea@example.test");
    const proven = async () => {
      const [row] = await world.sql`select proven_email from auth.users where id = ${userId}`;
      return row?.["proven_email"];
    };
    await admin("PUT", `/users/${userId}`, { email: "bea2@example.test" });
    expect(await proven()).not.toBe("bea2@example.test");
    await admin("PUT", `/users/${userId}`, { email_confirm: true });
    expect(await proven()).toBe("bea2@example.test");
  });

  test("with a new password ends every session and tells the person", async () => {
    const { userId, refreshToken, accessToken } = await signUp(world, "cleo@example.test");
    const { status } = await admin("PUT", `/users/${userId}`, { password: "quite another one" });
    expect(status).toBe(200);
    const body = { refresh_token: refreshToken };
    const refreshed = await world.send("POST", "/auth/v1/token?grant_type=refresh_token", { body });
    expect(refreshed.body.code).toBe("refresh_token_not_found");
    const me = await world.send("GET", "/auth/v1/user", { bearer: accessToken });
    expect(me.body.code).toBe("session_not_found");
    expect((await grant("cleo@example.test", "quite another one")).status).toBe(200);
  });

  test("leaves an entry and an event, neither with the values", async () => {
    const { userId } = await signUp(world, "dan@example.test");
    const secret = "a password of some length";
    await admin("PUT", `/users/${userId}`, { password: secret, app_metadata: { x: "value-of-x" } });
    const entries = await auditOf(world, userId, "user_modified");
    expect(entries.at(-1)?.payload).toMatchObject({
      actor_username: "service_role",
      traits: { user_id: userId, changed: ["password", "app_metadata"] },
    });
    expect(await eventsAbout(world, userId)).toContain("auth.user_updated");
    const written = JSON.stringify([
      await world.sql`select * from auth.audit_log_entries`,
      await world.sql`select data from reactor.events`,
    ]);
    expect(written).not.toContain(secret);
    expect(written).not.toContain("value-of-x");
  });

  test("is refused as a whole when a part is wrong", async () => {
    const { userId } = await signUp(world, "eve@example.test");
    await signUp(world, "taken@example.test");
    const cases: readonly [object, number, string][] = [
      [{ email: "taken@example.test", role: "editor" }, 422, "email_exists"],
      [{ email: "no address" }, 400, "validation_failed"],
      [{ password: "short" }, 422, "weak_password"],
      [{ role: "Robert'); drop table" }, 400, "validation_failed"],
      [{ ban_duration: "for ever" }, 400, "validation_failed"],
      [{ user_metadata: { big: "x".repeat(4000) } }, 400, "validation_failed"],
      [{ password_hash: "$1$md5$crypt" }, 400, "validation_failed"],
      [{ password_hash: "$2b$10$short", password: "and a password" }, 400, "validation_failed"],
    ];
    for (const [body, status, code] of cases) {
      const answer = await admin("PUT", `/users/${userId}`, body);
      expect([answer.status, answer.body.code]).toEqual([status, code]);
    }
    const { body } = await admin("GET", `/users/${userId}`);
    expect([body.email, body.role]).toEqual(["eve@example.test", "authenticated"]);
    const nobody = await admin("PUT", `/users/${crypto.randomUUID()}`, { role: "editor" });
    expect([nobody.status, nobody.body.code]).toEqual([404, "user_not_found"]);
    expect((await admin("PUT", "/users/not-an-id", {})).status).toBe(404);
  });

  test("is the secret key's alone", async () => {
    const { userId, accessToken } = await signUp(world, "finn@example.test");
    for (const [method, path] of [
      ["PUT", `/users/${userId}`],
      ["GET", "/users"],
      ["GET", "/audit"],
    ] as const) {
      const body = method === "PUT" ? { body: { app_metadata: { admin: true } } } : {};
      const url = `/auth/v1/admin${path}`;
      const mine = await world.send(method, url, { ...body, bearer: accessToken });
      expect([mine.status, mine.body.code]).toEqual([403, "not_admin"]);
      const headers = { apikey: world.project.publishableKey };
      expect((await world.send(method, url, { ...body, headers })).status).toBe(403);
      expect((await world.send(method, url, body)).status).toBe(401);
    }
  });
});

describe("a ban", () => {
  test("shuts every way in and is over when its time is, or when it is lifted", async () => {
    const email = "greta@example.test";
    const { userId, accessToken, refreshToken } = await signUp(world, email);
    const { body } = await admin("PUT", `/users/${userId}`, { ban_duration: "2h" });
    expect(body.banned_until).toBe(new Date(world.clock.now() + 7_200_000).toISOString());
    const ways = async () => {
      const refresh = { body: { refresh_token: refreshToken } };
      const answers = [
        await grant(email, PASSWORD),
        await world.send("POST", "/auth/v1/token?grant_type=refresh_token", refresh),
        await world.send("GET", "/auth/v1/user", { bearer: accessToken }),
        await world.send("PUT", "/auth/v1/user", { bearer: accessToken, body: { data: {} } }),
      ];
      return answers.map(({ status, body: answer }) => [status, answer.code]);
    };
    expect(await ways()).toEqual([
      [400, "user_banned"],
      [400, "user_banned"],
      [403, "user_banned"],
      [403, "user_banned"],
    ]);
    await admin("PUT", `/users/${userId}`, { ban_duration: "none" });
    expect((await ways()).map(([status]) => status)).toEqual([200, 200, 200, 200]);
    const changed = (await auditOf(world, userId, "user_modified")).map(({ payload }) => payload);
    expect(changed).toMatchObject([
      { traits: { changed: ["ban"] } },
      { traits: { changed: ["ban_lifted"] } },
      {},
    ]);
    await admin("PUT", `/users/${userId}`, { ban_duration: "10s" });
    expect((await grant(email, PASSWORD)).body.code).toBe("user_banned");
    await world.clock.advance(10_000);
    expect((await grant(email, PASSWORD)).status).toBe(200);
  });

  test("for ever, as SQL writes it, is one", async () => {
    const { userId } = await signUp(world, "hugo@example.test");
    await world.sql`update auth.users set banned_until = 'infinity' where id = ${userId}`;
    expect((await grant("hugo@example.test", PASSWORD)).body.code).toBe("user_banned");
  });
});

describe("the list", () => {
  const find = async (query: Record<string, string>) => {
    const { status, body, headers } = await admin("GET", `/users?${new URLSearchParams(query)}`);
    expect(status).toBe(200);
    const emails = body.users.map(({ email }: { email: string }) => email);
    return { emails, total: Number(headers.get("x-total-count")), link: headers.get("link") };
  };

  beforeAll(async () => {
    for (const [name, data] of [
      ["list-a", { full_name: "Grace Hopper" }],
      ["list-b", { name: "Ünal 100%_sure" }],
      ["list-c", {}],
    ] as const) {
      await world.clock.advance(1000);
      await admin("POST", "/users", { email: `${name}@list.test`, user_metadata: data });
    }
    const [row] = await world.sql`select id from auth.users where email = 'list-c@list.test'`;
    await admin("PUT", `/users/${row?.["id"]}`, { ban_duration: "1h", role: "editor" });
    await world.sql`
      insert into auth.identities (provider_id, user_id, identity_data, provider)
      select 'g-1', id, '{"sub":"g-1"}', 'google' from auth.users where email = 'list-b@list.test'`;
  });

  test("finds by a part of the address or the name, whatever the case, and by id", async () => {
    expect((await find({ filter: "LIST-" })).total).toBe(3);
    expect((await find({ filter: "hopper" })).emails).toEqual(["list-a@list.test"]);
    expect((await find({ filter: "ÜNAL" })).emails).toEqual(["list-b@list.test"]);
    expect((await find({ filter: "100%_s" })).emails).toEqual(["list-b@list.test"]);
    expect((await find({ filter: "%" })).emails).toEqual(["list-b@list.test"]);
    const [row] = await world.sql`select id from auth.users where email = 'list-a@list.test'`;
    expect((await find({ filter: row?.["id"] })).emails).toEqual(["list-a@list.test"]);
    expect((await find({ filter: "' or 1=1 --" })).total).toBe(0);
  });

  test("filters by provider, ban, role, confirmation and time", async () => {
    const among = (query: Record<string, string>) => find({ filter: "@list.test", ...query });
    expect((await among({ provider: "google" })).emails).toEqual(["list-b@list.test"]);
    expect((await among({ banned: "true" })).emails).toEqual(["list-c@list.test"]);
    expect((await among({ banned: "false" })).total).toBe(2);
    expect((await among({ role: "editor" })).emails).toEqual(["list-c@list.test"]);
    expect((await among({ confirmed: "false" })).total).toBe(0);
    expect((await among({ anonymous: "false", deleted: "false" })).total).toBe(3);
    const now = new Date(world.clock.now());
    expect((await among({ created_after: now.toISOString() })).emails).toEqual([
      "list-c@list.test",
    ]);
    expect((await among({ created_before: now.toISOString() })).total).toBe(2);
  });

  test("sorts, pages, and says where the next page is with the filter in it", async () => {
    const first = await find({ filter: "@list.test", sort: "email desc", per_page: "2" });
    expect(first.emails).toEqual(["list-c@list.test", "list-b@list.test"]);
    expect(first.total).toBe(3);
    expect(first.link).toMatch(
      /\?page=2&per_page=2&filter=%40list\.test&sort=email\+desc>; rel="next"/,
    );
    const second = await find({
      filter: "@list.test",
      sort: "email desc",
      per_page: "2",
      page: "2",
    });
    expect(second.emails).toEqual(["list-a@list.test"]);
    expect((await find({ filter: "@list.test", sort: "email" })).emails[0]).toBe(
      "list-a@list.test",
    );
  });

  test.each([
    "sort=password",
    "sort=email sideways",
    "banned=maybe",
    "created_after=yesterday",
    "page=0",
  ])("%p is refused", async (query) => {
    expect((await admin("GET", `/users?${encodeURI(query)}`)).body.code).toBe("validation_failed");
  });
});

describe("the audit log", () => {
  const find = async (query: Record<string, string>) => {
    const { status, body } = await admin("GET", `/audit?${new URLSearchParams(query)}`);
    expect(status).toBe(200);
    return body as { payload: Record<string, unknown>; created_at: string; ip_address: string }[];
  };

  test("is read newest first, by GoTrue's scopes and by whom it is about", async () => {
    const { userId } = await signUp(world, "audited@example.test");
    await world.clock.advance(1000);
    await signIn(world, "audited@example.test");
    await admin("PUT", `/users/${userId}`, { role: "editor" });
    const about = await find({ user_id: userId });
    expect(about.map(({ payload }) => payload["action"])).toEqual(
      expect.arrayContaining(["user_modified", "login", "user_signedup"]),
    );
    const times = about.map((entry) => entry.created_at);
    expect(times).toEqual([...times].sort().reverse());
    const byAuthor = await find({ query: "author:AUDITED@" });
    expect(byAuthor.every(({ payload }) => payload["actor_id"] === userId)).toBe(true);
    expect(byAuthor.length).toBeGreaterThan(1);
    const logins = await find({ action: "login", user_id: userId });
    expect(logins).toHaveLength(1);
    expect(logins[0]?.ip_address).toBe("127.0.0.1");
    expect((await find({ query: "action:logi", user_id: userId })).length).toBe(1);
    const later = new Date(world.clock.now() + 1000).toISOString();
    expect(await find({ user_id: userId, after: later })).toEqual([]);
    expect(await find({ user_id: userId, ip_address: "10.9.8.7" })).toEqual([]);
  });

  test.each(["query=password:x", "query=x", "user_id=me", "before=then"])(
    "%p is refused",
    async (query) => {
      expect((await admin("GET", `/audit?${query}`)).body.code).toBe("validation_failed");
    },
  );
});
