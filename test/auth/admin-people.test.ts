/** Whole people: acting as one, making two one, taking them over, handing out and erasing what is kept. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { decodeJwt } from "jose";
import { adminOf, auditOf, eventsAbout } from "./admin-client.ts";
import { type AuthWorld, openAuthWorld, PASSWORD, signIn, signUp } from "./auth-world.ts";
import { untilWaiting } from "./lock-waits.ts";
import { makeOrg, person } from "./org-world.ts";

let world: AuthWorld;
let admin: ReturnType<typeof adminOf>;
beforeAll(async () => {
  world = await openAuthWorld();
  admin = adminOf(world);
  await world.sql.unsafe(`
    create table public.notes (id int generated always as identity primary key,
      owner uuid not null references auth.users (id) on delete cascade, body text);
    create table public.likes (note int, fan uuid references auth.users (id) on delete set null,
      unique (note, fan));
    create table public."Odd ""Orders" (id int generated always as identity primary key,
      "Buyer" uuid references auth.users (id));
    create table public.invoices (id int generated always as identity primary key,
      payer uuid not null references auth.users (id));
    create table public.lines (invoice int not null references public.invoices (id));
  `);
});
afterAll(() => world.close());

const grant = (email: string) =>
  world.send("POST", "/auth/v1/token?grant_type=password", { body: { email, password: PASSWORD } });

async function googleIdentity(userId: string, sub: string) {
  await world.sql`
    insert into auth.identities (provider_id, user_id, identity_data, provider)
    values (${sub}, ${userId}, ${world.sql.json({ sub })}, 'google')`;
}

describe("acting as somebody", () => {
  test("gives a token that says so, for a while, and cannot be refreshed", async () => {
    const { userId } = await signUp(world, "ada@people.test");
    const { status, body } = await admin("POST", `/users/${userId}/impersonate`, {
      actor: "grace@support.test",
      reason: "ticket 7",
      expires_in: 120,
    });
    expect(status).toBe(200);
    expect(body).not.toHaveProperty("refresh_token");
    const claims = decodeJwt(body.access_token);
    expect(claims).toMatchObject({
      sub: userId,
      aal: "aal1",
      act: { sub: "grace@support.test", role: "service_role" },
      amr: [{ method: "impersonation" }],
    });
    expect(Number(claims.exp) - Number(claims.iat)).toBe(120);
    const me = () => world.send("GET", "/auth/v1/user", { bearer: body.access_token });
    expect((await me()).body.id).toBe(userId);
    expect((await auditOf(world, userId, "user_impersonated"))[0]?.payload).toMatchObject({
      traits: { actor: "grace@support.test", reason: "ticket 7", session_id: claims["session_id"] },
    });
    expect(await eventsAbout(world, userId)).toContain("auth.user_impersonated");
    await world.clock.advance(120_000);
    expect((await me()).status).toBe(401);
  });

  test("changes no way in", async () => {
    const { userId } = await signUp(world, "bea@people.test");
    const { body } = await admin("POST", `/users/${userId}/impersonate`);
    for (const change of [{ password: "a new and long one" }, { email: "mine@people.test" }]) {
      const answer = await world.send("PUT", "/auth/v1/user", {
        bearer: body.access_token,
        body: change,
      });
      expect([answer.status, answer.body.code]).toEqual([403, "impersonation_not_allowed"]);
    }
    expect((await grant("bea@people.test")).status).toBe(200);
  });

  test("adds no factor, no passkey and no key, and signs the person out nowhere", async () => {
    const { userId, accessToken } = await signUp(world, "cora@people.test");
    const { body } = await admin("POST", `/users/${userId}/impersonate`);
    const bearer = body.access_token;
    for (const [path, sent] of [
      ["/factors", { factor_type: "totp" }],
      ["/api-keys", { name: "Mine", kind: "user", scopes: ["*"] }],
    ] as const) {
      const answer = await world.send("POST", `/auth/v1${path}`, { bearer, body: sent });
      expect([path, answer.body.code]).toEqual([path, "impersonation_not_allowed"]);
    }
    const keys = await world.send("POST", "/auth/v1/passkeys/registration/options", {
      bearer,
      body: {},
    });
    expect(keys.status).toBe(403);
    expect((await world.send("POST", "/auth/v1/logout?scope=global", { bearer })).status).toBe(204);
    expect((await world.send("GET", "/auth/v1/user", { bearer })).status).toBe(403);
    expect((await world.send("GET", "/auth/v1/user", { bearer: accessToken })).status).toBe(200);
  });

  test("ends with the person's sign-out everywhere", async () => {
    const { userId, accessToken } = await signUp(world, "carl@people.test");
    const { body } = await admin("POST", `/users/${userId}/impersonate`);
    await world.send("POST", "/auth/v1/logout?scope=global", { bearer: accessToken });
    const me = await world.send("GET", "/auth/v1/user", { bearer: body.access_token });
    expect(me.body.code).toBe("session_not_found");
  });

  test("is refused for nobody, the banned, the removed and for longer than an hour", async () => {
    const { userId, accessToken } = await signUp(world, "dora@people.test");
    const path = `/users/${userId}/impersonate`;
    for (const bad of [
      { expires_in: 3601 },
      { expires_in: 59 },
      { expires_in: "900" },
      { actor: 7 },
    ]) {
      expect((await admin("POST", path, bad)).body.code).toBe("validation_failed");
    }
    const nobody = await admin("POST", `/users/${crypto.randomUUID()}/impersonate`);
    expect(nobody.body.code).toBe("user_not_found");
    const mine = await world.send("POST", `/auth/v1/admin${path}`, { bearer: accessToken });
    expect(mine.body.code).toBe("not_admin");
    await admin("PUT", `/users/${userId}`, { ban_duration: "1h" });
    expect((await admin("POST", path)).body.code).toBe("user_banned");
    await admin("DELETE", `/users/${userId}`, { should_soft_delete: true });
    expect((await admin("POST", path)).body.code).toBe("user_not_found");
    expect(await auditOf(world, userId, "user_impersonated")).toHaveLength(0);
  });
});

describe("merging", () => {
  test("brings identities and rows of the app over and ends the other account", async () => {
    const kept = await signUp(world, "kept@people.test");
    const other = await signUp(world, "other@people.test");
    await googleIdentity(other.userId, "g-merge");
    await world.sql`insert into public.notes (owner, body) values (${other.userId}, 'theirs')`;
    const { status, body } = await admin("POST", `/users/${kept.userId}/merge`, {
      from: other.userId,
    });
    expect(status).toBe(200);
    expect(body.moved).toEqual({ "public.notes": 1, "auth.identities": 1 });
    expect(body.user.app_metadata.providers).toEqual(expect.arrayContaining(["email", "google"]));
    expect(body.user.email).toBe("kept@people.test");
    const [note] = await world.sql`select owner from public.notes where body = 'theirs'`;
    expect(note?.["owner"]).toBe(kept.userId);
    expect((await admin("GET", `/users/${other.userId}`)).status).toBe(404);
    const refresh = { body: { refresh_token: other.refreshToken } };
    const path = "/auth/v1/token?grant_type=refresh_token";
    expect((await world.send("POST", path, refresh)).status).toBe(400);
    expect((await grant("other@people.test")).status).toBe(400);
    expect((await grant("kept@people.test")).status).toBe(200);
    expect((await auditOf(world, kept.userId, "user_merged"))[0]?.payload).toMatchObject({
      traits: { merged_user_id: other.userId },
    });
    expect(await eventsAbout(world, kept.userId)).toContain("auth.user_merged");
  });

  test("takes address and password over where the account has none", async () => {
    const id = crypto.randomUUID();
    await world.sql`insert into auth.users (id, is_anonymous) values (${id}, true)`;
    const other = await signUp(world, "named@people.test");
    const { body } = await admin("POST", `/users/${id}/merge`, { from: other.userId });
    expect([body.user.id, body.user.email]).toEqual([id, "named@people.test"]);
    expect((await signIn(world, "named@people.test")).userId).toBe(id);
  });

  test("keeps places in organisations, and an owner where there was one", async () => {
    const [kept, other] = [await person(world, "kept"), await person(world, "other")];
    const own = await makeOrg(world, other, "Owned by the other");
    const shared = await makeOrg(world, other, "Of both");
    await world.sql`
      insert into auth.memberships (org_id, user_id, role, created_at, updated_at)
      select id, ${kept.userId}, 'member', now(), now() from auth.orgs where id = ${shared.id}`;
    const { status } = await admin("POST", `/users/${kept.userId}/merge`, { from: other.userId });
    expect(status).toBe(200);
    const rows = await world.sql`
      select org_id, user_id, role from auth.memberships where org_id in (${own.id}, ${shared.id})`;
    const found = rows.map((row) => [row["org_id"], row["user_id"], row["role"]]);
    expect(found.sort()).toEqual(
      [
        [own.id, kept.userId, "owner"],
        [shared.id, kept.userId, "owner"],
      ].sort(),
    );
  });

  test("is refused as a whole when both have what only one may", async () => {
    const kept = await signUp(world, "fan1@people.test");
    const other = await signUp(world, "fan2@people.test");
    await googleIdentity(other.userId, "g-conflict");
    for (const { userId } of [kept, other]) {
      await world.sql`insert into public.likes (note, fan) values (7, ${userId})`;
    }
    const { status, body } = await admin("POST", `/users/${kept.userId}/merge`, {
      from: other.userId,
    });
    expect([status, body.code, body.details]).toEqual([409, "merge_conflict", "public.likes"]);
    expect((await admin("GET", `/users/${other.userId}`)).body.identities).toHaveLength(2);
    expect((await grant("fan2@people.test")).status).toBe(200);
  });

  test("needs two people", async () => {
    const { userId } = await signUp(world, "alone@people.test");
    const path = `/users/${userId}/merge`;
    for (const [body, code] of [
      [{ from: userId }, "validation_failed"],
      [{ from: userId.toUpperCase() }, "validation_failed"],
      [{}, "validation_failed"],
      [{ from: crypto.randomUUID() }, "user_not_found"],
    ] as const) {
      expect((await admin("POST", path, body)).body.code).toBe(code);
    }
  });
});

describe("an export", () => {
  test("holds account, log and the app's rows, and nothing that opens anything", async () => {
    const { userId } = await signUp(world, "export@people.test");
    const stranger = await signUp(world, "stranger@people.test");
    await world.sql`insert into public.notes (owner, body) values (${userId}, 'mine')`;
    await world.sql`insert into public.notes (owner, body) values (${stranger.userId}, 'not mine')`;
    await world.sql`insert into public."Odd ""Orders" ("Buyer") values (${userId})`;
    const { status, body } = await admin("GET", `/users/${userId}/export`);
    expect(status).toBe(200);
    expect(body.user.email).toBe("export@people.test");
    const table = (name: string) =>
      body.tables.find((one: { table: string }) => one.table === name);
    expect(table("notes").rows).toMatchObject([{ body: "mine" }]);
    expect(table('Odd "Orders').rows).toHaveLength(1);
    expect(table("sessions").rows).toHaveLength(1);
    const actions = body.audit_log.entries.map(
      (one: { payload: { action: string } }) => one.payload.action,
    );
    expect(actions).toContain("user_signedup");
    const text = JSON.stringify(body);
    const [row] = await world.sql`
      select u.encrypted_password, encode(t.token_hash, 'hex') as hash,
        encode(s.refresh_token_hmac_key, 'hex') as key
      from auth.users u join auth.sessions s on s.user_id = u.id
      join auth.refresh_tokens t on t.session_id = s.id where u.id = ${userId}`;
    for (const secret of Object.values(row ?? {})) expect(text).not.toContain(String(secret));
    expect(text).not.toContain("not mine");
    expect(await auditOf(world, userId, "user_exported")).toHaveLength(1);
  });
});

describe("an erasure", () => {
  test("follows the foreign keys and leaves nothing of who it was", async () => {
    const email = "erase@people.test";
    const { userId } = await signUp(world, email);
    await grant(email);
    await world.send("POST", "/auth/v1/signup", { body: { email, password: PASSWORD } });
    await world.sql`insert into public.notes (owner, body) values (${userId}, 'gone')`;
    await world.sql`insert into public.likes (note, fan) values (99, ${userId})`;
    const { status, body } = await admin("POST", `/users/${userId}/erase`);
    expect(status).toBe(200);
    expect(body.tables).toEqual(
      expect.arrayContaining([
        { table: "public.notes", column: "owner", rows: 1, action: "cascade" },
        { table: "public.likes", column: "fan", rows: 1, action: "set_null" },
      ]),
    );
    expect(await world.sql`select 1 from public.notes where body = 'gone'`).toHaveLength(0);
    expect([...(await world.sql`select fan from public.likes where note = 99`)]).toEqual([
      { fan: null },
    ]);
    const log = await world.sql`select payload, ip_address from auth.audit_log_entries`;
    const feed = await world.sql`select data from reactor.events`;
    expect(JSON.stringify([log, feed])).not.toContain(email);
    const own = log.filter(({ payload }) => payload.actor_id === userId);
    expect(own.length).toBeGreaterThan(0);
    expect(own.every(({ ip_address: address }) => address === "")).toBe(true);
    expect(await auditOf(world, userId, "user_erased")).toHaveLength(1);
    expect(await eventsAbout(world, userId)).toContain("auth.user_deleted");
  });

  test("waits for a word where a key would refuse", async () => {
    const { userId } = await signUp(world, "buyer@people.test");
    await world.sql`insert into public."Odd ""Orders" ("Buyer") values (${userId})`;
    const path = `/users/${userId}/erase`;
    const refused = await admin("POST", path);
    expect([refused.status, refused.body.code]).toEqual([409, "erase_blocked"]);
    expect(refused.body.details).toBe('public.Odd "Orders');
    expect((await grant("buyer@people.test")).status).toBe(200);
    const references = { 'public.Odd "Orders': "set_null" };
    const told = await admin("POST", path, { references, dry_run: true });
    expect(told.body.dry_run).toBe(true);
    expect((await grant("buyer@people.test")).status).toBe(200);
    const done = await admin("POST", path, { references });
    const names = ({ body }: typeof done) =>
      body.tables.map(({ table }: { table: string }) => table);
    expect(names(done)).toEqual(names(told));
    expect(done.body.tables).toContainEqual({
      table: 'public.Odd "Orders',
      column: "Buyer",
      rows: 1,
      action: "set_null",
    });
    expect((await admin("GET", `/users/${userId}`)).status).toBe(404);
  });

  test("counts what comes while it waits for the person", async () => {
    const { userId } = await signUp(world, "busy@people.test");
    const references = { 'public.Odd "Orders': "set_null" };
    const { erasing } = await world.sql.begin(async (tx) => {
      await tx`insert into public."Odd ""Orders" ("Buyer") values (${userId})`;
      const begun = admin("POST", `/users/${userId}/erase`, { references });
      await untilWaiting(world, 1);
      return { erasing: begun };
    });
    const { status, body } = await erasing;
    expect(status).toBe(200);
    expect(body.tables).toContainEqual(expect.objectContaining({ column: "Buyer", rows: 1 }));
  });

  test("names what stands in the way further off, and has changed nothing then", async () => {
    const { userId } = await signUp(world, "payer@people.test");
    await world.sql`
      with i as (insert into public.invoices (payer) values (${userId}) returning id)
      insert into public.lines select id from i`;
    const path = `/users/${userId}/erase`;
    const byDelete = await admin("POST", path, { references: { "public.invoices": "delete" } });
    expect([byDelete.status, byDelete.body.code]).toEqual([409, "erase_blocked"]);
    expect(byDelete.body.details).toContain("public.lines");
    const byNull = await admin("POST", path, { references: { "public.invoices": "set_null" } });
    expect([byNull.status, byNull.body.details]).toEqual([409, "public.invoices"]);
    const bad = await admin("POST", path, { references: { "public.invoices": "ignore" } });
    expect(bad.body.code).toBe("validation_failed");
    expect((await grant("payer@people.test")).status).toBe(200);
  });
});

describe("an import", () => {
  test("makes each person or says why not, and does nothing the second time", async () => {
    const hash = await Bun.password.hash(PASSWORD, { algorithm: "bcrypt", cost: 4 });
    const id = crypto.randomUUID();
    const users = [
      {
        id,
        email: "One@import.test",
        password_hash: hash,
        email_confirm: true,
        user_metadata: { name: "One" },
        identities: [
          { provider: "email", provider_id: id },
          { provider: "google", provider_id: "g-import", identity_data: { name: "One" } },
        ],
      },
      { email: "two@import.test", password: "in the clear, of some length" },
      { email: "not an address" },
      { email: "three@import.test", password_hash: "$1$md5" },
      { email: "four@import.test", identities: [{ provider: "google", provider_id: "g-import" }] },
      "five",
      { email: "six@import.test" },
    ];
    const { status, body } = await admin("POST", "/users/import", { users });
    expect(status).toBe(200);
    expect(body.created).toBe(2);
    expect(body.results.map(({ code }: { code?: string }) => code ?? "created")).toEqual([
      "created",
      "validation_failed",
      "validation_failed",
      "validation_failed",
      "identity_already_exists",
      "validation_failed",
      "created",
    ]);
    const { body: one } = await admin("GET", `/users/${id}`);
    expect(one.app_metadata.providers).toEqual(expect.arrayContaining(["email", "google"]));
    expect((await signIn(world, "one@import.test")).userId).toBe(id);
    const { body: four } = await admin("GET", "/users?filter=four@import.test");
    expect(four.users).toEqual([]);
    const again = await admin("POST", "/users/import", { users });
    expect(again.body.created).toBe(0);
    expect(again.body.results[0].code).toBe("email_exists");
  });

  test("takes 500 at a time, from the secret key", async () => {
    const many = { users: Array.from({ length: 501 }, () => ({})) };
    expect((await admin("POST", "/users/import", many)).body.code).toBe("validation_failed");
    const { accessToken } = await signUp(world, "nobody@import.test");
    const path = "/auth/v1/admin/users/import";
    const mine = await world.send("POST", path, { bearer: accessToken, body: { users: [] } });
    expect(mine.body.code).toBe("not_admin");
  });
});

describe("an Idempotency-Key of the project's server", () => {
  const once = (path: string, key: string, body: unknown) =>
    world.send("POST", `/auth/v1${path}`, {
      body,
      headers: { apikey: world.project.secretKey, "idempotency-key": key },
    });
  const email = () => `once-${crypto.randomUUID()}@example.test`;

  test.each([
    ["/admin/users", () => ({ email: email(), password: PASSWORD })],
    ["/admin/users/import", () => ({ users: [{ email: email() }] })],
    ["/invite", () => ({ email: email() })],
    ["/admin/generate_link", () => ({ type: "magiclink", email: email() })],
    ["/admin/oauth/clients", () => ({ redirect_uris: ["https://app.example.test/cb"] })],
    ["/admin/keys/rotate", () => ({ force: true })],
  ])("on %s is answered once", async (path, body) => {
    const [key, sent] = [crypto.randomUUID(), body()];
    const first = await once(path, key, sent);
    expect(first.status).toBeLessThan(300);
    const again = await once(path, key, sent);
    expect([again.status, again.body]).toEqual([first.status, first.body]);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    const other = await once(`${path}?redirect_to=https://app.example.test/`, key, sent);
    expect([other.status, other.body.code]).toEqual([422, "idempotency_key_reused"]);
  });

  test("makes an erasure answer the same twice, and is nobody else's", async () => {
    const { userId } = await signUp(world, email());
    const [path, key] = [`/admin/users/${userId}/erase`, crypto.randomUUID()];
    const first = await once(path, key, {});
    expect((await once(path, key, {})).body).toEqual(first.body);
    expect((await once(path, crypto.randomUUID(), {})).body.code).toBe("user_not_found");
    const headers = { "idempotency-key": key };
    const stranger = await world.send("POST", `/auth/v1${path}`, { body: {}, headers });
    expect(stranger.status).toBe(401);
  });
});
