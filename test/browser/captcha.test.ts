/**
 * The widget of a captcha on the pages, in a real browser: the page's policy lets the provider's script
 * and frame in, and its token leaves with the form. What the provider serves is ours, in its place.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startTestServer, type TestServer } from "../support/server.ts";
import { type BrowserBench, openBrowser } from "./chromium.ts";

const PROVIDER = "https://challenges.cloudflare.com";
const PASSWORD = "correct horse battery";

/** As the real one does: a frame of the provider's, and an input with the token in the same form. */
const WIDGET = `
  for (const place of document.querySelectorAll(".cf-turnstile")) {
    const frame = document.createElement("iframe");
    frame.src = "${PROVIDER}/frame";
    frame.title = "Captcha " + place.dataset.sitekey;
    const input = document.createElement("input");
    input.type = "hidden";
    input.name = "cf-turnstile-response";
    frame.addEventListener("load", () => { input.value = "solved"; place.dataset.done = "yes"; });
    place.append(frame, input);
  }`;

const tokens: (string | null)[] = [];
const verifier = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    const form = new URLSearchParams(await request.text());
    tokens.push(form.get("response"));
    return Response.json({ success: form.get("response") === "solved", "error-codes": [] });
  },
});
let server: TestServer;
let bench: BrowserBench;
beforeAll(async () => {
  const auth = {
    "captcha.provider": "turnstile",
    "captcha.secret": "site-secret",
    "captcha.site_key": "site-key",
    "captcha.url": `${verifier.url.href}siteverify`,
  };
  server = await startTestServer({ only: ["auth"], config: { auth } });
  bench = await openBrowser();
});
afterAll(async () => {
  await bench.close();
  await server.stop();
  await verifier.stop(true);
});

test("the widget is shown, and what it solved lets the person in", async () => {
  const { page, context, complaints } = await bench.visitor();
  await context.route(`${PROVIDER}/**`, (route) =>
    route.request().url().endsWith("/api.js")
      ? route.fulfill({ contentType: "text/javascript", body: WIDGET })
      : route.fulfill({ contentType: "text/html", body: "<p>A task</p>" }),
  );
  await page.goto(`${server.url}/auth/ui/sign-up`);
  await page.locator(".cf-turnstile[data-done]").waitFor();
  const frame = page.frameLocator('iframe[title="Captcha site-key"]');
  expect(await frame.locator("p").textContent()).toBe("A task");
  await page.getByLabel("E-mail address").fill("ada@example.test");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByRole("heading", { name: "Your account", level: 1 }).waitFor();
  expect(tokens).toEqual(["solved"]);
  expect(complaints).toEqual([]);
});

test("where its script does not come, the person is told, and nobody is asked", async () => {
  tokens.length = 0;
  const { page, context } = await bench.visitor();
  await context.route(`${PROVIDER}/**`, (route) => route.abort());
  await page.goto(`${server.url}/auth/ui/sign-in`);
  await page.getByLabel("E-mail address").fill("ada@example.test");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByLabel("Password").press("Enter");
  await page.getByRole("alert").waitFor();
  expect(await page.getByRole("alert").textContent()).toContain(
    "It could not be checked that a person sends this.",
  );
  expect(tokens).toEqual([]);
});
