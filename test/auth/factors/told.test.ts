/** Who hears of second factors: the person by mail, the project's own hook, nobody in between. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { hooksConfig } from "../../../src/capabilities/auth/hooks/config.ts";
import { DEFAULT_TENANT } from "../../../src/core/tenant.ts";
import { type AuthWorld, openAuthWorld, signIn } from "../auth-world.ts";
import { protectedPerson, send, totpCode, tryCode, wrongCode } from "./factor-world.ts";
import { addPasskey, ORIGIN } from "./passkey-world.ts";
import { SoftAuthenticator } from "./soft-authenticator.ts";

setDefaultTimeout(60_000);

let world: AuthWorld;

beforeAll(async () => {
  const hooks = Value.Create(hooksConfig);
  hooks.mfa_verification_attempt.uri = "pg-functions://postgres/public/judge";
  world = await openAuthWorld({ site_url: ORIGIN, hooks });
  await world.sql.unsafe(`
    create table public.judged (event jsonb);
    create table public.verdict (decision jsonb);
    insert into public.verdict values ('{"decision": "continue"}');
    create function public.judge(event jsonb) returns jsonb language plpgsql as $$
      begin
        insert into public.judged values (event);
        return (select decision from public.verdict);
      end $$;`);
});
afterAll(() => world.close());

async function mailsTo(email: string): Promise<string[]> {
  await world.state.outbox.idle();
  const sent = world.mail.inbox.list(DEFAULT_TENANT).filter(({ to }) => to === email);
  return sent.map(({ text }) => text.replaceAll(/\s+/g, " "));
}

describe("the person", () => {
  test("is told by mail of every change, and of no code or secret", async () => {
    const { email, factor, raised, person } = await protectedPerson(world);
    const codes = await send(world, raised, "POST", "/factors/recovery-codes");
    await send(world, raised, "POST", "/factors/recovery-codes/regenerate");
    const { passkeyId } = await addPasskey(world, raised, new SoftAuthenticator(ORIGIN));
    await send(world, raised, "DELETE", `/passkeys/${passkeyId}`);
    await send(world, raised, "DELETE", "/factors/recovery-codes");
    await world.send("DELETE", `/auth/v1/admin/users/${person.userId}/factors/${factor.id}`, {
      bearer: world.project.secretKey,
    });
    const texts = (await mailsTo(email)).join("\n");
    for (const change of [
      "(authenticator app) of your account",
      "(recovery codes) of your account",
      "(passkey) of your account",
      "was enrolled",
      "was replaced",
      "was removed",
    ]) {
      expect(texts).toContain(change);
    }
    expect(await mailsTo(email)).toHaveLength(7);
    for (const secret of [factor.secret, ...codes.body.codes]) expect(texts).not.toContain(secret);
  });

  test("is not told of a code that was right or wrong", async () => {
    const { email, factor, raised } = await protectedPerson(world);
    const before = (await mailsTo(email)).length;
    await tryCode(world, raised, factor.id, wrongCode(world, factor.secret));
    await tryCode(world, raised, factor.id, totpCode(world, factor.secret));
    expect(await mailsTo(email)).toHaveLength(before);
  });
});

describe("the hook", () => {
  test("hears of each attempt, right and wrong, without the code", async () => {
    const { factor, raised, person } = await protectedPerson(world);
    const code = wrongCode(world, factor.secret);
    await tryCode(world, raised, factor.id, code);
    const rows = await world.sql`
      select event from public.judged where event ->> 'user_id' = ${person.userId}`;
    expect(rows.map(({ event }) => [event.factor_id, event.factor_type, event.valid])).toEqual([
      [factor.id, "totp", true],
      [factor.id, "totp", false],
    ]);
    expect(JSON.stringify(rows)).not.toContain(`"${code}"`);
  });

  test("that rejects ends every session of the person, though the code was right", async () => {
    const { email, factor, raised } = await protectedPerson(world);
    const codes = await send(world, raised, "POST", "/factors/recovery-codes");
    const no = { decision: "reject", message: "Not today" };
    await world.sql`update public.verdict set decision = ${world.sql.json(no)}`;
    const code = totpCode(world, factor.secret);
    const answer = await tryCode(world, raised, factor.id, code);
    expect([answer.status, answer.body.code, answer.body.message]).toEqual([
      403,
      "mfa_verification_rejected",
      "Not today",
    ]);
    expect((await send(world, raised, "GET", "/user")).status).toBe(403);
    const again = await signIn(world, email);
    const redeemed = await send(world, again, "POST", "/factors/recovery-codes/verify", {
      code: codes.body.codes[0],
    });
    expect(redeemed.body.code).toBe("mfa_verification_rejected");
    const yes = { decision: "continue" };
    await world.sql`update public.verdict set decision = ${world.sql.json(yes)}`;
    const last = await signIn(world, email);
    // What was rejected was not used up.
    expect((await tryCode(world, last, factor.id, code)).status).toBe(200);
  });
});

test("who is removed softly leaves no way in behind", async () => {
  const { person, raised } = await protectedPerson(world);
  await addPasskey(world, raised, new SoftAuthenticator(ORIGIN));
  const removed = await world.send("DELETE", `/auth/v1/admin/users/${person.userId}`, {
    bearer: world.project.secretKey,
    body: { should_soft_delete: true },
  });
  expect(removed.status).toBe(200);
  for (const table of ["mfa_factors", "webauthn_credentials"]) {
    const rows = await world.sql`
      select from ${world.sql(`auth.${table}`)} where user_id = ${person.userId}`;
    expect(rows).toHaveLength(0);
  }
});
