/** Passkeys and security keys of Chromium's virtual authenticators, by an unchanged auth-js, on the compiled file. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createClient } from "@supabase/supabase-js";
import type { Page } from "playwright-core";
import { type AppPage, addAuthenticator, openApp, openAppPage } from "../browser/app-page.ts";
import { type BrowserBench, openBrowser } from "../browser/chromium.ts";
import type { RunningExecutable } from "../support/executable.ts";
import { executableBench } from "../support/executable-bench.ts";

const PASSWORD = "correct horse battery";
const bench = executableBench("shared");
let app: AppPage;
let browser: BrowserBench;
let server: RunningExecutable;

beforeAll(async () => {
  app = await openAppPage();
  const env = { REACTOR_AUTH__SITE_URL: app.origin };
  server = await bench.start(bench.folder(), ["serve", "--port", "0"], { env });
  app.serve({ url: server.url, publishableKey: server.status.publishable_key });
  browser = await openBrowser();
});
afterAll(async () => {
  await browser.close();
  await app.stop();
});

async function signUp(page: Page, email: string): Promise<string> {
  const made = await page.evaluate(
    async (credentials) => {
      const { data, error } = await globalThis.app.auth.signUp(credentials);
      return { id: data.user?.id ?? "", error: error?.message ?? null };
    },
    { email, password: PASSWORD },
  );
  expect(made.error).toBeNull();
  return made.id;
}

test("a passkey is made, signs in, is renamed and removed, and the secret key removes one", async () => {
  const { page, complaints } = await browser.visitor();
  await openApp(page, app.origin);
  await addAuthenticator(page);
  const userId = await signUp(page, "passkey@example.test");
  const steps = await page.evaluate(async () => {
    const { auth } = globalThis.app;
    const made = await auth.registerPasskey();
    const passkeyId = made.data?.id ?? "";
    await auth.signOut();
    const back = await auth.signInWithPasskey();
    const renamed = await auth.passkey.update({ passkeyId, friendlyName: "Laptop" });
    const listed = await auth.passkey.list();
    return {
      errors: [made, back, renamed, listed].map(({ error }) => error?.message ?? null),
      email: back.data?.user?.email,
      names: listed.data?.map((one) => one.friendly_name),
      passkeyId,
    };
  });
  expect(steps).toMatchObject({ errors: [null, null, null, null], names: ["Laptop"] });
  expect(steps.email).toBe("passkey@example.test");
  const { admin } = createClient(server.url, server.status.secret_key).auth;
  const seen = await admin.passkey.listPasskeys({ userId });
  expect(seen.data?.map(({ id }) => id)).toEqual([steps.passkeyId]);
  const removed = await page.evaluate(
    (passkeyId) => globalThis.app.auth.passkey.delete({ passkeyId }),
    steps.passkeyId,
  );
  expect(removed.error).toBeNull();
  const second = await page.evaluate(() => globalThis.app.auth.registerPasskey());
  const passkeyId = second.data?.id ?? "";
  expect((await admin.passkey.deletePasskey({ userId, passkeyId })).error).toBeNull();
  expect((await admin.passkey.listPasskeys({ userId })).data).toEqual([]);
  expect(complaints).toEqual([]);
});

test("a security key is enrolled, and raises the session after a password", async () => {
  const { page, complaints } = await browser.visitor();
  await openApp(page, app.origin);
  await addAuthenticator(page, { passkeys: false, verifies: false });
  const email = "security-key@example.test";
  await signUp(page, email);
  const steps = await page.evaluate(
    async (credentials) => {
      const { auth } = globalThis.app;
      const level = async () =>
        (await auth.mfa.getAuthenticatorAssuranceLevel()).data?.currentLevel ?? null;
      const enrolled = await auth.mfa.webauthn.register({ friendlyName: "Blue key" });
      await auth.signOut();
      await auth.signInWithPassword(credentials);
      const before = await level();
      const { data } = await auth.mfa.listFactors();
      const factorId = data?.webauthn[0]?.id ?? "";
      const proven = await auth.mfa.webauthn.authenticate({ factorId });
      const errors = [enrolled, proven].map(({ error }) => error?.message ?? null);
      return { errors, levels: [before, await level()] };
    },
    { email, password: PASSWORD },
  );
  expect(steps).toEqual({ errors: [null, null], levels: ["aal1", "aal2"] });
  expect(complaints).toEqual([]);
});
