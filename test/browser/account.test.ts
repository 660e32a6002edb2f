/**
 * The account in a real browser: passkeys and security keys with Chromium's virtual authenticator, an
 * authenticator app, an app that has its sign-in done here, and an OAuth client that asks for consent.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHmac } from "node:crypto";
import type { Page } from "playwright-core";
import { startTestServer, type TestServer } from "../support/server.ts";
import { type AppPage, addAuthenticator, openApp, openAppPage } from "./app-page.ts";
import { type BrowserBench, openBrowser } from "./chromium.ts";

setDefaultTimeout(120_000);

const PASSWORD = "correct horse battery";
let server: TestServer;
let bench: BrowserBench;
let app: AppPage;
let origin: string;
let count = 0;

beforeAll(async () => {
  app = await openAppPage();
  const auth = { redirect_urls: [`${app.origin}/**`] };
  server = await startTestServer({ only: ["auth"], config: { auth } });
  // Authenticators know domains, not addresses.
  origin = server.url.replace("127.0.0.1", "localhost");
  app.serve({ url: origin, publishableKey: server.publishableKey });
  bench = await openBrowser();
});
afterAll(async () => {
  await bench.close();
  await server.stop();
  await app.stop();
});

const at = (path: string) => `${origin}/auth/ui${path}`;

async function signUp(page: Page): Promise<string> {
  const email = `account-${++count}@example.test`;
  await page.goto(at("/sign-up"));
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByRole("heading", { name: "Your account" }).waitFor();
  return email;
}

async function signIn(page: Page, email: string): Promise<void> {
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

async function signOut(page: Page): Promise<void> {
  await page.goto(at("/sign-out"));
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
}

/** RFC 6238, from the text of the page. */
function totp(secret: string, ahead = 0): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret].map((c) => letters.indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead));
  const mac = createHmac("sha1", key).update(counter).digest();
  const offset = (mac.at(-1) ?? 0) & 15;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

test("a passkey is added, signs in without a name or a password, and is removed", async () => {
  const { page, complaints } = await bench.visitor();
  await addAuthenticator(page);
  const email = await signUp(page);
  await page.getByRole("link", { name: "Passkeys" }).click();
  await page.getByRole("button", { name: "Add a passkey" }).click();
  await page.getByRole("button", { name: "Create the passkey" }).click();
  await page.getByRole("status").waitFor();
  expect(await page.getByRole("status").textContent()).toContain("It is added.");
  await signOut(page);
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await page.getByRole("heading", { name: "Your account" }).waitFor();
  expect(await page.locator("main").textContent()).toContain(email);
  await page.goto(at("/account/passkeys"));
  await page.getByRole("button", { name: /^Remove/ }).click();
  await page.getByRole("status").waitFor();
  expect(await page.getByRole("button", { name: /^Remove/ }).count()).toBe(0);
  expect(complaints).toEqual([]);
});

test("an authenticator that refuses is told beside the button, and another way is offered", async () => {
  const { page } = await bench.visitor();
  const { session, id } = await addAuthenticator(page);
  await page.goto(at("/sign-in"));
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await session.send("WebAuthn.setUserVerified", { authenticatorId: id, isUserVerified: false });
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await page.getByRole("alert").getByText("The authenticator was not used.").waitFor();
  await page.getByRole("link", { name: "Use another way" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
});

test("an authenticator app is scanned, asked for at the next sign-in, and a recovery code does too", async () => {
  const { page, complaints } = await bench.visitor();
  const email = await signUp(page);
  await page.getByRole("link", { name: "Two-factor" }).click();
  await page.getByRole("button", { name: "Add an authenticator app" }).click();
  const picture = page.getByRole("img", { name: /QR code/ });
  expect(await picture.evaluate((node) => (node as HTMLImageElement).naturalWidth)).toBeGreaterThan(
    50,
  );
  const secret = (await page.locator("ol code").textContent()) ?? "";
  await page.getByLabel("Six digits that the app shows").fill(totp(secret));
  await page.getByRole("button", { name: "Turn it on" }).click();
  await page.getByRole("button", { name: "Make codes" }).click();
  const [recovery = ""] = await page.locator("ul.code li").allTextContents();
  await signOut(page);
  await signIn(page, email);
  await page.getByRole("heading", { name: "Confirm it is you" }).waitFor();
  await page.goto(at("/account/password"));
  await page.getByRole("heading", { name: "Confirm it is you" }).waitFor();
  // The step of a moment ago is spent.
  await page.getByLabel(/Code of your authenticator app/).fill(totp(secret, 1));
  await page.getByRole("button", { name: "Confirm" }).click();
  await page.getByRole("heading", { name: "Password" }).waitFor();
  await signOut(page);
  await signIn(page, email);
  await page.getByText("Use a recovery code").click();
  await page.getByLabel("Recovery code").fill(recovery);
  await page.getByRole("button", { name: "Use this code" }).click();
  await page.getByRole("heading", { name: "Your account" }).waitFor();
  expect(complaints).toEqual([]);
});

test("a security key is added and asked for", async () => {
  const { page, complaints } = await bench.visitor();
  await addAuthenticator(page);
  const email = await signUp(page);
  await page.goto(at("/account/two-factor"));
  await page.getByRole("button", { name: "Add a security key" }).click();
  await page.getByRole("button", { name: "Use the key" }).click();
  await page.getByRole("status").waitFor();
  await signOut(page);
  await signIn(page, email);
  await page.getByRole("button", { name: /Use your security key/ }).click();
  await page.getByRole("button", { name: "Use the key" }).click();
  await page.getByRole("heading", { name: "Your account" }).waitFor();
  expect(complaints).toEqual([]);
});

describe("for others", () => {
  test("an app of another origin has its sign-in done here and gets a session", async () => {
    const { page, complaints } = await bench.visitor();
    const email = await signUp(page);
    await signOut(page);
    await openApp(page, app.origin);
    // What supabase-js keeps for `exchangeCodeForSession` when it begins a PKCE flow by itself.
    const challenge = await page.evaluate(async () => {
      const bytes = crypto.getRandomValues(new Uint8Array(48));
      const text = (data: Uint8Array) =>
        btoa(String.fromCharCode(...data))
          .replace(/\+/g, "-")
          .replace(/\//g, "_")
          .replace(/=+$/, "");
      const verifier = text(bytes);
      sessionStorage.setItem("verifier", verifier);
      const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
      return text(new Uint8Array(hash));
    });
    const query = new URLSearchParams({
      redirect_to: `${app.origin}/signed-in`,
      code_challenge: challenge,
      code_challenge_method: "s256",
      state: "s-1",
    });
    await page.goto(`${at("/sign-in")}?${query}`);
    await signIn(page, email);
    await page.waitForURL(`${app.origin}/signed-in?**`);
    const url = new URL(page.url());
    expect(url.searchParams.get("state")).toBe("s-1");
    const body = { auth_code: url.searchParams.get("code") };
    const answered = await page.evaluate(
      async ({ endpoint, body: sent }) => {
        const verifier = sessionStorage.getItem("verifier");
        const answer = await fetch(endpoint, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ ...sent, code_verifier: verifier }),
        });
        return (await answer.json()) as { user?: { email: string } };
      },
      { endpoint: `${origin}/auth/v1/token?grant_type=pkce`, body },
    );
    expect(answered.user?.email).toBe(email);
    expect(complaints).toEqual([]);
  });

  test("an OAuth client asks, the person agrees after signing in, and the code arrives", async () => {
    const { page, complaints } = await bench.visitor();
    const email = await signUp(page);
    await signOut(page);
    const redirectUri = `${app.origin}/oauth`;
    const registered = await fetch(`${server.url}/auth/v1/oauth/clients/register`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        client_name: "Calendar",
        redirect_uris: [redirectUri],
        token_endpoint_auth_method: "none",
      }),
    });
    const { client_id: clientId } = (await registered.json()) as { client_id: string };
    const query = new URLSearchParams({
      client_id: clientId,
      redirect_uri: redirectUri,
      response_type: "code",
      scope: "openid email",
      state: "s-2",
      code_challenge: "x".repeat(43),
      code_challenge_method: "S256",
    });
    await page.goto(`${origin}/auth/v1/oauth/authorize?${query}`);
    await signIn(page, email);
    await page.getByRole("heading", { name: "Connect Calendar to your account?" }).waitFor();
    await page.getByRole("button", { name: "Allow", exact: true }).click();
    await page.waitForURL(`${redirectUri}?**`);
    const url = new URL(page.url());
    expect(url.searchParams.get("state")).toBe("s-2");
    expect(url.searchParams.get("code")).toBeString();
    await page.goto(at("/account/apps"));
    await page.getByRole("button", { name: "Disconnect Calendar" }).click();
    await page.getByText("No app is connected.").waitFor();
    expect(complaints).toEqual([]);
  });
});
