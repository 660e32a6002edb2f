/** The second step of a sign-in on the pages: nobody is signed in before it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type AuthWorld, openAuthWorld, PASSWORD, signUp } from "./auth-world.ts";
import {
  challenge,
  enrollTotp,
  nextStep,
  send,
  totpCode,
  wrongCode,
} from "./factors/factor-world.ts";
import { challengeOf, claimsOf, VERIFIER } from "./oauth-world.ts";
import { openUiBrowser, type UiBrowser } from "./ui-browser.ts";

let world: AuthWorld;
beforeAll(async () => {
  world = await openAuthWorld();
});
afterAll(() => world.close());

const SIGN_IN = "/auth/ui/sign-in";
const MFA = "/auth/ui/mfa";

/** A person with an authenticator app, and their browser after the password. */
async function afterPassword(name: string) {
  const email = `${name}@mfa.test`;
  const session = await signUp(world, email);
  const { id, secret } = await enrollTotp(world, session, "My phone");
  const body = {
    challenge_id: await challenge(world, session, id),
    code: totpCode(world, secret),
  };
  const raised = await send(world, session, "POST", `/factors/${id}/verify`, body);
  const aal2 = { accessToken: raised.body.access_token, refreshToken: raised.body.refresh_token };
  await nextStep(world);
  const browser = openUiBrowser(world);
  await browser.submit(SIGN_IN, { email, password: PASSWORD });
  return { browser, factorId: id, secret, aal2, email };
}

const isSignedIn = async (browser: UiBrowser) =>
  (await browser.open("/auth/ui/account")).location === null;

describe("after the password", () => {
  test("every page asks for the second factor first, and comes back", async () => {
    const { browser, factorId, secret } = await afterPassword("ada");
    expect(await isSignedIn(browser)).toBe(false);
    const wanted = "/auth/ui/device?user_code=AAAA-BBBB";
    const toContinue = (await browser.open(wanted)).location ?? "";
    const toMfa = (await browser.open(toContinue)).location ?? "";
    expect(toMfa).toStartWith(`${MFA}?return_to=`);
    const before = browser.cookies.get("reactor-session");
    const fields = { factor_id: factorId, code: totpCode(world, secret) };
    const view = await browser.submit(toMfa, fields);
    expect((await browser.open(view.location ?? "")).location).toBe(wanted);
    expect(browser.cookies.get("reactor-session")).not.toBe(before);
    expect(await isSignedIn(browser)).toBe(true);
  });

  test("a wrong code, none, another person's factor and an unknown one do not count", async () => {
    const { browser, factorId, secret } = await afterPassword("bea");
    const other = await afterPassword("carl");
    for (const fields of [
      { factor_id: factorId, code: wrongCode(world, secret) },
      { factor_id: factorId, code: "" },
      { factor_id: other.factorId, code: totpCode(world, other.secret) },
      { factor_id: crypto.randomUUID(), code: totpCode(world, secret) },
      { recovery_code: "AAAA-BBBB-CCCC-DDDD" },
    ] as Record<string, string>[]) {
      const view = await browser.submit(MFA, fields);
      expect(view.status).toBeGreaterThanOrEqual(400);
      expect(await isSignedIn(browser)).toBe(false);
    }
  });

  test("a code counts once", async () => {
    const { browser, factorId, secret, email } = await afterPassword("dora");
    const fields = { factor_id: factorId, code: totpCode(world, secret) };
    expect((await browser.submit(MFA, fields)).status).toBe(303);
    const second = openUiBrowser(world);
    await second.submit(SIGN_IN, { email, password: PASSWORD });
    expect((await second.submit(MFA, fields)).status).toBe(422);
    expect(await isSignedIn(second)).toBe(false);
  });

  test("a recovery code does, once", async () => {
    const { browser, aal2, email } = await afterPassword("emil");
    const made = await send(world, aal2, "POST", "/factors/recovery-codes", {});
    const [code] = made.body.codes;
    expect((await browser.submit(MFA, { recovery_code: code })).status).toBe(303);
    expect(await isSignedIn(browser)).toBe(true);
    const second = openUiBrowser(world);
    await second.submit(SIGN_IN, { email, password: PASSWORD });
    await second.submit(MFA, { recovery_code: code });
    expect(await isSignedIn(second)).toBe(false);
  });

  test("who does not go on can leave", async () => {
    const { browser } = await afterPassword("frida");
    await browser.submit("/auth/ui/sign-out", {});
    expect(browser.cookies.has("reactor-session")).toBe(false);
    expect((await browser.open(MFA)).location).toStartWith("/auth/ui/continue");
  });

  test("an app that has its sign-in done here gets a session that has seen it", async () => {
    const { browser, factorId, secret } = await afterPassword("greta");
    await browser.submit(MFA, { factor_id: factorId, code: totpCode(world, secret) });
    const query = new URLSearchParams({
      redirect_to: "http://localhost/app",
      code_challenge: challengeOf(VERIFIER),
      code_challenge_method: "s256",
    });
    const { html } = await browser.open(`/auth/ui/continue?${query}`);
    const code = /[?;]code=([\w-]{43})/.exec(html)?.[1];
    const body = { auth_code: code, code_verifier: VERIFIER };
    const answer = await world.send("POST", "/auth/v1/token?grant_type=pkce", { body });
    const claims = claimsOf(answer.body.access_token);
    const methods = (claims["amr"] as { method: string }[]).map(({ method }) => method);
    expect([claims["aal"], methods]).toEqual(["aal2", ["totp", "password"]]);
  });
});
