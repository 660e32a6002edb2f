/** Second factors as the project's server manages them, settings that switch kinds off, and the sweep. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { sweepFactors } from "../../../src/capabilities/auth/factors/sweep-factors.ts";
import { DEFAULT_TENANT } from "../../../src/core/tenant.ts";
import { type AuthWorld, openAuthWorld, signIn, signUp } from "../auth-world.ts";
import { challenge, enrollTotp, protectedPerson, send, totpCode, tryCode } from "./factor-world.ts";
import { signInOptions } from "./passkey-world.ts";

setDefaultTimeout(60_000);

let world: AuthWorld;

beforeAll(async () => {
  world = await openAuthWorld({ site_url: "https://app.example.test" });
});
afterAll(() => world.close());

const admin = (method: string, path: string, body?: unknown) =>
  world.send(method, `/auth/v1/admin/users/${path}`, {
    bearer: world.project.secretKey,
    ...(body === undefined ? {} : { body }),
  });

describe("the secret key", () => {
  test("lists, renames and removes a person's factors; the person is signed out", async () => {
    const { person, email, factor, raised } = await protectedPerson(world);
    const codes = await send(world, raised, "POST", "/factors/recovery-codes");
    expect(codes.status).toBe(200);
    const list = await admin("GET", `${person.userId}/factors`);
    expect(list.body.map((one: { factor_type: string }) => one.factor_type)).toEqual([
      "totp",
      "recovery_code",
    ]);
    const path = `${person.userId}/factors/${factor.id}`;
    const renamed = await admin("PUT", path, { friendly_name: "Old phone" });
    expect(renamed.body).toMatchObject({ id: factor.id, friendly_name: "Old phone" });
    const taken = await admin("PUT", path, { friendly_name: "Recovery codes" });
    expect([taken.status, taken.body.code]).toEqual([422, "mfa_factor_name_conflict"]);
    const removed = await admin("DELETE", path);
    expect([removed.status, removed.body.id]).toEqual([200, factor.id]);
    expect((await admin("GET", `${person.userId}/factors`)).body).toEqual([]);
    const after = await send(world, raised, "GET", "/user");
    expect([after.status, after.body.code]).toEqual([403, "session_not_found"]);
    const fresh = await signIn(world, email);
    const change = { password: "a wholly new password" };
    expect((await send(world, fresh, "PUT", "/user", change)).status).toBe(200);
    expect((await admin("DELETE", path)).status).toBe(404);
  });

  test("is needed", async () => {
    const { person, factor, raised } = await protectedPerson(world);
    for (const [method, path] of [
      ["GET", `/admin/users/${person.userId}/factors`],
      ["PUT", `/admin/users/${person.userId}/factors/${factor.id}`],
      ["DELETE", `/admin/users/${person.userId}/factors/${factor.id}`],
    ] as const) {
      const answer = await send(world, raised, method, path, method === "PUT" ? {} : undefined);
      expect([answer.status, answer.body.code]).toEqual([403, "not_admin"]);
    }
  });

  test("finds only what the person has", async () => {
    const { factor } = await protectedPerson(world);
    const other = await signUp(world, `other-${factor.id}@example.test`);
    const stranger = await admin("DELETE", `${other.userId}/factors/${factor.id}`);
    expect([stranger.status, stranger.body.code]).toEqual([404, "mfa_factor_not_found"]);
    const gone = "00000000-0000-0000-0000-000000000000";
    expect((await admin("GET", `${gone}/factors`)).body.code).toBe("user_not_found");
    expect((await admin("GET", "x/factors")).body.code).toBe("validation_failed");
    expect((await admin("DELETE", `${other.userId}/factors/x`)).body.code).toBe(
      "validation_failed",
    );
  });
});

describe("a kind of factor", () => {
  test("that takes no new ones goes on for who has it", async () => {
    const old = await openAuthWorld({ mfa_totp: "on", mfa_recovery_codes: "verify" });
    const { factor, raised } = await protectedPerson(old);
    const pending = await enrollTotp(old, raised, "pending");
    Object.assign(old.state.config, { mfa_totp: "verify" });
    const enroll = await send(old, raised, "POST", "/factors", { factor_type: "totp" });
    expect([enroll.status, enroll.body.code]).toEqual([422, "mfa_totp_enroll_not_enabled"]);
    const late = await send(old, raised, "POST", `/factors/${pending.id}/challenge`, {});
    expect([late.status, late.body.code]).toEqual([422, "mfa_totp_enroll_not_enabled"]);
    expect((await tryCode(old, raised, factor.id, totpCode(old, factor.secret))).status).toBe(200);
    const codes = await send(old, raised, "POST", "/factors/recovery-codes");
    expect(codes.body.code).toBe("mfa_recovery_codes_enroll_not_enabled");
    await old.close();
  });

  test("that is off is neither asked for nor taken", async () => {
    const old = await openAuthWorld();
    const { email, factor, raised } = await protectedPerson(old);
    Object.assign(old.state.config, { mfa_totp: "off", mfa_recovery_codes: "off" });
    const asked = await send(old, raised, "POST", `/factors/${factor.id}/challenge`, {});
    expect([asked.status, asked.body.code]).toEqual([422, "mfa_totp_verify_not_enabled"]);
    const code = { code: "0".repeat(24) };
    const redeemed = await send(old, raised, "POST", "/factors/recovery-codes/verify", code);
    expect(redeemed.body.code).toBe("mfa_recovery_codes_verify_not_enabled");
    const lesser = await signIn(old, email);
    const change = { password: "a wholly new password" };
    expect((await send(old, lesser, "PUT", "/user", change)).status).toBe(200);
    await old.close();
  });

  test("by security key needs a domain", async () => {
    const bare = await openAuthWorld({ site_url: "http://192.0.2.1" });
    const person = await signUp(bare, "bare@example.test");
    const { body } = await send(bare, person, "POST", "/factors", { factor_type: "webauthn" });
    const asked = await send(bare, person, "POST", `/factors/${body.id}/challenge`, {});
    expect([asked.status, asked.body.code]).toEqual([422, "mfa_webauthn_verify_not_enabled"]);
    await bare.close();
  });
});

test("the sweep takes challenges that have run out and enrolments given up, and leaves the rest", async () => {
  const swept = await openAuthWorld({ site_url: "https://app.example.test" });
  const { factor, raised } = await protectedPerson(swept);
  const given = await enrollTotp(swept, raised, "given up");
  await challenge(swept, raised, factor.id);
  await signInOptions(swept);
  await swept.clock.advance(25 * 60 * 60 * 1000);
  const fresh = await enrollTotp(swept, await signUp(swept, "fresh@example.test"));
  expect(await sweepFactors(swept.state, DEFAULT_TENANT)).toBeGreaterThanOrEqual(4);
  const ids = (await swept.sql`select id from auth.mfa_factors`).map((row) => row["id"]);
  expect(ids.sort()).toEqual([factor.id, fresh.id].sort());
  expect(await swept.sql`select from auth.mfa_challenges`).toHaveLength(0);
  expect(await swept.sql`select from auth.webauthn_challenges`).toHaveLength(0);
  const seeds = await swept.state.deps.vault.list(DEFAULT_TENANT, "auth/totp/");
  expect(seeds).not.toContain(`auth/totp/${given.id}`);
  expect(seeds).toContain(`auth/totp/${factor.id}`);
  await swept.close();
});
