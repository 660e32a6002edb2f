/** Accounts: sign-up, sign-in, changes, sign-out, removal, and what each leaves in the database. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { type AuthWorld, openAuthWorld, PASSWORD, signIn, signUp } from "./auth-world.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

let world: AuthWorld;
let count = 0;
const nextEmail = () => `kim-${++count}@example.test`;
const SECRET = "sb_secret_test";
const passwordGrant = (body: unknown) =>
  world.send("POST", "/auth/v1/token?grant_type=password", { body });

beforeAll(async () => {
  world = await openAuthWorld();
});
afterAll(() => world.close());

describe("signing up", () => {
  test("answers a session in GoTrue's form, with all claims policies read", async () => {
    const email = nextEmail();
    const { status, headers, body } = await world.send("POST", "/auth/v1/signup", {
      body: { email: email.toUpperCase(), password: PASSWORD, data: { name: "Ada" } },
    });
    expect(status).toBe(200);
    expect(headers.get("x-supabase-api-version")).toBe("2024-01-01");
    expect(headers.get("cache-control")).toBe("no-store");
    const now = world.clock.now() / 1000;
    expect(body).toMatchObject({ token_type: "bearer", expires_in: 3600, expires_at: now + 3600 });
    const { id } = body.user;
    expect(body.user).toMatchObject({
      aud: "authenticated",
      role: "authenticated",
      email,
      phone: "",
      app_metadata: { provider: "email", providers: ["email"] },
      user_metadata: { name: "Ada", email, email_verified: true, phone_verified: false, sub: id },
      is_anonymous: false,
    });
    const [identity] = body.user.identities;
    expect(identity).toMatchObject({ id, user_id: id, provider: "email", email });
    const claims = claimsOf(body.access_token);
    expect(claims).toEqual({
      iss: "https://auth.example.test/auth/v1",
      sub: id,
      aud: "authenticated",
      exp: now + 3600,
      iat: now,
      email,
      phone: "",
      app_metadata: body.user.app_metadata,
      user_metadata: body.user.user_metadata,
      role: "authenticated",
      aal: "aal1",
      amr: [{ method: "password", timestamp: now }],
      session_id: expect.any(String),
      is_anonymous: false,
    });
    expect(headerOf(body.access_token)).toEqual({
      alg: "ES256",
      kid: world.project.signingKeys[0]?.kid ?? "",
      typ: "JWT",
    });
  });

  test("writes account, audit entry and event, or none of them", async () => {
    const { userId } = await signUp(world, nextEmail());
    expect(await traces(userId)).toEqual({ users: 1, audits: ["user_signedup"], events: 1 });
    const email = nextEmail();
    await world.sql`
      create function public.refuse() returns trigger language plpgsql
      as $$ begin raise exception 'no'; end $$`;
    await world.sql`
      create trigger refuse after insert on auth.users for each row execute function public.refuse()`;
    const before = await totals();
    try {
      const { status } = await world.send("POST", "/auth/v1/signup", {
        body: { email, password: PASSWORD },
      });
      expect(status).toBe(500);
    } finally {
      await world.sql`drop trigger refuse on auth.users`;
    }
    expect(await totals()).toEqual(before);
  });

  test("of one address in any spelling makes one account", async () => {
    const email = nextEmail();
    await signUp(world, email);
    for (const spelling of [
      email.toUpperCase(),
      toFullWidth(email),
      email.replace("k", "\u212a"),
    ]) {
      const { status, body } = await world.send("POST", "/auth/v1/signup", {
        body: { email: spelling, password: PASSWORD },
      });
      expect([status, body.code]).toEqual([422, "user_already_exists"]);
    }
  });

  test("by many at once with one address makes one account", async () => {
    const email = nextEmail();
    const body = { email, password: PASSWORD };
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => world.send("POST", "/auth/v1/signup", { body })),
    );
    const codes = answers.map((a) => a.body.code ?? a.status).sort();
    expect(codes).toEqual([200, ...Array(7).fill("user_already_exists")]);
  });

  test("with a weak password says why, as auth-js reads it", async () => {
    const { status, body } = await world.send("POST", "/auth/v1/signup", {
      body: { email: nextEmail(), password: "short" },
    });
    expect([status, body.code, body.weak_password]).toEqual([
      422,
      "weak_password",
      { reasons: ["length"] },
    ]);
  });

  test("without confirmation answers strangers and account holders alike", async () => {
    const strict = await openAuthWorld({ autoconfirm: false });
    try {
      const sign = (email: string) =>
        strict.send("POST", "/auth/v1/signup", { body: { email, password: PASSWORD } });
      const first = await sign("once@example.test");
      const again = await sign("once@example.test");
      expect(first.body.access_token).toBeUndefined();
      const isMadeUp = /"[0-9a-f-]{36}"|"\d{4}-\d\d-\d\dT[\d:.]+Z"/g;
      const shape = (body: unknown) => JSON.stringify(body).replace(isMadeUp, "…");
      expect([again.status, shape(again.body)]).toEqual([first.status, shape(first.body)]);
      expect(first.body.identities).toHaveLength(1);
      expect(again.body.id).not.toBe(first.body.id);
      const login = await strict.send("POST", "/auth/v1/token?grant_type=password", {
        body: { email: "once@example.test", password: PASSWORD },
      });
      expect([login.status, login.body.code]).toEqual([400, "email_not_confirmed"]);
    } finally {
      await strict.close();
    }
  });

  test("can be switched off", async () => {
    const closed = await openAuthWorld({ disable_signup: true });
    try {
      const body = { email: nextEmail(), password: PASSWORD };
      const answer = await closed.send("POST", "/auth/v1/signup", { body });
      expect([answer.status, answer.body.code]).toEqual([422, "signup_disabled"]);
    } finally {
      await closed.close();
    }
  });
});

describe("an Idempotency-Key on sign-up", () => {
  const sign = (key: string, body: unknown) =>
    world.send("POST", "/auth/v1/signup", { body, headers: { "idempotency-key": key } });

  test("makes a repetition answer what the first answered", async () => {
    const body = { email: nextEmail(), password: PASSWORD };
    const first = await sign("key-1", body);
    const again = await sign("key-1", body);
    expect(again.body).toEqual(first.body);
    expect([first, again].map((a) => a.headers.get("idempotency-replayed"))).toEqual([
      null,
      "true",
    ]);
  });

  test("keeps neither tokens nor anything the password can be guessed from", async () => {
    const body = { email: nextEmail(), password: PASSWORD };
    const first = await sign("key-2", body);
    const { kept } = world.state.deps.idempotency as unknown as {
      kept: Map<string, { fingerprint: string; answer: { body: Uint8Array } }>;
    };
    const entry = [...kept].find(([at]) => at.endsWith("key-2"))?.[1];
    const stored = Buffer.from(entry?.answer.body ?? []).toString("latin1");
    expect(stored).not.toContain(first.body.refresh_token);
    const guess = new Bun.CryptoHasher("sha256").update(JSON.stringify(body)).digest("hex");
    expect(entry?.fingerprint).not.toBe(guess);
  });

  test("is refused for another request, and free again after a refusal", async () => {
    const email = nextEmail();
    const weak = await sign("key-3", { email, password: "short" });
    expect(weak.body.code).toBe("weak_password");
    expect((await sign("key-3", { email, password: PASSWORD })).status).toBe(200);
    const other = await sign("key-3", { email: nextEmail(), password: PASSWORD });
    expect([other.status, other.body.code]).toEqual([422, "idempotency_key_reused"]);
  });

  test("must be visible text of reasonable length", async () => {
    for (const key of ["x".repeat(256), "two words"]) {
      const { status, body } = await sign(key, { email: nextEmail(), password: PASSWORD });
      expect([status, body.code]).toEqual([400, "idempotency_key_invalid"]);
    }
  });
});

describe("signing in", () => {
  test("answers unknown people, wrong passwords and people without one alike", async () => {
    const email = nextEmail();
    await signUp(world, email);
    const bare = nextEmail();
    const { userId } = await signUp(world, bare);
    await world.sql`update auth.users set encrypted_password = null where id = ${userId}`;
    const attempts = [
      { email, password: "not the password" },
      { email: bare, password: PASSWORD },
      { email: nextEmail(), password: PASSWORD },
      { email: "no address at all", password: PASSWORD },
      { email, password: "x".repeat(2000) },
      { email, password: "" },
    ];
    const answers = await Promise.all(attempts.map(passwordGrant));
    const [first] = answers;
    expect([first?.status, first?.body.code]).toEqual([400, "invalid_credentials"]);
    for (const answer of answers) expect(answer.body).toEqual(first?.body);
  });

  test("costs one hash whether or not the account exists", async () => {
    const email = nextEmail();
    await signUp(world, email);
    const counted = countVerifies(world);
    await passwordGrant({ email, password: "wrong password" });
    await passwordGrant({ email: nextEmail(), password: "wrong password" });
    expect(counted.restore()).toBe(2);
  });

  test("takes the bcrypt hashes of accounts brought from elsewhere", async () => {
    const email = nextEmail();
    const { userId } = await signUp(world, email);
    const hash = await Bun.password.hash("from elsewhere", { algorithm: "bcrypt", cost: 4 });
    await world.sql`update auth.users set encrypted_password = ${hash} where id = ${userId}`;
    expect((await passwordGrant({ email, password: "from elsewhere" })).status).toBe(200);
    expect((await passwordGrant({ email, password: PASSWORD })).status).toBe(400);
  });

  test("tells only who knows the password that the account is banned", async () => {
    const email = nextEmail();
    const { userId } = await signUp(world, email);
    const until = new Date(world.clock.now() + 60_000);
    await world.sql`update auth.users set banned_until = ${until} where id = ${userId}`;
    const code = async (password: string) => (await passwordGrant({ email, password })).body.code;
    expect(await code("wrong password")).toBe("invalid_credentials");
    expect(await code(PASSWORD)).toBe("user_banned");
  });

  test("is limited by address and by account, whatever the spelling", async () => {
    const email = nextEmail();
    const before = world.limited.length;
    await passwordGrant({ email, password: PASSWORD });
    await passwordGrant({ email: email.toUpperCase(), password: PASSWORD });
    const keys = world.limited.slice(before).map((l) => l.key);
    expect(keys[0]).toBe("auth:password:address:127.0.0.1");
    expect(keys[1]).toBe(keys[3] ?? "");
    expect(keys.join()).not.toContain(email);
    world.refuse(1);
    const refused = await passwordGrant({ email, password: PASSWORD });
    expect([refused.status, refused.body.code]).toEqual([429, "over_request_rate_limit"]);
    expect(refused.headers.get("retry-after")).toBe("2");
  });

  test("goes on by account but not by address for the secret key", async () => {
    const before = world.limited.length;
    const body = { email: nextEmail(), password: PASSWORD };
    const headers = { apikey: SECRET };
    await world.send("POST", "/auth/v1/token?grant_type=password", { body, headers });
    const keys = world.limited.slice(before).map((l) => l.key.split(":")[2]);
    expect(keys).toEqual(["identity"]);
  });

  test("is not hindered by an expired bearer token, but by a bad apikey", async () => {
    const email = nextEmail();
    await signUp(world, email);
    const send = (headers: Record<string, string>, bearer?: string) =>
      world.send("POST", "/auth/v1/token?grant_type=password", {
        body: { email, password: PASSWORD },
        headers,
        ...(bearer ? { bearer } : {}),
      });
    expect((await send({}, "ey.stale.token")).status).toBe(200);
    const bad = await send({ apikey: "sb_publishable_wrong" });
    expect([bad.status, bad.body.code]).toEqual([401, "bad_jwt"]);
  });
});

describe("the person of a token", () => {
  test("is gone for getUser when the session or the account is", async () => {
    const first = await signUp(world, nextEmail());
    const get = () => world.send("GET", "/auth/v1/user", { bearer: first.accessToken });
    expect((await get()).body.id).toBe(first.userId);
    await world.sql`delete from auth.sessions where user_id = ${first.userId}`;
    expect([(await get()).status, (await get()).body.code]).toEqual([403, "session_not_found"]);
    await world.sql`delete from auth.users where id = ${first.userId}`;
    expect([(await get()).status, (await get()).body.code]).toEqual([403, "user_not_found"]);
  });

  test("changes their metadata key by key, and never app_metadata", async () => {
    const { accessToken: bearer } = await signUp(world, nextEmail());
    const put = (body: unknown) => world.send("PUT", "/auth/v1/user", { body, bearer });
    await put({ data: { color: "red", size: 3 } });
    const { body } = await put({ data: { color: null, shape: "round" } });
    expect(body.user_metadata).toMatchObject({ size: 3, shape: "round" });
    expect(body.user_metadata).not.toHaveProperty("color");
    const refused = await put({ app_metadata: { admin: true } });
    expect([refused.status, refused.body.code]).toEqual([403, "not_admin"]);
  });

  test("cannot grow their metadata past what a token can carry", async () => {
    const { accessToken: bearer } = await signUp(world, nextEmail());
    const put = (data: unknown) => world.send("PUT", "/auth/v1/user", { body: { data }, bearer });
    expect((await put({ a: "x".repeat(2000) })).status).toBe(200);
    const { status, body } = await put({ b: "x".repeat(2000) });
    expect([status, body.code]).toEqual([400, "validation_failed"]);
    expect((await put({ a: null, b: "x".repeat(2000) })).status).toBe(200);
  });

  test("changes the password, which ends the other sessions but not this one", async () => {
    const email = nextEmail();
    const other = await signUp(world, email);
    const here = await signIn(world, email);
    const put = (password: string) =>
      world.send("PUT", "/auth/v1/user", { body: { password }, bearer: here.accessToken });
    expect((await put(PASSWORD)).body.code).toBe("same_password");
    expect((await put("tiny")).body.code).toBe("weak_password");
    const told = () => world.mail.inbox.list(DEFAULT_TENANT).filter((sent) => sent.to === email);
    expect(told()).toEqual([]);
    expect((await put("a wholly new password")).status).toBe(200);
    expect(told()).toMatchObject([{ subject: "Your password was changed" }]);
    expect(told()[0]?.text).not.toContain("wholly");
    const get = (bearer: string) => world.send("GET", "/auth/v1/user", { bearer });
    expect((await get(other.accessToken)).body.code).toBe("session_not_found");
    expect((await get(here.accessToken)).status).toBe(200);
    expect((await passwordGrant({ email, password: PASSWORD })).status).toBe(400);
    expect((await passwordGrant({ email, password: "a wholly new password" })).status).toBe(200);
  });

  test("moves to a free address only", async () => {
    const [mine, theirs, free] = [nextEmail(), nextEmail(), nextEmail()];
    await signUp(world, theirs);
    const { accessToken: bearer } = await signUp(world, mine);
    const put = (email: string) => world.send("PUT", "/auth/v1/user", { body: { email }, bearer });
    expect((await put(theirs.toUpperCase())).body.code).toBe("email_exists");
    const moved = await put(free);
    expect(moved.body).toMatchObject({ email: free, identities: [{ email: free }] });
    expect((await passwordGrant({ email: free, password: PASSWORD })).status).toBe(200);
    expect((await passwordGrant({ email: mine, password: PASSWORD })).status).toBe(400);
  });

  test("needs a recent sign-in for a new password where that is set", async () => {
    const strict = await openAuthWorld({
      password_change_needs_recent_login: true,
      access_token_ttl_s: 200_000,
    });
    try {
      const { accessToken: bearer } = await signUp(strict, "old@example.test");
      await strict.clock.advance(24 * 3_600_000 + 1);
      const body = { password: "a wholly new password" };
      const { status, body: answer } = await strict.send("PUT", "/auth/v1/user", { body, bearer });
      expect([status, answer.code]).toEqual([400, "reauthentication_needed"]);
      const fresh = await signIn(strict, "old@example.test");
      const again = await strict.send("PUT", "/auth/v1/user", { body, bearer: fresh.accessToken });
      expect(again.status).toBe(200);
    } finally {
      await strict.close();
    }
  });
});

describe("signing out", () => {
  const live = async (token: string) =>
    (await world.send("GET", "/auth/v1/user", { bearer: token })).status === 200;

  for (const [scope, here, there] of [
    ["", false, false],
    ["?scope=global", false, false],
    ["?scope=local", false, true],
    ["?scope=others", true, false],
  ] as const) {
    test(`with ${scope || "no scope"} ends the right sessions`, async () => {
      const email = nextEmail();
      const other = await signUp(world, email);
      const mine = await signIn(world, email);
      const stranger = await signUp(world, nextEmail());
      const answer = await world.send("POST", `/auth/v1/logout${scope}`, {
        bearer: mine.accessToken,
      });
      expect([answer.status, answer.body]).toEqual([204, null]);
      expect([await live(mine.accessToken), await live(other.accessToken)]).toEqual([here, there]);
      expect(await live(stranger.accessToken)).toBe(true);
    });
  }
});

describe("the secret key", () => {
  const admin = (method: string, path: string, body?: unknown) =>
    world.send(method, `/auth/v1/admin/users${path}`, {
      bearer: SECRET,
      ...(body === undefined ? {} : { body }),
    });

  test("makes people with given id, role, metadata and ban", async () => {
    const id = "01890a5d-ac96-774b-bcce-b302099a8057";
    const email = nextEmail();
    const { status, body } = await admin("POST", "", {
      id,
      email,
      password: PASSWORD,
      email_confirm: true,
      role: "editor",
      user_metadata: { a: 1 },
      app_metadata: { plan: "pro" },
      ban_duration: "1h30m",
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id,
      email,
      role: "editor",
      user_metadata: { a: 1 },
      app_metadata: { plan: "pro", provider: "email", providers: ["email"] },
      banned_until: new Date(world.clock.now() + 5_400_000).toISOString(),
    });
    expect((await admin("POST", "", { email })).body.code).toBe("email_exists");
    const taken = await admin("POST", "", { id, email: nextEmail() });
    expect([taken.status, taken.body.code]).toEqual([422, "user_already_exists"]);
  });

  test("deletes people and all that is theirs, once", async () => {
    const gone = await signUp(world, nextEmail());
    expect(await admin("DELETE", `/${gone.userId}`)).toMatchObject({ status: 200, body: {} });
    const [left] = await world.sql`
      select (select count(*)::int from auth.identities where user_id = ${gone.userId}) as identities,
             (select count(*)::int from auth.sessions where user_id = ${gone.userId}) as sessions,
             (select count(*)::int from auth.refresh_tokens where user_id = ${gone.userId}) as tokens`;
    expect(left).toEqual({ identities: 0, sessions: 0, tokens: 0 });
    expect((await admin("DELETE", `/${gone.userId}`)).body.code).toBe("user_not_found");
    const [event] = await world.sql`
      select type from reactor.events where subject = ${gone.userId} order by id desc limit 1`;
    expect(event?.["type"]).toBe("auth.user_deleted");
  });

  test("empties an account but keeps its id on a soft delete", async () => {
    const email = nextEmail();
    const gone = await signUp(world, email);
    await admin("DELETE", `/${gone.userId}`, { should_soft_delete: true });
    const { body } = await admin("GET", `/${gone.userId}`);
    expect(body).toMatchObject({ id: gone.userId, email: "", user_metadata: {}, identities: [] });
    expect(body.deleted_at).toBe(new Date(world.clock.now()).toISOString());
    expect((await passwordGrant({ email, password: PASSWORD })).body.code).toBe(
      "invalid_credentials",
    );
    await signUp(world, email);
  });

  test("pages through everybody exactly once", async () => {
    const [row] = await world.sql`select count(*)::int as n from auth.users`;
    const total = Number(row?.["n"]);
    const ids = new Set<string>();
    const pages = Math.ceil(total / 7);
    for (let page = 1; page <= pages; page += 1) {
      const answer = await admin("GET", `?page=${page}&per_page=7`);
      for (const user of answer.body.users) ids.add(user.id);
      expect(answer.headers.get("x-total-count")).toBe(String(total));
      const next = page < pages ? `?page=${page + 1}&per_page=7>; rel="next"` : null;
      if (next) expect(answer.headers.get("link")).toContain(next);
      else expect(answer.headers.get("link")).not.toContain("next");
    }
    expect(ids.size).toBe(total);
  });
});

describe("secrets", () => {
  test("never stand in the log", async () => {
    const email = nextEmail();
    const first = await signUp(world, email);
    await passwordGrant({ email, password: "a wrong secret word" });
    await world.send("POST", "/auth/v1/token?grant_type=refresh_token", {
      body: { refresh_token: first.refreshToken },
    });
    await world.send("POST", "/auth/v1/signup", {
      body: `{"password":"broken secret"`,
      headers: {
        "content-type": "application/json",
      },
    });
    const lines = world.log.lines.map((line) => Bun.inspect(line, { depth: 8 })).join("\n");
    for (const secret of [PASSWORD, "a wrong secret word", "broken secret", first.refreshToken]) {
      expect(lines).not.toContain(secret);
    }
    expect(lines).not.toContain(first.accessToken);
    expect(lines).not.toContain("$argon2");
  });

  test("are out of reach for every role that requests run as", async () => {
    for (const role of ["anon", "authenticated", "service_role"]) {
      for (const table of [
        "users",
        "identities",
        "sessions",
        "refresh_tokens",
        "audit_log_entries",
      ]) {
        const read = world.sql.begin(async (tx) => {
          await tx.unsafe(`set local role ${role}`);
          await tx.unsafe(`select * from auth.${table}`);
        });
        await expect(Promise.resolve(read)).rejects.toThrow("permission denied");
      }
    }
  });
});

function countVerifies(of: AuthWorld) {
  const { hasher } = of.state;
  const real = hasher.verify;
  let calls = 0;
  hasher.verify = (password, stored) => {
    calls += 1;
    return real(password, stored);
  };
  return {
    restore() {
      hasher.verify = real;
      return calls;
    },
  };
}

async function traces(userId: string) {
  const [users] = await world.sql`select count(*)::int as n from auth.users where id = ${userId}`;
  const audits = await world.sql`
    select payload ->> 'action' as action from auth.audit_log_entries
    where payload ->> 'actor_id' = ${userId}`;
  const events = await world.sql`
    select type from reactor.events where subject = ${userId} and type = 'auth.user_created'`;
  return { users: users?.["n"], audits: audits.map((a) => a["action"]), events: events.length };
}

async function totals() {
  const [row] = await world.sql`
    select (select count(*)::int from auth.users) as users,
           (select count(*)::int from auth.audit_log_entries) as audits,
           (select count(*)::int from reactor.events) as events`;
  return row;
}

const partOf = (token: string, at: number) =>
  JSON.parse(Buffer.from(token.split(".")[at] ?? "", "base64url").toString());
const claimsOf = (token: string) => partOf(token, 1);
const headerOf = (token: string) => partOf(token, 0);

/** The same letters from the block of full-width forms, which NFKC folds back. */
function toFullWidth(text: string): string {
  return text.replace(/[a-z]/g, (c) => String.fromCodePoint((c.codePointAt(0) ?? 0) + 0xfee0));
}
