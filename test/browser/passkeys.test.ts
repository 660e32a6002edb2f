/**
 * Passkeys and security keys in a real browser: Chromium's virtual authenticator, an unchanged
 * supabase-js in a page of another origin than the server's.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Page } from "playwright-core";
import { startTestServer, type TestServer } from "../support/server.ts";
import { type AppPage, addAuthenticator, openApp, openAppPage } from "./app-page.ts";
import { type BrowserBench, openBrowser } from "./chromium.ts";

setDefaultTimeout(60_000);

const PASSWORD = "correct horse battery";
let server: TestServer;
let bench: BrowserBench;
let pages: AppPage;
let other: AppPage;
let count = 0;

beforeAll(async () => {
  pages = await openAppPage();
  other = await openAppPage();
  server = await startTestServer({ only: ["auth"], config: { auth: { site_url: pages.origin } } });
  pages.serve(server);
  other.serve(server);
  bench = await openBrowser();
});
afterAll(async () => {
  await bench.close();
  await server.stop();
  await pages.stop();
  await other.stop();
});

async function newPerson(page: Page): Promise<string> {
  const email = `browser-${++count}@example.test`;
  const error = await page.evaluate(
    async (credentials) => (await app.auth.signUp(credentials)).error?.message ?? null,
    { email, password: PASSWORD },
  );
  expect(error).toBeNull();
  return email;
}

const levels = (page: Page) =>
  page.evaluate(async () => {
    const { data } = await app.auth.mfa.getAuthenticatorAssuranceLevel();
    return [data?.currentLevel, data?.nextLevel];
  });

describe("a passkey", () => {
  test("is made, signs in without a name, is listed, renamed and removed", async () => {
    const { page, complaints } = await bench.visitor();
    await openApp(page, pages.origin);
    await addAuthenticator(page);
    const email = await newPerson(page);
    const made = await page.evaluate(() => app.auth.registerPasskey());
    expect(made.error).toBeNull();
    const id = made.data?.id ?? "";
    expect([id.length, made.data?.friendly_name]).toEqual([36, "Passkey"]);
    await page.evaluate(() => app.auth.signOut());
    const signedIn = await page.evaluate(async () => {
      const { data, error } = await app.auth.signInWithPasskey();
      return { email: data?.user?.email, error: error?.message ?? null };
    });
    expect(signedIn).toEqual({ email, error: null });
    const renamed = await page.evaluate(async (passkeyId) => {
      const name = { passkeyId, friendlyName: "This laptop" };
      const { data, error } = await app.auth.passkey.update(name);
      return { data, error: error && [error.status, error.code, error.message] };
    }, id);
    expect(renamed.error).toBeNull();
    expect(renamed.data).toMatchObject({ id, friendly_name: "This laptop" });
    const list = await page.evaluate(() => app.auth.passkey.list());
    expect(list.data).toMatchObject([{ id, last_used_at: expect.any(String) }]);
    const removed = await page.evaluate((passkeyId) => app.auth.passkey.delete({ passkeyId }), id);
    expect(removed.error).toBeNull();
    const again = await page.evaluate(async () => {
      await app.auth.signOut();
      return (await app.auth.signInWithPasskey()).error?.message;
    });
    expect(again).toBe("Credential verification failed");
    expect(complaints).toEqual([]);
  });

  test("is not made twice on one authenticator", async () => {
    const { page } = await bench.visitor();
    await openApp(page, pages.origin);
    await addAuthenticator(page);
    await newPerson(page);
    await page.evaluate(() => app.auth.registerPasskey());
    const again = await page.evaluate(async () => {
      const { error } = await app.auth.registerPasskey();
      return (error as { code?: string } | null)?.code;
    });
    expect(again).toBe("ERROR_AUTHENTICATOR_PREVIOUSLY_REGISTERED");
  });

  test("is refused from a page that is not of the app, though it is on the same machine", async () => {
    const { page } = await bench.visitor();
    await openApp(page, other.origin);
    await addAuthenticator(page);
    await newPerson(page);
    const made = await page.evaluate(async () => {
      const { error } = await app.auth.registerPasskey();
      return (error as { code?: string } | null)?.code;
    });
    expect(made).toBe("webauthn_verification_failed");
  });

  test("needs an authenticator that recognises its person", async () => {
    const { page } = await bench.visitor();
    await openApp(page, pages.origin);
    await addAuthenticator(page, { verifies: false });
    await newPerson(page);
    const made = await page.evaluate(async () => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 1500);
      const { error } = await app.auth.registerPasskey({ options: { signal: controller.signal } });
      return error?.message ?? null;
    });
    expect(made).not.toBeNull();
  });

  test("that the server removed is gone", async () => {
    const { page } = await bench.visitor();
    await openApp(page, pages.origin);
    await addAuthenticator(page);
    await newPerson(page);
    const made = await page.evaluate(() => app.auth.registerPasskey());
    const user = await page.evaluate(async () => (await app.auth.getUser()).data.user?.id);
    const path = `${server.url}/auth/v1/admin/users/${user}/passkeys/${made.data?.id}`;
    const headers = { authorization: `Bearer ${server.secretKey}` };
    expect((await fetch(path, { method: "DELETE", headers })).status).toBe(204);
    const list = await page.evaluate(() => app.auth.passkey.list());
    expect(list.data).toEqual([]);
  });
});

describe("a security key", () => {
  test("is enrolled as a second factor, and asked for after the password", async () => {
    const { page, complaints } = await bench.visitor();
    await openApp(page, pages.origin);
    await addAuthenticator(page, { passkeys: false, verifies: false });
    const email = await newPerson(page);
    const enrolled = await page.evaluate(async () => {
      const { error } = await app.auth.mfa.webauthn.register({ friendlyName: "Blue key" });
      return error?.message ?? null;
    });
    expect(enrolled).toBeNull();
    expect(await levels(page)).toEqual(["aal2", "aal2"]);
    await page.evaluate(
      async (credentials) => {
        await app.auth.signOut();
        await app.auth.signInWithPassword(credentials);
      },
      { email, password: PASSWORD },
    );
    expect(await levels(page)).toEqual(["aal1", "aal2"]);
    const verified = await page.evaluate(async () => {
      const { data } = await app.auth.mfa.listFactors();
      const factorId = data?.webauthn[0]?.id ?? "";
      const { error } = await app.auth.mfa.webauthn.authenticate({ factorId });
      return [data?.webauthn[0]?.friendly_name, error?.message ?? null];
    });
    expect(verified).toEqual(["Blue key", null]);
    expect(await levels(page)).toEqual(["aal2", "aal2"]);
    const refreshed = await page.evaluate(async () => (await app.auth.refreshSession()).error);
    expect(refreshed).toBeNull();
    expect(await levels(page)).toEqual(["aal2", "aal2"]);
    expect(complaints).toEqual([]);
  });

  test("shows its code to a phone as a picture that a browser draws", async () => {
    const { page, complaints } = await bench.visitor();
    await openApp(page, pages.origin);
    await newPerson(page);
    const size = await page.evaluate(async () => {
      const { data } = await app.auth.mfa.enroll({ factorType: "totp" });
      const image = new Image();
      image.src = data?.totp.qr_code ?? "";
      await image.decode();
      return image.naturalWidth;
    });
    expect(size).toBeGreaterThan(100);
    expect(complaints).toEqual([]);
  });
});
