/** A sign-in that a browser carries: the challenge, the code and its exchange (RFC 7636). */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { challengeOf } from "../../src/capabilities/auth/flows/code-challenge.ts";
import { beginFlow, finishFlow, sweepFlows } from "../../src/capabilities/auth/flows/flow-state.ts";
import { type AuthWorld, openAuthWorld, type SignedIn, signUp } from "./auth-world.ts";

const VERIFIER = "v".repeat(43);
let world: AuthWorld;
let ada: SignedIn;

beforeAll(async () => {
  world = await openAuthWorld();
  ada = await signUp(world, "ada@example.test");
});
afterAll(() => world.close());

const begin = (challenge = challengeOf(VERIFIER), method = "s256") =>
  beginFlow(world.state, world.sql, {
    codeChallenge: challenge,
    codeChallengeMethod: method,
    method: "oauth",
    provider: "email",
  });

const tokens = { accessToken: "their-access", refreshToken: "their-refresh" };

async function newCode(withTokens = false): Promise<string> {
  const id = (await begin()) ?? "";
  return finishFlow(world.state, world.sql, id, ada.userId, withTokens ? { tokens } : null);
}

async function exchange(code: unknown, verifier: unknown = VERIFIER) {
  const body = { auth_code: code, code_verifier: verifier };
  return world.send("POST", "/auth/v1/token?grant_type=pkce", { body });
}

describe("a code", () => {
  test("is exchanged for a session with the flow's method, and the provider's tokens once", async () => {
    const { status, body } = await exchange(await newCode(true));
    expect([status, body.user.id, body.provider_token, body.provider_refresh_token]).toEqual([
      200,
      ada.userId,
      "their-access",
      "their-refresh",
    ]);
    const claims = JSON.parse(Buffer.from(body.access_token.split(".")[1], "base64url").toString());
    expect(claims.amr[0].method).toBe("oauth");
    const without = await exchange(await newCode());
    expect("provider_token" in without.body).toBe(false);
  });

  test("works once, also for two who race", async () => {
    const code = await newCode();
    const answers = await Promise.all([1, 2, 3, 4].map(() => exchange(code)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404, 404, 404]);
    expect((await exchange(code)).body.code).toBe("flow_state_not_found");
  });

  test("is spent by a wrong verifier", async () => {
    const code = await newCode();
    expect((await exchange(code, "w".repeat(43))).body.code).toBe("bad_code_verifier");
    expect((await exchange(code)).body.code).toBe("flow_state_not_found");
  });

  test.each([
    "",
    "v",
    "v".repeat(42),
    `${"v".repeat(42)}!`,
    `${VERIFIER} `,
    "v".repeat(129),
    7,
    null,
  ])("is not exchanged by the verifier %p", async (verifier) => {
    const { status } = await exchange(await newCode(), verifier);
    expect(status).toBe(400);
  });

  test("is not exchanged by its own challenge", async () => {
    expect((await exchange(await newCode(), challengeOf(VERIFIER))).body.code).toBe(
      "bad_code_verifier",
    );
  });

  test.each(["", "x", "A".repeat(43), "A".repeat(42), `${"A".repeat(43)}=`, "'; --"])(
    "that was never issued is nobody's: %p",
    async (code) => {
      const { status, body } = await exchange(code);
      expect([400, 404]).toContain(status);
      expect(["validation_failed", "flow_state_not_found"]).toContain(body.code);
    },
  );

  test("expires", async () => {
    const code = await newCode();
    await world.clock.advance(300_000);
    const { status, body } = await exchange(code);
    expect([status, body.code]).toEqual([403, "flow_state_expired"]);
  });

  test("of somebody who was banned meanwhile gives no session", async () => {
    const grace = await signUp(world, "grace@example.test");
    const id = (await begin()) ?? "";
    const code = await finishFlow(world.state, world.sql, id, grace.userId);
    await world.sql`update auth.users set banned_until = '2999-01-01' where id = ${grace.userId}`;
    expect((await exchange(code)).body.code).toBe("user_banned");
    expect((await exchange(code)).body.code).toBe("flow_state_not_found");
  });

  test("stands in no table, and neither do the provider's tokens", async () => {
    const code = await newCode(true);
    const rows = await world.sql`select to_jsonb(f)::text as text from auth.flow_state f`;
    const all = JSON.stringify(rows);
    for (const secret of [code, "their-access", "their-refresh"]) {
      expect(all).not.toContain(secret);
      expect(all).not.toContain(Buffer.from(secret).toString("hex"));
    }
  });
});

describe("a flow", () => {
  test("is finished once, and only for whom it was begun", async () => {
    const id = (await begin()) ?? "";
    await finishFlow(world.state, world.sql, id, ada.userId);
    await expect(finishFlow(world.state, world.sql, id, ada.userId)).rejects.toThrow("flow state");
    const eve = await signUp(world, "eve@example.test");
    const own = await beginFlow(world.state, world.sql, {
      codeChallenge: challengeOf(VERIFIER),
      codeChallengeMethod: "S256",
      method: "magiclink",
      provider: "email",
      userId: ada.userId,
    });
    const foreign = finishFlow(world.state, world.sql, own ?? "", eve.userId);
    await expect(foreign).rejects.toThrow("flow state");
  });

  test("without a challenge is none", async () => {
    expect(await begin("", "")).toBeNull();
  });

  test.each([
    [challengeOf(VERIFIER), ""],
    ["", "s256"],
    ["short", "s256"],
    ["x".repeat(129), "s256"],
    [`${"x".repeat(42)}+`, "s256"],
    [VERIFIER, "plain"],
    [VERIFIER, "none"],
    [VERIFIER, "S256 "],
  ])("with the challenge %p of method %p is refused", async (challenge, method) => {
    await expect(begin(challenge, method)).rejects.toThrow(/code.challenge/);
  });

  test("that nobody finished is swept", async () => {
    const id = (await begin()) ?? "";
    await world.clock.advance(25 * 60 * 60 * 1000);
    expect(await sweepFlows(world.state, world.sql, 1000)).toBeGreaterThan(0);
    await expect(finishFlow(world.state, world.sql, id, ada.userId)).rejects.toThrow("flow state");
  });
});

test("plain is taken where it is allowed", async () => {
  const lax = await openAuthWorld({ pkce_plain: true });
  const bob = await signUp(lax, "bob@example.test");
  const start = {
    codeChallenge: VERIFIER,
    codeChallengeMethod: "plain",
    method: "oauth",
    provider: "x",
  };
  const id = (await beginFlow(lax.state, lax.sql, start)) ?? "";
  const code = await finishFlow(lax.state, lax.sql, id, bob.userId);
  const body = { auth_code: code, code_verifier: VERIFIER };
  const { status } = await lax.send("POST", "/auth/v1/token?grant_type=pkce", { body });
  expect(status).toBe(200);
  await lax.close();
});
