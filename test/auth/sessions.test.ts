/** Sessions as people see them: a list of devices, each of which they can end. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { AuthConfig } from "../../src/capabilities/auth/config.ts";
import { sweepSessions } from "../../src/capabilities/auth/tasks.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { type AuthWorld, openAuthWorld, PASSWORD, type SignedIn, signUp } from "./auth-world.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

const SECRET = "sb_secret_test";
const NOBODY = "018f3a5e-0000-7000-8000-0000000000ff";
let world: AuthWorld;
let count = 0;

beforeAll(async () => {
  world = await openAuthWorld();
});
afterAll(() => world.close());

const emailOf = (n: number) => `sessions-${n}@example.test`;
const person = () => signUp(world, emailOf(++count));

async function signInFrom(userAgent: string, where = world, email = emailOf(count)) {
  const { body } = await where.send("POST", "/auth/v1/token?grant_type=password", {
    body: { email, password: PASSWORD },
    headers: { "user-agent": userAgent },
  });
  return { accessToken: body.access_token, refreshToken: body.refresh_token } as SignedIn;
}

interface Listed {
  readonly id: string;
  readonly current: boolean;
  readonly user_agent: string | null;
  readonly last_used_at: string;
}

const list = async (bearer: string, where = world) =>
  (await where.send("GET", "/auth/v1/user/sessions", { bearer })).body.sessions as Listed[];
const end = (id: string, bearer: string) =>
  world.send("DELETE", `/auth/v1/user/sessions/${id}`, { bearer });
const refresh = (token: string, where = world) =>
  where.send("POST", "/auth/v1/token?grant_type=refresh_token", { body: { refresh_token: token } });
const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
const sessionOf = (one: SignedIn): string => claimsOf(one.accessToken).session_id;

describe("a person", () => {
  test("sees each device they signed in on, the latest used first, and nothing secret", async () => {
    const first = await person();
    await world.clock.advance(1_000);
    const phone = await signInFrom("a phone");
    await world.clock.advance(1_000);
    const again = (await refresh(first.refreshToken)).body;
    const sessions = await list(phone.accessToken);
    expect(sessions.map((one) => [one.id, one.current])).toEqual([
      [sessionOf(first), false],
      [sessionOf(phone), true],
    ]);
    expect(sessions[1]?.user_agent).toBe("a phone");
    expect(sessions[1]).toMatchObject({
      kind: "app",
      aal: "aal1",
      ip: "127.0.0.1",
      client_id: null,
    });
    const text = JSON.stringify(sessions);
    for (const secret of [again.refresh_token, phone.refreshToken, "hmac"]) {
      expect(text).not.toContain(secret);
    }
  });

  test("ends one device and goes on with the others", async () => {
    const first = await person();
    const phone = await signInFrom("a phone");
    expect((await end(sessionOf(phone), first.accessToken)).status).toBe(204);
    expect((await refresh(phone.refreshToken)).body.code).toBe("refresh_token_not_found");
    const gone = await world.send("GET", "/auth/v1/user", { bearer: phone.accessToken });
    expect([gone.status, gone.body.code]).toEqual([403, "session_not_found"]);
    expect((await refresh(first.refreshToken)).status).toBe(200);
    expect((await list(first.accessToken)).map((one) => one.id)).toEqual([sessionOf(first)]);
  });

  test("may end the device they are on", async () => {
    const one = await person();
    expect((await end(sessionOf(one), one.accessToken)).status).toBe(204);
    expect((await end(sessionOf(one), one.accessToken)).body.code).toBe("session_not_found");
  });

  test("neither sees nor ends the sessions of another", async () => {
    const other = await person();
    const one = await person();
    for (const id of [sessionOf(other), NOBODY, "x", "%00", `${sessionOf(one)}'--`]) {
      const { status, body } = await end(id, one.accessToken);
      expect([status, body.code]).toEqual([404, "session_not_found"]);
    }
    expect((await refresh(other.refreshToken)).status).toBe(200);
    expect((await list(one.accessToken)).length).toBe(1);
  });

  test("is asked for by an access token, and by nothing else", async () => {
    const one = await person();
    for (const bearer of [SECRET, "sb_publishable_test", `${one.accessToken}x`, undefined]) {
      const credential = bearer === undefined ? {} : { bearer };
      const listed = await world.send("GET", "/auth/v1/user/sessions", credential);
      expect(listed.status).toBeGreaterThanOrEqual(401);
      const path = `/auth/v1/user/sessions/${sessionOf(one)}`;
      const ended = await world.send("DELETE", path, credential);
      expect(ended.status).toBeGreaterThanOrEqual(401);
      expect(ended.status).toBeLessThan(404);
    }
    expect((await refresh(one.refreshToken)).status).toBe(200);
  });

  test("is limited in how often they end sessions", async () => {
    const one = await person();
    world.refuse(1);
    expect((await end(NOBODY, one.accessToken)).status).toBe(429);
  });

  test("is written down with the session that ended", async () => {
    const one = await person();
    await end(sessionOf(one), one.accessToken);
    const [entry] = await world.sql`
      select payload from auth.audit_log_entries
      where payload ->> 'action' = 'session_ended' and payload ->> 'actor_id' = ${one.userId}`;
    expect(entry?.["payload"].traits).toEqual({
      user_id: one.userId,
      session_id: sessionOf(one),
      count: 1,
    });
    const [event] = await world.sql`
      select data from reactor.events where type = 'auth.session_ended' and subject = ${one.userId}`;
    expect(event?.["data"]).toEqual({ session_id: sessionOf(one), count: 1 });
  });
});

describe("the project's server", () => {
  const path = (userId: string, rest = "") => `/auth/v1/admin/users/${userId}/sessions${rest}`;

  test("lists and ends a person's sessions, one or all", async () => {
    const first = await person();
    const phone = await signInFrom("a phone");
    const listed = await world.send("GET", path(first.userId), { bearer: SECRET });
    expect(listed.body.sessions.length).toBe(2);
    expect(listed.body.sessions.some((one: Listed) => one.current)).toBe(false);
    const one = await world.send("DELETE", path(first.userId, `/${sessionOf(phone)}`), {
      bearer: SECRET,
    });
    expect(one.status).toBe(204);
    expect((await refresh(first.refreshToken)).status).toBe(200);
    const all = await world.send("DELETE", path(first.userId), { bearer: SECRET });
    expect(all.status).toBe(204);
    expect((await list(first.accessToken)) ?? null).toBeNull();
  });

  test("is told of people and sessions that are not there", async () => {
    const one = await person();
    const ask = async (method: string, where: string) =>
      (await world.send(method, where, { bearer: SECRET })).status;
    expect(await ask("GET", path(NOBODY))).toBe(404);
    expect(await ask("DELETE", path(NOBODY))).toBe(404);
    expect(await ask("DELETE", path("x"))).toBe(404);
    expect(await ask("DELETE", path(one.userId, `/${NOBODY}`))).toBe(404);
    const other = await person();
    expect(await ask("DELETE", path(one.userId, `/${sessionOf(other)}`))).toBe(404);
    expect((await refresh(other.refreshToken)).status).toBe(200);
  });

  test("is the only one who may", async () => {
    const one = await person();
    for (const bearer of [one.accessToken, "sb_publishable_test"]) {
      for (const method of ["GET", "DELETE"]) {
        expect((await world.send(method, path(one.userId), { bearer })).status).toBe(403);
      }
    }
    expect((await world.send("DELETE", path(one.userId))).status).toBe(401);
    expect((await refresh(one.refreshToken)).status).toBe(200);
  });
});

describe("a session's end", () => {
  const inWorld = async (config: Partial<AuthConfig>, run: (own: AuthWorld) => Promise<void>) => {
    const own = await openAuthWorld(config);
    try {
      await run(own);
    } finally {
      await own.close();
    }
  };

  test("by its time box is the latest expiry of its tokens", () =>
    inWorld({ session_timebox_s: 5000, access_token_ttl_s: 3600 }, async (own) => {
      const one = await signUp(own, "boxed@example.test");
      const begun = Math.floor(own.clock.now() / 1000);
      expect(claimsOf(one.accessToken).exp).toBe(begun + 3600);
      await own.clock.advance(3_000_000);
      const later = await refresh(one.refreshToken, own);
      expect(claimsOf(later.body.access_token).exp).toBe(begun + 5000);
      expect(later.body.expires_in).toBe(2000);
      await own.clock.advance(2_000_000);
      expect((await refresh(later.body.refresh_token, own)).body.code).toBe("session_expired");
    }));

  test("by a shorter time box holds for sessions of before", () =>
    inWorld({}, async (own) => {
      const one = await signUp(own, "before@example.test");
      await own.clock.advance(100_000);
      const config = { ...own.state.config, session_timebox_s: 100 };
      Object.assign(own.state.config, config);
      expect((await refresh(one.refreshToken, own)).body.code).toBe("session_expired");
      const user = await own.send("GET", "/auth/v1/user", { bearer: one.accessToken });
      expect(user.body.code).toBe("session_not_found");
    }));

  test("for want of use ends it for everything, and the janitor takes it away", () =>
    inWorld({ session_inactivity_s: 600, refresh_token_keep_s: 3600 }, async (own) => {
      const [idle, busy] = [
        await signUp(own, "idle@example.test"),
        await signUp(own, "busy@example.test"),
      ];
      await own.clock.advance(599_000);
      const kept = (await refresh(busy.refreshToken, own)).body;
      await own.clock.advance(1_000);
      const user = (bearer: string) => own.send("GET", "/auth/v1/user", { bearer });
      expect((await user(idle.accessToken)).body.code).toBe("session_not_found");
      expect((await refresh(idle.refreshToken, own)).body.code).toBe("session_expired");
      expect((await user(kept.access_token)).status).toBe(200);
      const left = async () => (await own.sql`select 1 from auth.sessions`).length;
      await sweepSessions(own.state, DEFAULT_TENANT);
      expect(await left()).toBe(2);
      await own.clock.advance(3_600_001);
      await sweepSessions(own.state, DEFAULT_TENANT);
      expect(await left()).toBe(1);
    }));

  test("comes with the next sign-in where a person has one at a time", () =>
    inWorld({ session_single_per_user: true }, async (own) => {
      const email = "single@example.test";
      const first = await signUp(own, email);
      const other = await signUp(own, "other@example.test");
      const second = await signInFrom("a phone", own, email);
      expect((await refresh(first.refreshToken, own)).body.code).toBe("refresh_token_not_found");
      expect((await list(second.accessToken, own)).length).toBe(1);
      expect((await refresh(other.refreshToken, own)).status).toBe(200);
      const race = await Promise.all(
        Array.from({ length: 6 }, (_, n) => signInFrom(`phone ${n}`, own, email)),
      );
      expect((await list(race[0]?.accessToken ?? "", own))?.length ?? 1).toBe(1);
      const live = await own.sql`select 1 from auth.sessions where user_id = ${first.userId}`;
      expect(live.length).toBe(1);
    }));
});
