/** Raising a session: one that proved more keeps its family, and says so in every token after. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { raiseSession } from "../../src/capabilities/auth/sessions/issue-session.ts";
import { createStore, inTransaction } from "../../src/capabilities/auth/store.ts";
import { type AuthWorld, openAuthWorld, type SignedIn, signUp } from "./auth-world.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

const FACTOR = "018f3a5e-0000-7000-8000-0000000000fa";
let world: AuthWorld;
let count = 0;
const person = () => signUp(world, `raise-${++count}@example.test`);
const refresh = (token: string) =>
  world.send("POST", "/auth/v1/token?grant_type=refresh_token", { body: { refresh_token: token } });

beforeAll(async () => {
  world = await openAuthWorld();
});
afterAll(() => world.close());

async function raise(one: SignedIn): Promise<string> {
  const id = String(claimsOf(one.accessToken)["session_id"]);
  await world.clock.advance(1_000);
  const issued = await inTransaction(world.sql, async (store) => {
    const session = await store.findSession(id);
    if (!session) throw new Error("no session");
    return raiseSession(world.state, store, session, "totp", "aal2", FACTOR);
  });
  return issued.refreshToken;
}

test("its level and ways in stand in every token that follows, newest first", async () => {
  const one = await person();
  const { status, body } = await refresh(await raise(one));
  expect(status).toBe(200);
  const claims = claimsOf(body.access_token);
  expect(claims["aal"]).toBe("aal2");
  const amr = claims["amr"] as { method: string; timestamp: number }[];
  expect(amr.map((entry) => entry.method)).toEqual(["totp", "password"]);
  expect(claims["session_id"]).toBe(claimsOf(one.accessToken)["session_id"]);
  const row = await createStore(world.sql).findSession(String(claims["session_id"]));
  expect(row?.factor_id).toBe(FACTOR);
});

test("a refresh that raced with it goes on in the same session, raised too", async () => {
  const one = await person();
  const raised = await raise(one);
  const loser = await refresh(one.refreshToken);
  expect(loser.status).toBe(200);
  expect(claimsOf(loser.body.access_token)["aal"]).toBe("aal2");
  expect((await refresh(raised)).status).toBe(200);
  expect((await refresh(loser.body.refresh_token)).status).toBe(200);
});

test("the token it replaced ends the session when used after the grace", async () => {
  const one = await person();
  const raised = await raise(one);
  await world.clock.advance(10_000);
  expect((await refresh(one.refreshToken)).body.code).toBe("refresh_token_already_used");
  expect((await refresh(raised)).body.code).toBe("refresh_token_already_used");
});

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
}
