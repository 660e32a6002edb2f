/** Recovery codes: for the day on which every other factor is lost. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type AuthWorld, openAuthWorld, signIn, signUp } from "../auth-world.ts";
import { claimsOf, type Protected, protectedPerson, type Session, send } from "./factor-world.ts";

setDefaultTimeout(60_000);

let world: AuthWorld;

beforeAll(async () => {
  world = await openAuthWorld();
});
afterAll(() => world.close());

const PATH = "/factors/recovery-codes";

async function withCodes(): Promise<Protected & { codes: string[]; codesId: string }> {
  const owner = await protectedPerson(world);
  const { status, body } = await send(world, owner.raised, "POST", PATH);
  if (status !== 200) throw new Error(JSON.stringify(body));
  return { ...owner, codes: body.codes, codesId: body.id };
}

const redeem = (session: Session, code: unknown) =>
  send(world, session, "POST", `${PATH}/verify`, { code });
const left = async (session: Session) => (await send(world, session, "GET", PATH)).body.remaining;

test("are eight, each its own, shown once and kept as hashes", async () => {
  const owner = await protectedPerson(world);
  const body = { friendly_name: "Paper in the drawer" };
  const answer = await send(world, owner.raised, "POST", PATH, body);
  expect(answer.status).toBe(200);
  expect(answer.body).toMatchObject({
    type: "recovery_code",
    friendly_name: "Paper in the drawer",
    total: 8,
  });
  const { codes, id } = answer.body;
  expect(new Set(codes).size).toBe(8);
  for (const code of codes) expect(code).toMatch(/^[0-9a-hjkmnp-tv-z]{24}$/);
  const rows = await world.sql`select * from auth.mfa_recovery_codes where factor_id = ${id}`;
  const kept = rows.map((row) => Buffer.from(row["code_hash"]).toString("latin1")).join();
  for (const code of codes) expect(kept).not.toContain(code);
  const status = await send(world, owner.raised, "GET", PATH);
  expect(status.body).toEqual({ id, type: "recovery_code", total: 8, remaining: 8 });
  const user = await send(world, owner.raised, "GET", "/user");
  expect(user.body.factors).toHaveLength(2);
  const audit = JSON.stringify(await world.sql`select * from auth.audit_log_entries`);
  for (const code of codes) expect(audit + JSON.stringify(world.log)).not.toContain(code);
});

describe("a code", () => {
  test("raises a session once, however it is typed", async () => {
    const { codes, email, codesId } = await withCodes();
    const [first = "", second = ""] = codes;
    const lesser = await signIn(world, email);
    const typed = ` ${first.toUpperCase().replace(/(.{4})(?=.)/g, "$1-")} `;
    const answer = await redeem(lesser, typed);
    expect(answer.status).toBe(200);
    const claims = claimsOf(answer.body.access_token);
    expect(claims.aal).toBe("aal2");
    expect(claims.amr.map((entry: { method: string }) => entry.method)).toContain(
      "mfa/recovery_code",
    );
    const [session] = await world.sql`
      select factor_id from auth.sessions where id = ${claims.session_id}`;
    expect(session?.["factor_id"]).toBe(codesId);
    const raised = { accessToken: answer.body.access_token, refreshToken: "" };
    const again = await redeem(raised, first);
    expect([again.status, again.body.code]).toEqual([422, "mfa_verification_failed"]);
    expect(await left(raised)).toBe(7);
    expect((await redeem(raised, second)).status).toBe(200);
    expect(await left(raised)).toBe(6);
  });

  test("is used by one of many at once", async () => {
    const { codes, email, person } = await withCodes();
    const lesser = await signIn(world, email);
    // All of them are held where the code has been found good and is not spent yet.
    const { sent: answers } = await world.sql.begin(async (tx) => {
      await tx`select from auth.users where id = ${person.userId} for update`;
      const sent = Array.from({ length: 4 }, () => redeem(lesser, codes[0]));
      const waiting = async () =>
        (
          await world.sql`
          select from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`
        ).length;
      while ((await waiting()) < sent.length) await Bun.sleep(5);
      return { sent };
    });
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
  });

  test("is its person's own", async () => {
    const { codes } = await withCodes();
    const other = await withCodes();
    expect((await redeem(await signIn(world, other.email), codes[0])).status).toBe(422);
    const nobody = await signUp(world, `codes-${codes[0]}@example.test`);
    const answer = await redeem(nobody, codes[0]);
    expect([answer.status, answer.body.code]).toEqual([422, "mfa_verification_failed"]);
  });

  test.each([[undefined], [""], [" - "]])("is not %p", async (code) => {
    const { raised } = await withCodes();
    const answer = await redeem(raised, code);
    expect([answer.status, answer.body.code]).toEqual([400, "validation_failed"]);
  });

  test("that is wrong five times locks the set, and a new set opens it", async () => {
    const { codes, email, raised } = await withCodes();
    const lesser = await signIn(world, email);
    for (let n = 0; n < 5; n += 1) expect((await redeem(lesser, "0".repeat(24))).status).toBe(422);
    const locked = await redeem(lesser, codes[0]);
    expect([locked.status, locked.body.code]).toEqual([429, "mfa_recovery_codes_locked"]);
    expect(locked.headers.get("retry-after")).toBe("900");
    const fresh = await send(world, raised, "POST", `${PATH}/regenerate`);
    expect(fresh.status).toBe(200);
    expect((await redeem(lesser, codes[0])).status).toBe(422);
    expect((await redeem(lesser, fresh.body.codes[0])).status).toBe(200);
  });
});

describe("a set", () => {
  test("needs aal2 to be made, replaced or removed, not to be counted", async () => {
    const { email } = await withCodes();
    const lesser = await signIn(world, email);
    for (const [method, path] of [
      ["POST", PATH],
      ["POST", `${PATH}/regenerate`],
      ["DELETE", PATH],
    ] as const) {
      const answer = await send(world, lesser, method, path);
      expect([answer.status, answer.body.code]).toEqual([403, "insufficient_aal"]);
    }
    expect(await left(lesser)).toBe(8);
  });

  test("is one, and replaced by regeneration alone", async () => {
    const { raised, codes, codesId } = await withCodes();
    const again = await send(world, raised, "POST", PATH);
    expect([again.status, again.body.code]).toEqual([422, "mfa_verified_factor_exists"]);
    const fresh = await send(world, raised, "POST", `${PATH}/regenerate`);
    expect(fresh.body).toMatchObject({ id: codesId, friendly_name: "Recovery codes", total: 8 });
    expect(fresh.body.codes).not.toEqual(codes);
  });

  test("is never the only factor", async () => {
    const { raised, factor, person } = await withCodes();
    const refused = await send(world, raised, "DELETE", `/factors/${factor.id}`);
    expect([refused.status, refused.body.code]).toEqual([422, "mfa_recovery_codes_sole_factor"]);
    const own = await send(world, raised, "DELETE", PATH);
    expect(own.status).toBe(200);
    expect((await send(world, raised, "DELETE", `/factors/${factor.id}`)).status).toBe(200);
    await world.sql`update auth.sessions set aal = 'aal2' where user_id = ${person.userId}`;
    const alone = await send(world, raised, "POST", PATH);
    expect([alone.status, alone.body.code]).toEqual([422, "mfa_recovery_codes_sole_factor"]);
  });

  test("that is not there is not found", async () => {
    const { raised } = await protectedPerson(world);
    for (const [method, path] of [
      ["GET", PATH],
      ["POST", `${PATH}/regenerate`],
      ["DELETE", PATH],
    ] as const) {
      const answer = await send(world, raised, method, path);
      expect([answer.status, answer.body.code]).toEqual([404, "mfa_factor_not_found"]);
    }
  });

  test("takes with it what it raised", async () => {
    const { codes, email, raised } = await withCodes();
    const { body } = await redeem(await signIn(world, email), codes[0]);
    expect((await send(world, raised, "DELETE", PATH)).status).toBe(200);
    const refreshed = await world.send("POST", "/auth/v1/token?grant_type=refresh_token", {
      body: { refresh_token: body.refresh_token },
    });
    const claims = claimsOf(refreshed.body.access_token);
    expect(claims.aal).toBe("aal1");
    expect(JSON.stringify(claims.amr)).not.toContain("recovery");
  });

  test("is not touched as a factor", async () => {
    const { raised, codesId } = await withCodes();
    for (const [method, path] of [
      ["POST", `/factors/${codesId}/challenge`],
      ["POST", `/factors/${codesId}/verify`],
      ["DELETE", `/factors/${codesId}`],
    ] as const) {
      const answer = await send(world, raised, method, path, method === "POST" ? {} : undefined);
      expect([answer.status, answer.body.code]).toEqual([400, "validation_failed"]);
    }
  });
});
