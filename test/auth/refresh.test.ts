/** Rotation of refresh tokens: one use, races, reuse, and the ends of a session. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type AuthWorld, openAuthWorld, signIn, signUp } from "./auth-world.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

let world: AuthWorld;
let count = 0;
const person = () => signUp(world, `refresh-${++count}@example.test`);
const refresh = (token: string) =>
  world.send("POST", "/auth/v1/token?grant_type=refresh_token", { body: { refresh_token: token } });

beforeAll(async () => {
  world = await openAuthWorld();
});
afterAll(() => world.close());

describe("refreshing", () => {
  test("answers a new pair of the same session and person", async () => {
    const first = await person();
    const { status, body } = await refresh(first.refreshToken);
    expect(status).toBe(200);
    expect(body.refresh_token).not.toBe(first.refreshToken);
    expect(body.user.id).toBe(first.userId);
    const sessionOf = (token: string) => claimsOf(token)["session_id"];
    expect(sessionOf(body.access_token)).toBe(sessionOf(first.accessToken));
  });

  test("of one token by many at once gives all of them the same successor", async () => {
    const first = await person();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => refresh(first.refreshToken)),
    );
    expect(answers.map((a) => a.status)).toEqual(Array(20).fill(200));
    expect(new Set(answers.map((a) => a.body.refresh_token)).size).toBe(1);
    const [row] = await world.sql`
      select count(*)::int as live from auth.refresh_tokens
      where user_id = ${first.userId} and not revoked`;
    expect(row?.["live"]).toBe(1);
    expect((await refresh(answers[0]?.body.refresh_token)).status).toBe(200);
  });

  test("by tabs that race through many generations never loses the family", async () => {
    const first = await person();
    const tabs = Array.from({ length: 6 }, () => ({ token: first.refreshToken }));
    const seen = new Set<string>();
    for (let generation = 0; generation < 8; generation += 1) {
      // Some tabs are a generation behind, as tabs are that slept.
      const awake = tabs.filter((_, n) => (n + generation) % 3 !== 0);
      const answers = await Promise.all(
        awake.map(async (tab) => ({ tab, answer: await refresh(tab.token) })),
      );
      for (const { tab, answer } of answers) {
        expect([answer.status, answer.body.code]).toEqual([200, undefined]);
        tab.token = answer.body.refresh_token;
        seen.add(tab.token);
      }
      await world.clock.advance(500);
    }
    const rows = await world.sql`
      select revoked from auth.refresh_tokens where user_id = ${first.userId}`;
    expect(rows.filter((row) => !row["revoked"]).length).toBe(1);
    // One successor each: whoever races gets the same one, and nothing forks.
    expect(rows.length).toBe(seen.size + 1);
  });

  test("again within the grace follows the family to its live token", async () => {
    const first = await person();
    const second = (await refresh(first.refreshToken)).body.refresh_token;
    const third = (await refresh(second)).body.refresh_token;
    await world.clock.advance(9_999);
    expect((await refresh(first.refreshToken)).body.refresh_token).toBe(third);
  });

  test("again after the grace ends the session, and every copy of its tokens", async () => {
    const first = await person();
    const second = (await refresh(first.refreshToken)).body.refresh_token;
    await world.clock.advance(10_000);
    const reuse = await refresh(first.refreshToken);
    expect([reuse.status, reuse.body.code]).toEqual([400, "refresh_token_already_used"]);
    const heir = await refresh(second);
    expect([heir.status, heir.body.code]).toEqual([400, "refresh_token_already_used"]);
    const user = await world.send("GET", "/auth/v1/user", { bearer: first.accessToken });
    expect([user.status, user.body.code]).toEqual([403, "session_not_found"]);
    expect(world.log.lines.map((line) => line.event)).toContain("auth.refresh_token_reused");
  });

  test("is refused for a session that was revoked otherwise", async () => {
    const first = await person();
    const at = new Date(world.clock.now());
    await world.sql`update auth.sessions set revoked_at = ${at} where user_id = ${first.userId}`;
    expect((await refresh(first.refreshToken)).body.code).toBe("refresh_token_already_used");
  });

  test("leaves the person's other sessions alone when one is ended", async () => {
    const first = await person();
    const other = await signIn(world, `refresh-${count}@example.test`);
    await refresh(first.refreshToken);
    await world.clock.advance(10_000);
    await refresh(first.refreshToken);
    expect((await refresh(other.refreshToken)).status).toBe(200);
  });

  test("with a token of the right form that was never issued is refused", async () => {
    for (const token of ["A".repeat(43), "short", "é".repeat(43), `${"A".repeat(42)}=`]) {
      const { status, body } = await refresh(token);
      expect([status, body.code]).toEqual([400, "refresh_token_not_found"]);
    }
  });

  test("is refused for a person who was banned meanwhile", async () => {
    const first = await person();
    const until = new Date(world.clock.now() + 1000);
    await world.sql`update auth.users set banned_until = ${until} where id = ${first.userId}`;
    const { status, body } = await refresh(first.refreshToken);
    expect([status, body.code]).toEqual([400, "user_banned"]);
    await world.clock.advance(1000);
    expect((await refresh(first.refreshToken)).status).toBe(200);
  });

  test("keeps no token in the tables, only hashes", async () => {
    const first = await person();
    const second = (await refresh(first.refreshToken)).body.refresh_token as string;
    const dump = await dumpTables();
    for (const secret of [first.refreshToken, second, first.accessToken]) {
      const start = secret.slice(0, 24);
      expect(dump).not.toContain(start);
      expect(dump).not.toContain(Buffer.from(start).toString("hex"));
    }
  });
});

describe("everything at once", () => {
  test("ends in order: no deadlock, no 5xx, nothing left behind", async () => {
    const people = await Promise.all(Array.from({ length: 6 }, () => person()));
    const work = people.flatMap((one, n) => {
      const bearer = one.accessToken;
      const password = { password: `another good password ${n}` };
      return [
        ...Array.from({ length: 5 }, () => refresh(one.refreshToken)),
        world.send("PUT", "/auth/v1/user", { body: password, bearer }),
        world.send("PUT", "/auth/v1/user", { body: { data: { n } }, bearer }),
        world.send("POST", "/auth/v1/logout?scope=others", { bearer }),
        world.send("DELETE", `/auth/v1/admin/users/${one.userId}`, { bearer: "sb_secret_test" }),
      ];
    });
    const answers = await Promise.all(work);
    expect(answers.map((a) => a.status).filter((status) => status >= 500)).toEqual([]);
    const ids = people.map((one) => one.userId);
    const left = await world.sql`
      select id from auth.users where id in ${world.sql(ids)}
      union all select id from auth.sessions where user_id in ${world.sql(ids)}`;
    expect([...left]).toEqual([]);
  });
});

describe("a session", () => {
  test("ends at its time box and for want of use", async () => {
    const boxed = await openAuthWorld({ session_timebox_s: 100, session_inactivity_s: 40 });
    try {
      const begin = await signUp(boxed, "boxed@example.test");
      let token = begin.refreshToken;
      const step = async (ms: number) => {
        await boxed.clock.advance(ms);
        const body = { refresh_token: token };
        const answer = await boxed.send("POST", "/auth/v1/token?grant_type=refresh_token", {
          body,
        });
        token = answer.body.refresh_token ?? token;
        return answer.body.code ?? answer.status;
      };
      expect(await step(39_000)).toBe(200);
      expect(await step(39_000)).toBe(200);
      expect(await step(22_000)).toBe("session_expired");
      const idle = await signIn(boxed, "boxed@example.test");
      token = idle.refreshToken;
      expect(await step(40_000)).toBe("session_expired");
    } finally {
      await boxed.close();
    }
  });
});

async function dumpTables(): Promise<string> {
  const parts: string[] = [];
  for (const table of ["users", "identities", "sessions", "refresh_tokens", "audit_log_entries"]) {
    const rows = await world.sql`select t::text as row from ${world.sql(`auth.${table}`)} t`;
    parts.push(...rows.map((row) => String(row["row"])));
  }
  return parts.join("\n");
}

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
}
