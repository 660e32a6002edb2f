/** A phone as a second factor: codes by text message. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { smsConfig } from "../../../src/capabilities/auth/messages/config.ts";
import { type AuthWorld, openAuthWorld, signIn, signUp } from "../auth-world.ts";
import {
  challenge,
  claimsOf,
  enrollTotp,
  type Session,
  send,
  stepUp,
  tryCode,
} from "./factor-world.ts";

setDefaultTimeout(60_000);

let world: AuthWorld;
let provider: ReturnType<typeof Bun.serve>;
let failing = false;
let count = 0;
const sent: { to: string; otp: string }[] = [];

beforeAll(async () => {
  provider = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      if (failing) return new Response("no", { status: 500 });
      sent.push((await request.json()) as { to: string; otp: string });
      return Response.json({});
    },
  });
  world = await openAuthWorld({
    sms: {
      ...Value.Create(smsConfig),
      provider: "webhook",
      webhook_url: `http://127.0.0.1:${provider.port}/sms`,
      webhook_secrets: `v1,whsec_${Buffer.alloc(32, 7).toString("base64")}`,
    },
  });
});
afterAll(async () => {
  await world.close();
  await provider.stop(true);
});

const nextNumber = () => `+4670123${String(++count).padStart(4, "0")}`;

async function enroll(session: Session, phone: string) {
  return send(world, session, "POST", "/factors", { factor_type: "phone", phone });
}

async function withPhone() {
  const email = `phone-${++count}@example.test`;
  const person = await signUp(world, email);
  const phone = nextNumber();
  const { body } = await enroll(person, phone);
  return { person, email, phone, factorId: body.id as string };
}

/** Challenges and returns what the phone received. */
async function codeOf(session: Session, factorId: string) {
  const id = await challenge(world, session, factorId);
  return { id, code: sent.at(-1)?.otp ?? "" };
}

const verify = (session: Session, factorId: string, id: string, code: string) =>
  send(world, session, "POST", `/factors/${factorId}/verify`, { challenge_id: id, code });

test("is enrolled by its number and proven by the code it receives", async () => {
  const person = await signUp(world, `phone-${++count}@example.test`);
  const phone = nextNumber();
  const enrolled = await enroll(person, `${phone.slice(0, 5)} ${phone.slice(5)}`);
  expect(enrolled.status).toBe(200);
  const digits = phone.slice(1);
  const factorId = enrolled.body.id as string;
  expect(enrolled.body).toEqual({ id: factorId, type: "phone", friendly_name: "", phone: digits });
  const before = sent.length;
  const { id, code } = await codeOf(person, factorId);
  expect(sent).toHaveLength(before + 1);
  expect(sent.at(-1)?.to).toBe(phone);
  expect(code).toMatch(/^\d{6}$/);
  const rows = await world.sql`select otp_hash from auth.mfa_challenges where id = ${id}`;
  expect(Buffer.from(rows[0]?.["otp_hash"]).length).toBe(32);
  const answer = await verify(person, factorId, id, code);
  expect(answer.status).toBe(200);
  const claims = claimsOf(answer.body.access_token);
  expect([claims.aal, JSON.stringify(claims.amr).includes("mfa/phone")]).toEqual(["aal2", true]);
  expect(answer.body.user.factors).toMatchObject([{ factor_type: "phone", phone: digits }]);
  const log = JSON.stringify([world.log, await world.sql`select * from auth.audit_log_entries`]);
  expect(log).not.toContain(`"${code}"`);
});

describe("a code", () => {
  test("is good once, for its own challenge, and not when it is another's", async () => {
    const { person, factorId } = await withPhone();
    const first = await codeOf(person, factorId);
    const second = await codeOf(person, factorId);
    expect((await verify(person, factorId, second.id, first.code)).status).toBe(
      first.code === second.code ? 200 : 422,
    );
    expect((await verify(person, factorId, first.id, first.code)).status).toBe(200);
    const again = await verify(person, factorId, first.id, first.code);
    expect([again.status, again.body.code]).toEqual([422, "mfa_factor_not_found"]);
    const other = await withPhone();
    const theirs = await codeOf(other.person, other.factorId);
    expect((await verify(person, factorId, theirs.id, theirs.code)).status).toBe(422);
  });

  test("is void after five wrong guesses, with every other that is out", async () => {
    const { person, factorId } = await withPhone();
    const { id, code } = await codeOf(person, factorId);
    const wrong = String((Number(code) + 1) % 1_000_000).padStart(6, "0");
    for (let n = 0; n < 5; n += 1) {
      expect((await verify(person, factorId, id, wrong)).status).toBe(422);
    }
    const right = await verify(person, factorId, id, code);
    expect([right.status, right.body.code]).toEqual([429, "over_request_rate_limit"]);
    expect(await world.sql`select from auth.mfa_challenges where id = ${id}`).toHaveLength(0);
  });

  test.each(["", "12345", "1234567", "abcdef", "١٢٣٤٥٦"])("is not %p", async (text) => {
    const { person, factorId } = await withPhone();
    const { id } = await codeOf(person, factorId);
    const { status } = await verify(person, factorId, id, text);
    expect(status).toBe(text === "" ? 400 : 422);
  });

  test("is good for five minutes", async () => {
    const { person, factorId } = await withPhone();
    const { id, code } = await codeOf(person, factorId);
    await world.clock.advance(300_000);
    const late = await verify(person, factorId, id, code);
    expect([late.status, late.body.code]).toEqual([422, "mfa_challenge_expired"]);
  });
});

describe("a number", () => {
  test.each([undefined, "", "123", "+46x", "++4670", "+0701234567"])("is not %p", async (phone) => {
    const person = await signUp(world, `phone-${++count}@example.test`);
    const body = { factor_type: "phone", ...(phone === undefined ? {} : { phone }) };
    const answer = await send(world, person, "POST", "/factors", body);
    expect([answer.status, answer.body.code]).toEqual([400, "validation_failed"]);
  });

  test("that was never verified is begun anew; one that was is there", async () => {
    const { person, phone, factorId } = await withPhone();
    const again = await enroll(person, phone);
    expect(again.status).toBe(200);
    expect(again.body.id).not.toBe(factorId);
    const { id, code } = await codeOf(person, again.body.id);
    const { body } = await verify(person, again.body.id, id, code);
    const raised = { accessToken: body.access_token, refreshToken: "" };
    const third = await enroll(raised, phone);
    expect([third.status, third.body.code]).toEqual([422, "mfa_verified_factor_exists"]);
  });

  test("is sent no more than the limit of messages allows", async () => {
    const { person, factorId } = await withPhone();
    await challenge(world, person, factorId);
    expect(world.limited.some(({ key }) => key.includes("sms"))).toBe(true);
  });
});

test("a message that cannot be sent is told, and its challenge is worth nothing", async () => {
  const { person, factorId } = await withPhone();
  failing = true;
  const answer = await send(world, person, "POST", `/factors/${factorId}/challenge`, {});
  failing = false;
  expect(answer.status).toBe(422);
  expect(answer.body.code).toBe("sms_send_failed");
});

test("without anybody who sends, phones are not enrolled", async () => {
  const silent = await openAuthWorld();
  const person = await signUp(silent, "silent@example.test");
  const body = { factor_type: "phone", phone: nextNumber() };
  const answer = await send(silent, person, "POST", "/factors", body);
  expect([answer.status, answer.body.code]).toEqual([422, "mfa_phone_enroll_not_enabled"]);
  await silent.close();
});

test("a phone that was begun by a thief of the password does not become the owner's factor", async () => {
  const { email, factorId } = await withPhone();
  const owner = await signIn(world, email);

  await stepUp(world, owner, await enrollTotp(world, owner));
  const thief = await signIn(world, email);
  const { code } = await codeOf(thief, factorId);
  const answer = await tryCode(world, thief, factorId, code);
  expect([answer.status, answer.body.code]).toEqual([403, "insufficient_aal"]);
});
