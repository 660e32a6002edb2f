/** Who hears of second factors: the person by mail, the project's own hook, nobody in between. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { hooksConfig } from "../../../src/capabilities/auth/hooks/config.ts";
import { DEFAULT_TENANT } from "../../../src/core/tenant.ts";
import { type AuthWorld, openAuthWorld, signIn } from "../auth-world.ts";
import { nextStep, protectedPerson, send, totpCode, tryCode, wrongCode } from "./factor-world.ts";
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

describe("a change and the mail that tells of it", () => {
  const refusing = `
    create function public.refuse() returns trigger language plpgsql as $$
      begin raise exception 'no mail'; end $$;
    create trigger refuse before insert on auth.outgoing_messages
      execute function public.refuse();`;

  test("are both there or neither", async () => {
    const { email, factor, raised, person } = await protectedPerson(world);
    const bare = await protectedPerson(world);
    await send(world, raised, "POST", "/factors/recovery-codes");
    const { passkeyId } = await addPasskey(world, raised, new SoftAuthenticator(ORIGIN));
    const enrolled = await send(world, raised, "POST", "/factors", { factor_type: "totp" });
    const { id, totp } = enrolled.body;
    const [identity] = await world.sql<{ id: string }[]>`
      insert into auth.identities (provider_id, user_id, identity_data, provider)
      values ('told', ${person.userId}, '{"sub": "told"}', 'google') returning id`;
    const { body: org } = await send(world, raised, "POST", "/orgs", { name: "Told" });
    await nextStep(world);
    const before = (await mailsTo(email)).length;
    const admin = { bearer: world.project.secretKey };
    const factorsOf = `/auth/v1/admin/users/${person.userId}`;
    const changes = (): [string, () => Promise<{ status: number }>][] => [
      ["codes", () => send(world, bare.raised, "POST", "/factors/recovery-codes")],
      ["new codes", () => send(world, raised, "POST", "/factors/recovery-codes/regenerate")],
      ["no codes", () => send(world, raised, "DELETE", "/factors/recovery-codes")],
      ["a factor", () => tryCode(world, raised, id, totpCode(world, totp.secret))],
      ["no passkey", () => send(world, raised, "DELETE", `/passkeys/${passkeyId}`)],
      ["unlinked", () => send(world, raised, "DELETE", `/user/identities/${identity?.id}`)],
      ["invited", () => send(world, raised, "POST", `/orgs/${org.id}/invitations`, { email })],
      ["by admin", () => world.send("DELETE", `${factorsOf}/factors/${factor.id}`, admin)],
    ];
    await world.sql.unsafe(refusing);
    const state = async () => {
      const [row] = await world.sql`
        select (select json_agg(array[id::text, status::text] order by id) from auth.mfa_factors)::text as factors,
          (select count(*) from auth.webauthn_credentials) as passkeys,
          (select count(*) from auth.identities) as identities,
          (select count(*) from auth.org_invitations) as invitations`;
      return row;
    };
    const was = await state();
    for (const [name, change] of changes())
      expect([name, (await change()).status]).toEqual([name, 500]);
    expect(await state()).toEqual(was);
    await world.sql.unsafe("drop trigger refuse on auth.outgoing_messages");
    for (const [name, change] of changes()) {
      expect([name, (await change()).status < 300]).toEqual([name, true]);
    }
    expect(await mailsTo(email)).toHaveLength(before + 7);
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
