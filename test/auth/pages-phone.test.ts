/** People who come by phone number on the pages: a code, a password, a second factor. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type AuthWorld, openAuthWorld, PASSWORD, signUp } from "./auth-world.ts";
import { challenge, send } from "./factors/factor-world.ts";
import { lastTo } from "./mailbox.ts";
import { openUiBrowser } from "./ui-browser.ts";

setDefaultTimeout(60_000);

let world: AuthWorld;
beforeAll(async () => {
  // In development text messages are shown in the inbox.
  world = await openAuthWorld({}, { development: true });
});
afterAll(() => world.close());

const SIGN_IN = "/auth/ui/sign-in";
const CODE = "/auth/ui/code";

test("a code by text message signs in, and makes the account", async () => {
  const browser = openUiBrowser(world);
  expect((await browser.open(SIGN_IN)).html).toContain("E-mail address or phone number");
  const asked = await browser.submit(CODE, { email: "+49 170 2000001" });
  expect(asked.html).toContain("Check your phone");
  const typed = { step: "code", type: "sms", email: "+49 170 2000001" };
  expect((await browser.submit(CODE, { ...typed, token: "000000" })).status).toBe(403);
  const { code } = lastTo(world, "+491702000001");
  expect((await browser.submit(CODE, { ...typed, token: code })).status).toBe(303);
  expect((await browser.open("/auth/ui/account")).html).toContain("491702000001");
});

test("a number and a password do, and what is no number is an address", async () => {
  const phone = "491702000002";
  await world.send("POST", "/auth/v1/admin/users", {
    headers: { apikey: world.project.secretKey },
    body: { phone, password: PASSWORD, phone_confirm: true },
  });
  const browser = openUiBrowser(world);
  const wrong = await browser.submit(SIGN_IN, { email: `+${phone}`, password: "not this one" });
  expect(wrong.html).toContain("Invalid login credentials.");
  const right = await browser.submit(SIGN_IN, { email: `+${phone}`, password: PASSWORD });
  expect(right.status).toBe(303);
});

test("a phone as the second factor is asked for with a code", async () => {
  const email = "second@phone.test";
  const session = await signUp(world, email);
  const phone = "491702000003";
  const enrolled = await send(world, session, "POST", "/factors", { factor_type: "phone", phone });
  const factorId = enrolled.body.id;
  const body = {
    challenge_id: await challenge(world, session, factorId),
    code: lastTo(world, `+${phone}`).code,
  };
  expect((await send(world, session, "POST", `/factors/${factorId}/verify`, body)).status).toBe(
    200,
  );
  const browser = openUiBrowser(world);
  await browser.submit(SIGN_IN, { email, password: PASSWORD });
  const path = "/auth/ui/mfa";
  expect((await browser.open(path)).html).toContain("the phone that ends in 003");
  const asked = await browser.submit(path, { factor_id: factorId });
  const id = /name="challenge_id" value="([^"]+)"/.exec(asked.html)?.[1] ?? "";
  const fields = { factor_id: factorId, challenge_id: id };
  expect((await browser.submit(path, { ...fields, code: "000000" })).status).toBe(422);
  expect((await browser.open("/auth/ui/account")).location).not.toBeNull();
  const { code } = lastTo(world, `+${phone}`);
  expect((await browser.submit(path, { ...fields, code })).status).toBe(303);
  expect((await browser.open("/auth/ui/account")).location).toBeNull();
});
