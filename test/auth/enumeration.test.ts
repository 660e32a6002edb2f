/**
 * Nobody learns who has an account: not by status, headers or body, not by what is asked of the
 * database, and not by time. The last is a rank test over pairs of requests in random order, which a
 * busy machine slows alike.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Rng } from "../../src/core/ports/rng.ts";
import { createSeededRng } from "../support/seeded-rng.ts";
import { type AuthWorld, openAuthWorld, PASSWORD } from "./auth-world.ts";
import { lastTo, messagesTo } from "./mailbox.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(600_000);

let world: AuthWorld;
let count = 0;
const nextEmail = () => `zoe-${++count}@example.test`;
const nextPhone = () => `49173${String(1_000_000 + ++count)}`;

beforeAll(async () => {
  world = await openAuthWorld(
    { autoconfirm: false, site_url: "https://app.example.test" },
    { development: true },
  );
});
afterAll(() => world.close());

/** When the last answer was there: messages leave after it. */
let answeredAt = 0;
let isAnswered = false;
const onAnswer = () => {
  answeredAt = performance.now();
  isAnswered = true;
};
const post = (path: string, body: unknown) =>
  world.send("POST", `/auth/v1/${path}`, { body, onAnswer });

interface Account {
  readonly email: string;
  readonly phone: string;
  readonly bearer: string;
}

/** Confirmed, with a password, an address and a number. */
async function account(): Promise<Account> {
  const [email, phone] = [nextEmail(), nextPhone()];
  await post("signup", { email, password: PASSWORD });
  const { body } = await post("verify", {
    type: "signup",
    email,
    token: lastTo(world, email).code,
  });
  const bearer = body.access_token;
  await world.send("PUT", "/auth/v1/user", { bearer, body: { phone } });
  const token = lastTo(world, `+${phone}`).code;
  await post("verify", { type: "phone_change", phone, token });
  return { email, phone, bearer };
}

const nobody = () => ({ email: nextEmail(), phone: nextPhone() });

type Address = Pick<Account, "email" | "phone">;
type Ask = (who: Address) => Promise<Awaited<ReturnType<typeof post>>>;

const PKCE = { code_challenge: "c".repeat(43), code_challenge_method: "s256" };

const ROUTES: readonly (readonly [name: string, ask: Ask])[] = [
  ["recover", ({ email }) => post("recover", { email })],
  ["recover with PKCE", ({ email }) => post("recover", { email, ...PKCE })],
  ["otp", ({ email }) => post("otp", { email })],
  ["otp that makes nobody", ({ email }) => post("otp", { email, create_user: false })],
  ["magiclink", ({ email }) => post("magiclink", { email })],
  ["otp by phone", ({ phone }) => post("otp", { phone })],
  ["otp by phone that makes nobody", ({ phone }) => post("otp", { phone, create_user: false })],
  ["resend of a sign-up", ({ email }) => post("resend", { type: "signup", email })],
  ["resend of a change", ({ email }) => post("resend", { type: "email_change", email })],
  ["resend by phone", ({ phone }) => post("resend", { type: "sms", phone })],
  ["resend of a number", ({ phone }) => post("resend", { type: "phone_change", phone })],
  ["a wrong code", ({ email }) => post("verify", { type: "recovery", email, token: "000000" })],
  ["a wrong code by phone", ({ phone }) => post("verify", { type: "sms", phone, token: "000000" })],
  [
    "a wrong password",
    ({ email }) => post("token?grant_type=password", { email, password: "not the password" }),
  ],
  [
    "a wrong password by phone",
    ({ phone }) => post("token?grant_type=password", { phone, password: "not the password" }),
  ],
  ["sign-up", ({ email }) => post("signup", { email, password: "some other password" })],
  ["sign-up by phone", ({ phone }) => post("signup", { phone, password: "some other password" })],
];

/** What was made up, or differs because the question does. */
function shapeOf(answer: Awaited<ReturnType<Ask>>, who: Address) {
  const text = JSON.stringify(answer.body)
    .replaceAll(who.email, "<email>")
    .replaceAll(who.phone, "<phone>")
    .replace(/"[0-9a-f]{8}-[0-9a-f-]{27}"/g, '"<id>"')
    .replace(/"\d{4}-\d\d-\d\dT[\d:.]+Z"/g, '"<time>"');
  return { status: answer.status, headers: [...answer.headers.keys()].sort(), text };
}

describe("the answer", () => {
  test.each(ROUTES)("of %s is the same", async (_, ask) => {
    const [known, unknown] = [await account(), nobody()];
    expect(shapeOf(await ask(unknown), unknown)).toEqual(shapeOf(await ask(known), known));
  });

  test("after a request for a code, wrong codes are counted alike", async () => {
    const [known, unknown] = [await account(), nobody()];
    const told = [];
    for (const who of [known, unknown]) {
      await post("recover", { email: who.email });
      const answers = [];
      for (let i = 0; i < 7; i++) {
        const { status, body } = await post("verify", {
          type: "recovery",
          email: who.email,
          token: `00000${i}`,
        });
        answers.push([status, body.code]);
      }
      told.push(answers);
    }
    expect(told[0]).toEqual(told[1] ?? []);
  });

  test("of a change to an address that somebody has is the same", async () => {
    const [one, known] = [await account(), await account()];
    const ask = async (body: Record<string, string>, who: Address) =>
      shapeOf(await world.send("PUT", "/auth/v1/user", { bearer: one.bearer, body }), who);
    const [free, alsoFree] = [nobody(), nobody()];
    expect(await ask({ email: known.email }, known)).toEqual(
      await ask({ email: free.email }, free),
    );
    expect(await ask({ phone: known.phone }, known)).toEqual(
      await ask({ phone: alsoFree.phone }, alsoFree),
    );
  });

  const SENDING = ROUTES.filter(([name]) => /^(?:recover|otp|magiclink|resend)/.test(name));
  test.each(SENDING)("of %s does not leave as soon as it is ready", async (_, ask) => {
    const startedAt = performance.now();
    await ask(nobody());
    expect(answeredAt - startedAt).toBeGreaterThan(24);
  });

  test("goes with a message for who is known, and none for who is not", async () => {
    const [known, unknown] = [await account(), nobody()];
    const before = messagesTo(world, known.email).length;
    await post("recover", { email: known.email });
    await post("recover", { email: unknown.email });
    expect(messagesTo(world, known.email)).toHaveLength(before + 1);
    expect(messagesTo(world, unknown.email)).toEqual([]);
  });
});

describe("the work", () => {
  /** The statements before the answer of one request, without what belongs to the connection. */
  async function statementsOf(ask: () => Promise<unknown>): Promise<string[]> {
    const seen: string[] = [];
    const { options } = world.sql as unknown as { options: { debug: unknown } };
    options.debug = (_: number, query: string) => {
      if (!isAnswered) seen.push(query.replace(/\s+/g, " ").trim());
    };
    isAnswered = false;
    try {
      await ask();
    } finally {
      options.debug = false;
    }
    // Which of two partial indexes a token is kept by says only what the table knows.
    return seen.map((query) =>
      query.replace(/on conflict \(.*?\) where user_id is (?:not )?null/, "on conflict …"),
    );
  }

  const alike = ROUTES.filter(([name]) => !/^sign-up|wrong code/.test(name));

  test.each(alike)("of %s is the same", async (_, ask) => {
    const [known, unknown] = [await account(), nobody()];
    // The first of a kind also describes the types of its table.
    await ask(await account());
    await ask(nobody());
    const forUnknown = await statementsOf(() => ask(unknown));
    const forKnown = await statementsOf(() => ask(known));
    expect(forUnknown.length).toBeGreaterThan(0);
    expect(forKnown).toEqual(forUnknown);
  });

  test("of a wrong code is the same once a code was asked for", async () => {
    const [known, unknown] = [await account(), nobody()];
    const all = [];
    for (const { email } of [nobody(), known, unknown]) {
      await post("recover", { email });
      const body = { type: "recovery", email, token: "x" };
      all.push(await statementsOf(() => post("verify", body)));
    }
    expect(all[1]).toEqual(all[2] ?? []);
    expect(all[1]?.some((query) => query.includes("attempts + 1"))).toBe(true);
  });
});

/**
 * How often a request for somebody known took longer than one for somebody unknown: 0.5 when time
 * tells nothing (the area under the ROC curve, Mann-Whitney's U over n²).
 */
function separation(known: readonly number[], unknown: readonly number[]): number {
  let wins = 0;
  for (const a of known) for (const b of unknown) wins += a > b ? 1 : a === b ? 0.5 : 0;
  return wins / (known.length * unknown.length);
}

/** Requests of each kind. By chance alone the separation strays by 0.03 (one standard deviation). */
const SAMPLES = 120;
/** Five standard deviations, and what is left of real differences: microseconds of one row more. */
const STRAY_MAX = 0.17;

describe("the time", () => {
  const timed = ROUTES.filter(([name]) =>
    ["recover", "otp that makes nobody", "otp", "a wrong password", "sign-up"].includes(name),
  );

  /** How far from telling nothing: 0 to 0.5. */
  async function strayOf(accounts: readonly Account[], ask: Ask, rng: Rng): Promise<number> {
    const times = { known: [] as number[], unknown: [] as number[] };
    for (let i = 0; i < SAMPLES; i++) {
      const pair = [
        ["known", accounts[i % accounts.length] as Address],
        ["unknown", nobody()],
      ] as const;
      for (const [kind, who] of rng.float() < 0.5 ? pair : pair.toReversed()) {
        const startedAt = performance.now();
        await ask(who);
        times[kind].push(answeredAt - startedAt);
      }
    }
    return Math.abs(separation(times.known, times.unknown) - 0.5);
  }

  test.each(timed)("of %s tells nothing", async (name, ask) => {
    const rng = createSeededRng(name.length);
    const accounts: Account[] = [];
    for (let i = 0; i < 10; i++) accounts.push(await account());
    let stray = await strayOf(accounts, ask, rng);
    // What a difference shows, it shows again; what chance or another program showed, it does not.
    for (let again = 0; again < 2 && stray >= STRAY_MAX; again++) {
      stray = await strayOf(accounts, ask, rng);
    }
    expect(stray).toBeLessThan(STRAY_MAX);
  });

  test("would tell if one kind took a tenth longer", () => {
    const rng = createSeededRng(7);
    const sample = () => 5 + rng.float();
    const one = Array.from({ length: SAMPLES }, sample);
    const other = Array.from({ length: SAMPLES }, () => sample() * 1.1);
    expect(separation(other, one)).toBeGreaterThan(0.5 + STRAY_MAX);
    expect(Math.abs(separation(Array.from({ length: SAMPLES }, sample), one) - 0.5)).toBeLessThan(
      STRAY_MAX,
    );
  });
});
