/**
 * An unchanged auth-js in Chromium leaves for a mailbox or a real OpenID Connect provider, comes back
 * to its page and finds its session in the address by itself, on the compiled file.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { CLIENT, type OidcIssuer, startOidcIssuer } from "../auth/oidc-issuer.ts";
import { type AppPage, openApp, openAppPage } from "../browser/app-page.ts";
import { type BrowserBench, openBrowser } from "../browser/chromium.ts";
import type { RunningExecutable } from "../support/executable.ts";
import { executableBench } from "../support/executable-bench.ts";
import { until } from "../support/until.ts";

const PASSWORD = "correct horse battery";
const bench = executableBench("shared");
let app: AppPage;
let browser: BrowserBench;
let idp: OidcIssuer;
let server: RunningExecutable;

beforeAll(async () => {
  app = await openAppPage();
  idp = await startOidcIssuer(["http://127.0.0.1/not-yet"]);
  const project = bench.folder();
  const settings = [
    "[auth]",
    `site_url = "${app.origin}"`,
    'provider_networks = ["127.0.0.0/8"]',
    "[auth.providers.acme]",
    ...Object.entries({ ...CLIENT, issuer: idp.issuer }).map(([key, one]) => `${key} = "${one}"`),
  ];
  writeFileSync(join(project, "reactor.toml"), `${settings.join("\n")}\n`);
  server = await bench.start(project, ["serve", "--port", "0"]);
  idp.register([`${server.url}/auth/v1/callback`]);
  browser = await openBrowser();
});
afterAll(async () => {
  await browser.close();
  await idp.close();
  await app.stop();
});

interface Message {
  readonly to: string;
  readonly text: string;
}

async function mailedLink(email: string): Promise<string> {
  const headers = { accept: "application/json", apikey: server.status.secret_key };
  return until(`a link to ${email}`, async () => {
    const answer = await fetch(`${server.url}/auth/ui/_inbox`, { headers });
    const { messages } = (await answer.json()) as { messages: readonly Message[] };
    const mine = messages.find(({ to }) => to === email);
    return /https?:\/\/\S+\/verify\?\S+/.exec(mine?.text ?? "")?.[0] ?? null;
  });
}

/** What the app's page says, once it is there again and says something. */
const told = <Value>(page: Page, what: string, read: () => Promise<Value | null>) =>
  // Asked in the middle of a redirect, a page is gone before it answers.
  until(what, () => page.evaluate(read).catch(() => null));

/** Whose session the page has, once it is back with one; nothing of it may be left in the address. */
async function signedInAs(page: Page): Promise<string> {
  const email = await told(page, "a session", async () => {
    const { data } = (await globalThis.app?.auth.getSession()) ?? {};
    return data?.session?.user.email ?? null;
  });
  expect(page.url()).toStartWith(app.origin);
  expect(page.url()).not.toMatch(/code=|token=/);
  const { error } = await page.evaluate(() => globalThis.app.auth.refreshSession());
  expect(error).toBeNull();
  return email;
}

async function visitor(flowType: "implicit" | "pkce") {
  app.serve({ url: server.url, publishableKey: server.status.publishable_key, flowType });
  const { page, complaints } = await browser.visitor();
  await openApp(page, app.origin);
  return { page, complaints };
}

const eventsOf = (page: Page) => page.evaluate(() => globalThis.events);

describe.each(["implicit", "pkce"] as const)("%s:", (flow) => {
  test("a magic link signs in, and another one lets a new password be set", async () => {
    const { page, complaints } = await visitor(flow);
    const email = `${flow}-link@example.test`;
    const asked = await page.evaluate(
      (to) => globalThis.app.auth.signInWithOtp({ email: to }),
      email,
    );
    expect(asked.error).toBeNull();
    await page.goto(await mailedLink(email));
    expect(await signedInAs(page)).toBe(email);

    const before = await mailedLink(email);
    await page.evaluate((to) => globalThis.app.auth.resetPasswordForEmail(to), email);
    await until("the second mail", async () => (await mailedLink(email)) !== before);
    await page.goto(await mailedLink(email));
    await page.waitForFunction(() => globalThis.events?.includes("PASSWORD_RECOVERY"));
    expect(await signedInAs(page)).toBe(email);
    const changed = await page.evaluate(
      (password) => globalThis.app.auth.updateUser({ password }),
      PASSWORD,
    );
    expect(changed.error).toBeNull();
    expect(complaints).toEqual([]);
  });

  test("a provider signs in, and another identity is linked", async () => {
    const { page, complaints } = await visitor(flow);
    const email = `${flow}-oidc@example.test`;
    idp.become(`${flow}-1`, { email, email_verified: true });
    await page.evaluate(() => {
      void globalThis.app.auth.signInWithOAuth({ provider: "acme" as "google" });
    });
    expect(await signedInAs(page)).toBe(email);
    expect(await eventsOf(page)).toContain("SIGNED_IN");

    idp.become(`${flow}-2`, { email: `other-${email}`, email_verified: true });
    await page.evaluate(() => {
      const { auth } = globalThis.app;
      // So that what is asked from here on is asked of the page that comes back.
      Reflect.deleteProperty(globalThis, "app");
      const options = { queryParams: { prompt: "login" } };
      void auth.linkIdentity({ provider: "acme" as "google", options });
    });
    const addresses = await told(page, "two identities", async () => {
      const { data } = (await globalThis.app?.auth.getUserIdentities()) ?? {};
      return data?.identities[1]
        ? data.identities.map((one) => one.identity_data?.["email"])
        : null;
    });
    expect(addresses).toEqual([email, `other-${email}`]);
    expect(await signedInAs(page)).toBe(email);
    expect(complaints).toEqual([]);
  });
});
