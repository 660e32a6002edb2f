/** Sign-ins past the queue of hashes are turned away before they cost anything else. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type AuthWorld, openAuthWorld, PASSWORD, signIn, signUp } from "./auth-world.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

const EMAIL = "storm@example.test";
let world: AuthWorld;
beforeAll(async () => {
  world = await openAuthWorld({ hash_queue_max: 1 });
  await signUp(world, EMAIL);
});
afterAll(() => world.close());

const attempt = (email: string) =>
  world.send("POST", "/auth/v1/token?grant_type=password", { body: { email, password: PASSWORD } });

test("they are told when to come back, know nothing of the account, and touch no table", async () => {
  const busy = [world.state.hasher.hash("x"), world.state.hasher.hash("x")];
  const asked = world.limited.length;
  const answers = await Promise.all([attempt(EMAIL), attempt("nobody@example.test"), attempt("")]);
  for (const { status, body, headers } of answers) {
    expect([status, body.code]).toEqual([429, "over_request_rate_limit"]);
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
  }
  expect(world.limited.length).toBe(asked);
  await Promise.all(busy);
  expect((await signIn(world, EMAIL)).userId).toBeString();
  expect(world.limited.length).toBeGreaterThan(asked);
});
