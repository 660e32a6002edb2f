/** One-time tokens on a real database: single use, caps, expiry, and what is left in the table. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  createOneTimeToken,
  type OneTimeToken,
  spendCode,
  spendLink,
  sweepTokens,
  type TokenKind,
  voidTokens,
} from "../../src/capabilities/auth/mailed/one-time-token.ts";
import { inTransaction } from "../../src/capabilities/auth/store.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { type AuthWorld, openAuthWorld, signUp } from "./auth-world.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

let world: AuthWorld;
let count = 0;
const nextEmail = () => `otp-${++count}@example.test`;

beforeAll(async () => {
  world = await openAuthWorld();
});
afterAll(() => world.close());

const caller = () => ({
  tenant: DEFAULT_TENANT,
  address: "127.0.0.1",
  userAgent: null,
  isService: false,
  log: world.log,
});

interface Person {
  readonly userId: string;
  readonly sentTo: string;
}

async function person(): Promise<Person> {
  const sentTo = nextEmail();
  return { userId: (await signUp(world, sentTo)).userId, sentTo };
}

const make = (to: { userId: string | null; sentTo: string }, kind: TokenKind = "magiclink") =>
  inTransaction(world.sql, (_, tx) =>
    createOneTimeToken(world.state, caller(), tx, { ...to, kind }),
  );
const byCode = (sentTo: string, otp: string, kinds: TokenKind[] = ["magiclink"], userId?: string) =>
  inTransaction(world.sql, (_, tx) =>
    spendCode(world.state, caller(), tx, { kinds, sentTo, otp, ...(userId ? { userId } : {}) }),
  );
const byLink = (token: OneTimeToken, kinds: TokenKind[] = ["magiclink"]) =>
  inTransaction(world.sql, (_, tx) => spendLink(world.state, tx, token.tokenHash, kinds));
const wrong = (otp: string) => (otp === "000000" ? "000001" : "000000");

describe("a one-time token", () => {
  test("is spent by its code or its link, once", async () => {
    const who = await person();
    const first = await make(who);
    expect(first.otp).toMatch(/^\d{6}$/);
    expect(first.tokenHash).toMatch(/^[0-9a-f]{64}$/);
    expect(await byCode(who.sentTo, first.otp)).toMatchObject({ ...who, kind: "magiclink" });
    expect(await byCode(who.sentTo, first.otp)).toBeNull();
    expect(await byLink(first)).toBeNull();
    const second = await make(who);
    expect(await byLink(second)).toMatchObject(who);
    expect(await byLink(second)).toBeNull();
    expect(await byCode(who.sentTo, second.otp)).toBeNull();
  });

  test("is spent by one of many that come at once", async () => {
    const who = await person();
    const token = await make(who);
    const tries = Array.from({ length: 8 }, (_, i) =>
      i % 2 === 0 ? byLink(token) : byCode(who.sentTo, token.otp),
    );
    expect((await Promise.all(tries)).filter((spent) => spent !== null)).toHaveLength(1);
  });

  test("takes the place of the one before it", async () => {
    const who = await person();
    const first = await make(who);
    const second = await make(who);
    expect(await byLink(first)).toBeNull();
    if (first.otp !== second.otp) expect(await byCode(who.sentTo, first.otp)).toBeNull();
    expect(await byLink(second)).not.toBeNull();
  });

  test("is the only one of its kind when many are asked for at once", async () => {
    const who = await person();
    const nobody = { userId: null, sentTo: nextEmail() };
    const made = await Promise.all(Array.from({ length: 6 }, () => make(who)));
    await Promise.all(Array.from({ length: 6 }, () => make(nobody)));
    const good = [];
    for (const token of made) good.push(await byLink(token));
    expect(good.filter((spent) => spent !== null)).toHaveLength(1);
  });

  test("is good for its kind, its address and its person only", async () => {
    const [who, other] = [await person(), await person()];
    const token = await make(who, "recovery");
    expect(await byLink(token, ["magiclink", "invite"])).toBeNull();
    expect(await byCode(who.sentTo, token.otp, ["email_change_new"])).toBeNull();
    expect(await byCode(other.sentTo, token.otp, ["recovery"])).toBeNull();
    expect(await byCode(who.sentTo, token.otp, ["recovery"], other.userId)).toBeNull();
    expect(await byCode(who.sentTo, token.otp, ["recovery"], who.userId)).not.toBeNull();
  });

  test("has a code that is void after five wrong guesses, and a link that is not", async () => {
    const who = await person();
    const token = await make(who);
    for (let i = 0; i < 5; i++) expect(await byCode(who.sentTo, wrong(token.otp))).toBeNull();
    expect(await byCode(who.sentTo, token.otp)).toBeNull();
    expect(await byLink(token)).not.toBeNull();
  });

  test("takes four wrong guesses", async () => {
    const who = await person();
    const token = await make(who);
    for (const guess of [wrong(token.otp), "", `${token.otp}0`, "ABCDEF"]) {
      expect(await byCode(who.sentTo, guess)).toBeNull();
    }
    expect(await byCode(who.sentTo, token.otp)).not.toBeNull();
  });

  test("expires: the code after ten minutes, the link after an hour, an invitation after a week", async () => {
    const who = await person();
    const token = await make(who);
    const invitation = await make(who, "invite");
    await world.clock.advance(600_000);
    expect(await byCode(who.sentTo, token.otp)).toBeNull();
    await world.clock.advance(3_000_000 - 1);
    const again = await make(who, "recovery");
    expect(await byLink(token)).not.toBeNull();
    await world.clock.advance(3_600_000);
    expect(await byLink(again, ["recovery"])).toBeNull();
    await world.clock.advance(604_800_000 - 7_200_000);
    expect(await byLink(invitation, ["invite"])).not.toBeNull();
  });

  test("for an address without an account is kept like any other and opens nothing", async () => {
    const sentTo = nextEmail();
    await make({ userId: null, sentTo });
    const token = await make({ userId: null, sentTo });
    const [row] = await world.sql`
      select count(*)::int as n, min(kind) as kind from auth.one_time_tokens where sent_to = ${sentTo}`;
    expect(row).toEqual({ n: 1, kind: "magiclink" });
    expect(await byCode(sentTo, token.otp)).toBeNull();
    expect(await byLink(token)).toBeNull();
  });

  test("leaves neither code nor link in the table", async () => {
    const who = await person();
    const token = await make(who);
    const rows = await world.sql`select t::text as text from auth.one_time_tokens t`;
    const table = JSON.stringify(rows);
    for (const secret of [token.otp, token.tokenHash, Buffer.from(token.otp).toString("hex")]) {
      expect(table).not.toContain(`"${secret}"`);
      expect(table).not.toContain(`,${secret},`);
    }
    expect(table).not.toContain(token.tokenHash);
    const kept = await world.sql`
      select encode(token_hash, 'escape') as link, encode(otp_hash, 'escape') as code
      from auth.one_time_tokens where user_id = ${who.userId}`;
    expect(token.tokenHash).not.toContain(kept[0]?.["link"]);
    expect(kept[0]?.["code"]).not.toContain(token.otp);
    const [row] = await world.sql`
      select encode(otp_hash, 'hex') as hash, id, sent_to from auth.one_time_tokens
      where user_id = ${who.userId}`;
    const plain = new Bun.CryptoHasher("sha256").update(token.otp).digest("hex");
    expect(row?.["hash"]).not.toBe(plain);
  });

  test("is swept once it has expired, and not before", async () => {
    const who = await person();
    await make(who);
    const left = async () => {
      await sweepTokens(world.state, world.sql);
      const [row] = await world.sql`
        select count(*)::int as n from auth.one_time_tokens where user_id = ${who.userId}`;
      return row?.["n"];
    };
    expect(await left()).toBe(1);
    await world.clock.advance(3_600_001);
    expect(await left()).toBe(0);
  });

  test("goes with its person", async () => {
    const who = await person();
    await make(who);
    await world.sql`delete from auth.users where id = ${who.userId}`;
    const [row] = await world.sql`
      select count(*)::int as n from auth.one_time_tokens where user_id = ${who.userId}`;
    expect(row?.["n"]).toBe(0);
  });

  test("is voided with all of the person's, or with its kind", async () => {
    const who = await person();
    const [link, recovery] = [await make(who), await make(who, "recovery")];
    await voidTokens(world.sql, who.userId, ["recovery"]);
    expect(await byLink(recovery, ["recovery"])).toBeNull();
    await voidTokens(world.sql, who.userId);
    expect(await byLink(link)).toBeNull();
  });
});
