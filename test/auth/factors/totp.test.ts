/** Authenticator apps as a second factor: enrolment, codes, what they raise, and what stops guessing. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import decodeQR from "qr/decode.js";
import { qrSvg } from "../../../src/capabilities/auth/factors/qr-svg.ts";
import { sweepFactors } from "../../../src/capabilities/auth/factors/sweep-factors.ts";
import { keyUri, matchStep } from "../../../src/capabilities/auth/factors/totp.ts";
import { DEFAULT_TENANT } from "../../../src/core/tenant.ts";
import { type AuthWorld, openAuthWorld, signIn, signUp } from "../auth-world.ts";
import { createClient, refreshFor, tokensFor } from "../oauth-world.ts";
import {
  challenge,
  claimsOf,
  enrollTotp,
  nextStep,
  protectedPerson,
  send,
  stepUp,
  totpCode,
  tryCode,
  wrongCode,
} from "./factor-world.ts";

setDefaultTimeout(60_000);

let world: AuthWorld;
let count = 0;
const newPerson = () => signUp(world, `totp-${++count}@example.test`);

beforeAll(async () => {
  world = await openAuthWorld({ site_url: "https://app.example.test" });
});
afterAll(() => world.close());

describe("a code", () => {
  // RFC 6238, appendix B, the last six digits.
  const seed = new Uint8Array(Buffer.from("12345678901234567890"));

  test.each([
    [59, "287082"],
    [1111111109, "081804"],
    [1111111111, "050471"],
    [1234567890, "005924"],
    [2000000000, "279037"],
    [20000000000, "353130"],
  ])("at %d s is %s", async (seconds, code) => {
    expect(await matchStep(seed, code, seconds * 1000)).toBe(Math.floor(seconds / 30));
  });

  test("is good for its step and one either way, and told apart by step", async () => {
    const at = 1111111111_000;
    const step = Math.floor(at / 30_000);
    for (const n of [-1, 0, 1]) {
      expect(await matchStep(seed, "050471", at + n * 30_000)).toBe(step);
    }
    for (const n of [-2, 2]) expect(await matchStep(seed, "050471", at + n * 30_000)).toBeNull();
  });

  test.each(["", "50471", "0050471", "05047a", "０５０４７１", " 050471"])(
    "is not %p",
    async (text) => expect(await matchStep(seed, text, 1111111111_000)).toBeNull(),
  );
});

describe("the QR code", () => {
  test("says what an app needs, as one that scans it reads it", () => {
    const uri = keyUri("Ann's App: 100 %", "ada+x@example.test", new Uint8Array(20).fill(7));
    const url = new URL(uri);
    expect(decodeURIComponent(url.pathname.slice(1).replace(/^\/?totp\//, ""))).toContain(
      "ada+x@example.test",
    );
    expect(uri).not.toContain("+");
    expect(Object.fromEntries(url.searchParams)).toEqual({
      secret: "A4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYH",
      issuer: "Ann's App: 100 %",
      algorithm: "SHA1",
      digits: "6",
      period: "30",
    });
    expect(decodeQR(rasterOf(qrSvg(uri)))).toBe(uri);
  });

  test("is SVG that stands in a data URL as it is", () => {
    const svg = qrSvg("otpauth://totp/x");
    expect(svg).toStartWith('<svg xmlns="http://www.w3.org/2000/svg"');
    expect(svg).not.toMatch(/#|<script|href/);
  });
});

/** Draws the boxes of the path, eight pixels a module. */
function rasterOf(svg: string) {
  const size = Number(/viewBox="0 0 (\d+)/.exec(svg)?.[1]);
  const scale = 8;
  const width = size * scale;
  const data = new Uint8Array(width * width * 4).fill(255);
  const path = svg.slice(svg.lastIndexOf("<path"));
  for (const [, x, y, w] of path.matchAll(/M(\d+) (\d+)h(\d+)v1/g)) {
    for (let row = Number(y) * scale; row < (Number(y) + 1) * scale; row += 1) {
      const start = (row * width + Number(x) * scale) * 4;
      for (let at = start; at < start + Number(w) * scale * 4; at += 4) data.fill(0, at, at + 3);
    }
  }
  return { width, height: width, data };
}

describe("enrolment", () => {
  test("answers a secret, its URI and a QR code, and keeps the seed in the vault alone", async () => {
    const person = await newPerson();
    const body = { factor_type: "totp", friendly_name: " My phone " };
    const answer = await send(world, person, "POST", "/factors", body);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      id: expect.any(String),
      type: "totp",
      friendly_name: "My phone",
      totp: {
        qr_code: expect.stringMatching(/^<svg/),
        secret: expect.stringMatching(/^[A-Z2-7]{32}$/),
        uri: expect.stringMatching(
          /^otpauth:\/\/totp\/app\.example\.test:totp-\d+%40example\.test\?/,
        ),
      },
    });
    const { id, totp } = answer.body;
    const [row] = await world.sql`select * from auth.mfa_factors where id = ${id}`;
    expect(JSON.stringify(row)).not.toContain(totp.secret);
    expect(await world.state.deps.vault.list(DEFAULT_TENANT, "auth/totp/")).toContain(
      `auth/totp/${id}`,
    );
    const [audit] = await world.sql`
      select payload from auth.audit_log_entries where payload ->> 'action' = 'factor_in_progress'
        and payload -> 'traits' ->> 'factor_id' = ${id}`;
    expect(audit).toBeDefined();
    expect(JSON.stringify(await world.sql`select * from auth.audit_log_entries`)).not.toContain(
      totp.secret,
    );
    expect(JSON.stringify(world.log)).not.toContain(totp.secret);
  });

  test("takes the issuer that the app names", async () => {
    const person = await newPerson();
    const body = { factor_type: "totp", issuer: "Ann's App" };
    const { totp } = (await send(world, person, "POST", "/factors", body)).body;
    expect(new URL(totp.uri).searchParams.get("issuer")).toBe("Ann's App");
  });

  test.each([
    [{}, "validation_failed", 400],
    [{ factor_type: "sms" }, "validation_failed", 400],
    [{ factor_type: "recovery_code" }, "validation_failed", 400],
    [{ factor_type: 7 }, "validation_failed", 400],
    [{ factor_type: "totp", friendly_name: "x".repeat(121) }, "validation_failed", 400],
  ])("refuses %j", async (body, code, status) => {
    const answer = await send(world, await newPerson(), "POST", "/factors", body);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  test("refuses a name that is taken, and an eleventh factor", async () => {
    const person = await newPerson();
    await enrollTotp(world, person, "phone");
    const body = { factor_type: "totp", friendly_name: "phone" };
    const again = await send(world, person, "POST", "/factors", body);
    expect([again.status, again.body.code]).toEqual([422, "mfa_factor_name_conflict"]);
    for (let n = 2; n <= 10; n += 1) await enrollTotp(world, person, `phone ${n}`);
    const eleventh = await send(world, person, "POST", "/factors", { factor_type: "totp" });
    expect([eleventh.status, eleventh.body.code]).toEqual([422, "too_many_enrolled_mfa_factors"]);
    // Those given up make room.
    await world.clock.advance(6 * 60 * 1000);
    await enrollTotp(world, person, "phone");
  });

  test("is for people with an account and a session", async () => {
    const body = { factor_type: "totp" };
    const nobody = await world.send("POST", "/auth/v1/factors", { body });
    expect([nobody.status, nobody.body.code]).toEqual([401, "no_authorization"]);
    const key = await world.send("POST", "/auth/v1/factors", {
      body,
      bearer: world.project.secretKey,
    });
    expect([key.status, key.body.code]).toEqual([403, "bad_jwt"]);
    const person = await newPerson();
    await world.sql`update auth.users set is_anonymous = true where id = ${person.userId}`;
    const anonymous = await send(world, person, "POST", "/factors", body);
    expect([anonymous.status, anonymous.body.code]).toEqual([403, "no_authorization"]);
  });
});

describe("verification", () => {
  test("raises the session: aal, amr, a new refresh token, the factor counts", async () => {
    const person = await newPerson();
    const factor = await enrollTotp(world, person);
    const answer = await tryCode(world, person, factor.id, totpCode(world, factor.secret));
    expect(answer.status).toBe(200);
    const claims = claimsOf(answer.body.access_token);
    const before = claimsOf(person.accessToken);
    expect(claims.session_id).toBe(before.session_id);
    expect([before.aal, claims.aal]).toEqual(["aal1", "aal2"]);
    expect(claims.amr.map((entry: { method: string }) => entry.method).sort()).toEqual([
      "password",
      "totp",
    ]);
    expect(answer.body.refresh_token).not.toBe(person.refreshToken);
    expect(answer.body.user.factors).toMatchObject([{ id: factor.id, status: "verified" }]);
    const events = await world.sql`
      select data from reactor.events where type = 'auth.factor_added' and subject = ${person.userId}`;
    expect(events.map(({ data }) => data)).toMatchObject([{ factor_id: factor.id }]);
  });

  test("stays raised over refreshes, with the times of each proof", async () => {
    const { raised } = await protectedPerson(world);
    const proven = claimsOf(raised.accessToken);
    let token = raised.refreshToken;
    for (let n = 0; n < 3; n += 1) {
      await world.clock.advance(3_600_000);
      const { status, body } = await world.send("POST", "/auth/v1/token?grant_type=refresh_token", {
        body: { refresh_token: token },
      });
      expect(status).toBe(200);
      const claims = claimsOf(body.access_token);
      expect([claims.aal, claims.amr]).toEqual(["aal2", proven.amr]);
      token = body.refresh_token;
    }
  });

  test("ends the person's sessions at aal1, and no others", async () => {
    const { email, factor, raised } = await protectedPerson(world);
    const stranger = await newPerson();
    const lesser = await signIn(world, email);
    const second = await stepUp(world, await signIn(world, email), factor);
    const alive = async (token: string) =>
      (await world.send("GET", "/auth/v1/user", { bearer: token })).status;
    expect(await alive(lesser.accessToken)).toBe(403);
    expect(await alive(raised.accessToken)).toBe(200);
    expect(await alive(second.accessToken)).toBe(200);
    expect(await alive(stranger.accessToken)).toBe(200);
  });

  test("takes a code once, within its step and after it, here and in another session", async () => {
    const { email, factor } = await protectedPerson(world);
    const [one, two] = [await signIn(world, email), await signIn(world, email)];
    const code = totpCode(world, factor.secret);
    const challengeOfTwo = await challenge(world, two, factor.id);
    const raised = await tryCode(world, one, factor.id, code);
    expect(raised.status).toBe(200);
    const session = { accessToken: raised.body.access_token, refreshToken: "" };
    for (const steps of [0, 1]) {
      await world.clock.advance(steps * 30_000);
      const again = await tryCode(world, session, factor.id, code);
      expect([again.status, again.body.code]).toEqual([422, "mfa_verification_failed"]);
    }
    const inTwo = await send(world, two, "POST", `/factors/${factor.id}/verify`, {
      challenge_id: challengeOfTwo,
      code,
    });
    expect(inTwo.status).toBe(403);
  });

  test("takes no code of an earlier step than the last that was used", async () => {
    const { factor, raised } = await protectedPerson(world);
    const earlier = totpCode(world, factor.secret, -1);
    expect((await tryCode(world, raised, factor.id, totpCode(world, factor.secret))).status).toBe(
      200,
    );
    expect((await tryCode(world, raised, factor.id, earlier)).status).toBe(422);
  });

  test("lets one of many parallel uses of a code win", async () => {
    const { factor, raised } = await protectedPerson(world);
    const code = totpCode(world, factor.secret);
    const ids = await Promise.all(
      Array.from({ length: 12 }, () => challenge(world, raised, factor.id)),
    );
    const answers = await Promise.all(
      ids.map((id) =>
        send(world, raised, "POST", `/factors/${factor.id}/verify`, { challenge_id: id, code }),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  test("takes a code with the space that apps show in it", async () => {
    const { factor, raised } = await protectedPerson(world);
    const code = totpCode(world, factor.secret).replace(/^.../, "$& ");
    expect((await tryCode(world, raised, factor.id, code)).status).toBe(200);
  });

  test("needs a challenge: fresh, of this factor, from this address, and once", async () => {
    const { factor, raised } = await protectedPerson(world);
    const other = await enrollTotp(world, raised, "other");
    const path = `/factors/${factor.id}/verify`;
    const code = () => totpCode(world, factor.secret);
    const tryWith = async (id: unknown, address?: string) => {
      const body = { challenge_id: id, code: code() };
      const answer = await send(world, raised, "POST", path, body, address);
      return [answer.status, answer.body.code];
    };
    for (const id of [undefined, "", "x", world.state.deps.ids.uuid()]) {
      expect(await tryWith(id)).toEqual([422, "mfa_factor_not_found"]);
    }
    const ofOther = await challenge(world, raised, other.id);
    expect(await tryWith(ofOther)).toEqual([422, "mfa_factor_not_found"]);
    const elsewhere = await challenge(world, raised, factor.id, "203.0.113.9");
    expect(await tryWith(elsewhere)).toEqual([422, "mfa_ip_address_mismatch"]);
    const old = await challenge(world, raised, factor.id);
    await world.clock.advance(300_000);
    expect(await tryWith(old)).toEqual([422, "mfa_challenge_expired"]);
    expect(await tryWith(old)).toEqual([422, "mfa_factor_not_found"]);
    const good = await challenge(world, raised, factor.id);
    expect((await tryWith(good))[0]).toBe(200);
    await nextStep(world);
    expect(await tryWith(good)).toEqual([422, "mfa_factor_not_found"]);
  });

  test("needs a code", async () => {
    const { factor, raised } = await protectedPerson(world);
    const id = await challenge(world, raised, factor.id);
    for (const code of [undefined, "", "  "]) {
      const body = { challenge_id: id, code };
      const answer = await send(world, raised, "POST", `/factors/${factor.id}/verify`, body);
      expect([answer.status, answer.body.code]).toEqual([400, "validation_failed"]);
    }
  });

  test("is of one's own factors only", async () => {
    const { factor } = await protectedPerson(world);
    const stranger = await newPerson();
    for (const [method, path] of [
      ["POST", `/factors/${factor.id}/challenge`],
      ["POST", `/factors/${factor.id}/verify`],
      ["DELETE", `/factors/${factor.id}`],
    ] as const) {
      const answer = await send(world, stranger, method, path, method === "POST" ? {} : undefined);
      expect([answer.status, answer.body.code]).toEqual([404, "mfa_factor_not_found"]);
    }
    const bad = await send(world, stranger, "POST", "/factors/not-a-uuid/challenge", {});
    expect([bad.status, bad.body.code]).toEqual([404, "validation_failed"]);
  });

  test("is told nothing by a session that has ended meanwhile", async () => {
    const { factor, raised } = await protectedPerson(world);
    const id = await challenge(world, raised, factor.id);
    await world.send("POST", "/auth/v1/logout?scope=global", { bearer: raised.accessToken });
    const body = { challenge_id: id, code: totpCode(world, factor.secret) };
    const answer = await send(world, raised, "POST", `/factors/${factor.id}/verify`, body);
    expect([answer.status, answer.body.code]).toEqual([403, "session_not_found"]);
  });
});

describe("guessing", () => {
  test("locks the factor after five wrong codes, for longer each time, and a right one clears it", async () => {
    const { factor, raised } = await protectedPerson(world);
    const spare = async () => challenge(world, raised, factor.id);
    for (const lockS of [900, 1800, 3600]) {
      const held = [];
      for (let n = 0; n < 6; n += 1) held.push(await spare());
      for (let n = 0; n < 5; n += 1) {
        const answer = await send(world, raised, "POST", `/factors/${factor.id}/verify`, {
          challenge_id: held[n],
          code: wrongCode(world, factor.secret),
        });
        expect([answer.status, answer.body.code]).toEqual([422, "mfa_verification_failed"]);
      }
      const right = await send(world, raised, "POST", `/factors/${factor.id}/verify`, {
        challenge_id: held[5],
        code: totpCode(world, factor.secret),
      });
      expect([right.status, right.body.code]).toEqual([429, "over_request_rate_limit"]);
      expect(right.headers.get("retry-after")).toBe(String(lockS));
      const path = `/factors/${factor.id}/challenge`;
      expect((await send(world, raised, "POST", path, {})).status).toBe(429);
      await world.clock.advance(lockS * 1000);
    }
    const fresh = await refreshed(raised.refreshToken);
    expect((await tryCode(world, fresh, factor.id, totpCode(world, factor.secret))).status).toBe(
      200,
    );
    const [row] = await world.sql`
      select failed_attempts, locked_until from auth.mfa_factors where id = ${factor.id}`;
    expect(row).toEqual({ failed_attempts: 0, locked_until: null });
  });

  test("is not helped by asking all at once", async () => {
    const { factor, raised } = await protectedPerson(world);
    const ids = [];
    for (let n = 0; n < 20; n += 1) ids.push(await challenge(world, raised, factor.id));
    const answers = await Promise.all(
      ids.map((id) =>
        send(world, raised, "POST", `/factors/${factor.id}/verify`, {
          challenge_id: id,
          code: wrongCode(world, factor.secret),
        }),
      ),
    );
    const looked = answers.filter(({ body }) => body.code === "mfa_verification_failed");
    expect(looked).toHaveLength(5);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(0);
  });

  test("is limited by person, whatever the factor", async () => {
    const { factor, raised } = await protectedPerson(world);
    world.refuse(1);
    const answer = await send(world, raised, "POST", `/factors/${factor.id}/challenge`, {});
    expect([answer.status, answer.body.code]).toEqual([429, "over_request_rate_limit"]);
    expect(world.limited.at(-1)?.key).toMatch(/^auth:mfa:identity:/);
  });

  test("leaves no code in the log or the audit log", async () => {
    const { factor, raised } = await protectedPerson(world);
    const code = wrongCode(world, factor.secret);
    await tryCode(world, raised, factor.id, code);
    const rows = await world.sql`
      select payload from auth.audit_log_entries
      where payload -> 'traits' ->> 'factor_id' = ${factor.id} order by created_at`;
    const last = rows.map(({ payload }) => payload).filter((p) => p.traits.valid === false);
    expect(last).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain(`"${code}"`);
  });
});

async function refreshed(refreshToken: string) {
  const { body } = await world.send("POST", "/auth/v1/token?grant_type=refresh_token", {
    body: { refresh_token: refreshToken },
  });
  return { accessToken: body.access_token, refreshToken: body.refresh_token };
}

describe("a second factor, once there", () => {
  test("guards the enrolment of another", async () => {
    const { email, raised } = await protectedPerson(world);
    const lesser = await signIn(world, email);
    const answer = await send(world, lesser, "POST", "/factors", { factor_type: "totp" });
    expect([answer.status, answer.body.code]).toEqual([403, "insufficient_aal"]);
    await enrollTotp(world, raised, "another");
  });

  test("is not joined by one that a thief of the password had begun before", async () => {
    const owner = await newPerson();
    const thief = await signIn(world, `totp-${count}@example.test`);
    const begun = await enrollTotp(world, thief, "thief's");
    await stepUp(world, owner, await enrollTotp(world, owner, "owner's"));
    // Kept from the sweep that verification brings, as one of another kind would be.
    const again = await signIn(world, `totp-${count}@example.test`);
    await world.sql`
      insert into auth.mfa_factors (id, user_id, factor_type, status, created_at, updated_at)
      values (${begun.id}, ${owner.userId}, 'totp', 'unverified', ${world.state.now()},
        ${world.state.now()})`;
    const answer = await tryCode(world, again, begun.id, totpCode(world, begun.secret));
    expect([answer.status, answer.body.code]).toEqual([403, "insufficient_aal"]);
  });

  test("is removed at aal2 only, and its sessions stand at aal1 again", async () => {
    const { email, factor, raised } = await protectedPerson(world);
    const lesser = await signIn(world, email);
    const refused = await send(world, lesser, "DELETE", `/factors/${factor.id}`);
    expect([refused.status, refused.body.code]).toEqual([422, "insufficient_aal"]);
    const removed = await send(world, raised, "DELETE", `/factors/${factor.id}`);
    expect([removed.status, removed.body]).toEqual([200, { id: factor.id }]);
    const claims = claimsOf((await refreshed(raised.refreshToken)).accessToken);
    expect(claims.aal).toBe("aal1");
    expect(claims.amr.map((entry: { method: string }) => entry.method)).toEqual(["password"]);
    const { vault } = world.state.deps;
    expect(await vault.list(DEFAULT_TENANT, `auth/totp/${factor.id}`)).toEqual([]);
    expect(await world.sql`select from auth.mfa_seeds_left`).toHaveLength(0);
    const events = await world.sql`
      select from reactor.events where type = 'auth.factor_removed'
        and data ->> 'factor_id' = ${factor.id}`;
    expect(events).toHaveLength(1);
  });

  test("is no longer proven by what an app was given on the strength of it", async () => {
    const { person, factor, raised } = await protectedPerson(world);
    const app = await createClient(world);
    const given = await tokensFor(world, { ...person, ...raised }, app);
    expect(claimsOf(given.access_token).aal).toBe("aal2");
    await send(world, raised, "DELETE", `/factors/${factor.id}`);
    const { body } = await refreshFor(world, app, given.refresh_token);
    const { aal, amr } = claimsOf(body.access_token);
    const methods = amr.map((entry: { method: string }) => entry.method);
    expect([aal, methods]).toEqual(["aal1", ["oauth_provider/authorization_code", "password"]]);
  });

  test("that was never verified is removed at aal1", async () => {
    const person = await newPerson();
    const factor = await enrollTotp(world, person);
    expect((await send(world, person, "DELETE", `/factors/${factor.id}`)).status).toBe(200);
  });

  test("goes with its person, and so does its seed", async () => {
    const { person, factor } = await protectedPerson(world);
    const path = `/auth/v1/admin/users/${person.userId}`;
    expect((await world.send("DELETE", path, { bearer: world.project.secretKey })).status).toBe(
      200,
    );
    await sweepFactors(world.state, DEFAULT_TENANT);
    const { vault } = world.state.deps;
    expect(await vault.list(DEFAULT_TENANT, `auth/totp/${factor.id}`)).toEqual([]);
  });
});
