/** Identity inside a whole server: real limits, real stores, triggers of the user's own, the log. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createClient } from "@supabase/supabase-js";
import { createRemoteJWKSet, jwtVerify } from "jose";
import postgres, { type Sql } from "postgres";
import { parseDatabaseUrl, postgresJsOptions } from "../../src/postgres/url.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

const PASSWORD = "correct horse battery";
let server: TestServer;
let sql: Sql;

beforeAll(async () => {
  server = await startTestServer({
    only: ["auth"],
    config: { auth: { rate_limit_password_identity: 3, hash_queue_max: 2 } },
  });
  sql = postgres({ ...postgresJsOptions(parseDatabaseUrl(server.ownerUrl)), max: 2 });
});
afterAll(async () => {
  await sql.end({ timeout: 5 });
  await server.stop();
});

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${server.url}/auth/v1${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
const signUp = (email: string, headers?: Record<string, string>) =>
  post("/signup", { email, password: PASSWORD }, headers);

describe("a whole server", () => {
  test("publishes keys by which anybody can verify its tokens", async () => {
    const { access_token: token } = (await (await signUp("keys@example.test")).json()) as {
      access_token: string;
    };
    const discovery = await fetch(`${server.url}/auth/v1/.well-known/openid-configuration`);
    expect(discovery.headers.get("cache-control")).toBe("public, max-age=300");
    const { access_token_issuer: issuer, jwks_uri: keysUrl } = (await discovery.json()) as Record<
      string,
      string
    >;
    expect(keysUrl).toBe(`${server.url}/auth/v1/.well-known/jwks.json`);
    const keys = createRemoteJWKSet(new URL(keysUrl ?? ""));
    const { payload } = await jwtVerify(token, keys, {
      issuer: issuer ?? "",
      audience: "authenticated",
      algorithms: ["ES256"],
    });
    expect(payload["email"]).toBe("keys@example.test");
    const set = (await (await fetch(keysUrl ?? "")).json()) as { keys: object[] };
    for (const key of set.keys) expect(key).not.toHaveProperty("d");
  });

  test("limits guesses at one account from anywhere, and says when to come back", async () => {
    await signUp("guessed@example.test");
    const guess = (email: string) =>
      post("/token?grant_type=password", { email, password: "a wrong password" });
    const statuses: number[] = [];
    for (let n = 0; n < 4; n += 1) statuses.push((await guess("Guessed@Example.test")).status);
    expect(statuses).toEqual([400, 400, 400, 429]);
    const refused = await guess("guessed@example.test");
    expect(((await refused.json()) as { code: string }).code).toBe("over_request_rate_limit");
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await guess("another@example.test")).status).toBe(400);
  });

  test("answers a storm of sign-ups with 429 past the queue, and serves on", async () => {
    const storm = await Promise.all(
      Array.from({ length: 30 }, (_, n) => signUp(`storm-${n}@example.test`)),
    );
    const statuses = new Set(storm.map((answer) => answer.status));
    expect(statuses).toEqual(new Set([200, 429]));
    for (const answer of storm) {
      if (answer.status === 429) expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
    }
    expect((await signUp("after-the-storm@example.test")).status).toBe(200);
  });

  test("makes one account for one Idempotency-Key, however many send it at once", async () => {
    const headers = { "idempotency-key": "once-and-only-once" };
    const all = await Promise.all(
      Array.from({ length: 5 }, () => signUp("once@example.test", headers)),
    );
    for (const { status } of all) expect([200, 409]).toContain(status);
    const again = await signUp("once@example.test", headers);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    const bodies = await Promise.all(
      all.filter((answer) => answer.status === 200).map((answer) => answer.json()),
    );
    const replay = await again.json();
    expect(bodies.length).toBeGreaterThan(0);
    for (const body of bodies) expect(body).toEqual(replay as never);
  });

  test("runs the triggers that apps put on auth.users, with their references", async () => {
    await sql.unsafe(`
      create table public.profiles (
        id uuid primary key references auth.users on delete cascade, name text);
      alter table public.profiles enable row level security;
      create function public.handle_new_user() returns trigger
        language plpgsql security definer set search_path = '' as $$
        begin
          insert into public.profiles (id, name) values (new.id, new.raw_user_meta_data ->> 'name');
          return new;
        end $$;
      create trigger on_auth_user_created after insert on auth.users
        for each row execute procedure public.handle_new_user();`);
    const app = createClient(server.url, server.publishableKey, {
      auth: { persistSession: false, autoRefreshToken: false },
    });
    const { data } = await app.auth.signUp({
      email: "profile@example.test",
      password: PASSWORD,
      options: { data: { name: "Grace" } },
    });
    const id = data.user?.id ?? "";
    const names = () => sql`select name from public.profiles where id = ${id}`;
    expect([...(await names())]).toEqual([{ name: "Grace" }]);
    const admin = createClient(server.url, server.secretKey, { auth: { persistSession: false } });
    expect((await admin.auth.admin.deleteUser(id)).error).toBeNull();
    expect([...(await names())]).toEqual([]);
  });

  test("signs people in whom a seed file wrote, as Supabase's do", async () => {
    const hash = await Bun.password.hash(PASSWORD, { algorithm: "bcrypt", cost: 4 });
    const id = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";
    await sql`
      insert into auth.users (instance_id, id, aud, role, email, encrypted_password,
        email_confirmed_at, raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
        confirmation_token, email_change, email_change_token_new, recovery_token)
      values ('00000000-0000-0000-0000-000000000000', ${id}, 'authenticated', 'authenticated',
        'seeded@example.test', ${hash}, now(), '{"provider":"email","providers":["email"]}', '{}',
        now(), now(), '', '', '', '')`;
    const body = { email: "seeded@example.test", password: PASSWORD };
    const answer = await post("/token?grant_type=password", body);
    expect(answer.status).toBe(200);
    expect(((await answer.json()) as { user: { id: string } }).user.id).toBe(id);
  });

  test("writes no password, token or hash to its log", async () => {
    const answer = await signUp("quiet@example.test");
    const { access_token: access, refresh_token: refresh } = (await answer.json()) as {
      access_token: string;
      refresh_token: string;
    };
    await post("/token?grant_type=refresh_token", { refresh_token: refresh });
    await post("/token?grant_type=refresh_token", { refresh_token: `${refresh}x` });
    await fetch(`${server.url}/auth/v1/user`, { headers: { authorization: `Bearer ${access}` } });
    await fetch(`${server.url}/auth/v1/user`, { headers: { authorization: `Bearer ${access}x` } });
    const log = JSON.stringify(server.logs.buffer.recent());
    expect(log).toContain("/auth/v1/signup");
    for (const secret of [PASSWORD, access, refresh, server.secretKey, "$argon2id$", "$2b$"]) {
      expect(log).not.toContain(secret);
    }
  });
});
