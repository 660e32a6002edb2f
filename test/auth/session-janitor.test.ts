/** The janitor removes what is spent and old, and nothing else. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { sweepSessions } from "../../src/capabilities/auth/tasks.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { type AuthWorld, openAuthWorld, signUp } from "./auth-world.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

const KEEP_S = 3600;
let world: AuthWorld;

beforeAll(async () => {
  world = await openAuthWorld({ refresh_token_keep_s: KEEP_S, access_token_ttl_s: 60 });
});
afterAll(() => world.close());

const rotate = async (token: string) =>
  (
    await world.send("POST", "/auth/v1/token?grant_type=refresh_token", {
      body: { refresh_token: token },
    })
  ).body.refresh_token as string;

const tokensOf = async (userId: string) =>
  (await world.sql`select 1 from auth.refresh_tokens where user_id = ${userId}`).length;

test("spent tokens and revoked sessions go after the time they are kept, live ones stay", async () => {
  const quiet = await signUp(world, "quiet@example.test");
  const busy = await signUp(world, "busy@example.test");
  const stolen = await signUp(world, "stolen@example.test");
  const second = await rotate(busy.refreshToken);
  await rotate(stolen.refreshToken);
  await world.clock.advance(20_000);
  await rotate(stolen.refreshToken);
  const count = async () => [
    await tokensOf(quiet.userId),
    await tokensOf(busy.userId),
    await tokensOf(stolen.userId),
  ];
  expect(await sweepSessions(world.state, DEFAULT_TENANT)).toBe(0);
  expect(await count()).toEqual([1, 2, 2]);
  await world.clock.advance(KEEP_S * 1000 + 1);
  expect(await sweepSessions(world.state, DEFAULT_TENANT)).toBeGreaterThan(0);
  expect(await count()).toEqual([1, 1, 0]);
  expect(await rotate(second)).toBeString();
});
