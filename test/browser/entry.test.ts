/** Signing up, in and out in a real browser: with and without scripts, by keyboard, themed, not framed. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestServer, type TestServer } from "../support/server.ts";
import { type BrowserBench, openBrowser } from "./chromium.ts";

const PASSWORD = "correct horse battery";
const LOGO =
  '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><circle r="20"/></svg>';

let server: TestServer;
let bench: BrowserBench;
let project: string;
beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), "reactor-browser-"));
  writeFileSync(join(project, "theme.css"), ":root { --ui-accent: rgb(1, 120, 3); }");
  writeFileSync(join(project, "logo.svg"), LOGO);
  const auth = { "ui.name": "Notes & Co", "ui.css": "theme.css", "ui.logo": "logo.svg" };
  server = await startTestServer({ only: ["auth"], project, config: { auth } });
  bench = await openBrowser();
});
afterAll(async () => {
  await bench.close();
  await server.stop();
  rmSync(project, { recursive: true, force: true });
});

const at = (path: string) => `${server.url}/auth/ui${path}`;

describe.each([true, false])("with scripts: %p", (javaScriptEnabled) => {
  const email = `ada-${javaScriptEnabled}@example.test`;

  test("a person signs up, sees the account, signs out and in again", async () => {
    const { page, complaints } = await bench.visitor({ javaScriptEnabled });
    await page.goto(at("/account"));
    expect(new URL(page.url()).pathname).toBe("/auth/ui/sign-in");
    await page.getByRole("link", { name: "Create an account" }).click();
    await page.getByLabel("E-mail address").fill(email);
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Create account" }).click();
    await page.getByRole("heading", { name: "Your account", level: 1 }).waitFor();
    expect(await page.locator("main").textContent()).toContain(email);
    await page.getByRole("link", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.goBack();
    await page.goto(at("/account"));
    await page.getByLabel("E-mail address").fill(email);
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByLabel("Password").press("Enter");
    await page.getByRole("heading", { name: "Your account" }).waitFor();
    expect(complaints).toEqual([]);
  });

  test("a wrong password is told, tied to nothing that would say which part was wrong", async () => {
    const { page } = await bench.visitor({ javaScriptEnabled });
    await page.goto(at("/sign-in"));
    await page.getByLabel("E-mail address").fill(email);
    await page.getByLabel("Password").fill("not the right one");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("alert").textContent()).toContain("Invalid login credentials.");
    expect(await page.getByLabel("E-mail address").inputValue()).toBe(email);
    expect(await page.getByLabel("Password").inputValue()).toBe("");
  });
});

test("a fault is read out with its field, and the link in the notice leads there", async () => {
  const { page } = await bench.visitor();
  await page.goto(at("/sign-up"));
  await page.getByLabel("E-mail address").fill("short@example.test");
  await page.getByLabel("Password").fill("short");
  await page.getByRole("button", { name: "Create account" }).click();
  const field = page.getByLabel("Password");
  await page.getByRole("alert").getByRole("link").click();
  expect(await field.getAttribute("aria-invalid")).toBe("true");
  const described = (await field.getAttribute("aria-describedby")) ?? "";
  const texts = await Promise.all(
    described.split(" ").map((id) => page.locator(`#${id}`).textContent()),
  );
  expect(texts.join(" ")).toContain("at least 8 characters");
});

test("the theme, the name and the logo are the project's", async () => {
  const { page, complaints } = await bench.visitor();
  await page.goto(at("/sign-in"));
  expect(await page.title()).toBe("Sign in · Notes & Co");
  const button = page.getByRole("button", { name: "Sign in" });
  const colour = await button.evaluate((node) => getComputedStyle(node).backgroundColor);
  expect(colour).toBe("rgb(1, 120, 3)");
  // Else the browser asks for /favicon.ico, which is nobody's.
  const icon = await page.locator('link[rel="icon"]').getAttribute("href");
  expect(icon).toBe("/auth/ui/_assets/logo");
  const logo = page.locator("header img");
  expect(await logo.evaluate((node) => (node as HTMLImageElement).naturalWidth)).toBe(40);
  expect(complaints).toEqual([]);
});

test("on a narrow screen nothing runs off the side", async () => {
  const { page } = await bench.visitor({ viewport: { width: 320, height: 640 } });
  for (const path of ["/sign-in", "/sign-up"]) {
    await page.goto(at(path));
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width).toBeLessThanOrEqual(320);
  }
});

/** A page of somebody else, which the browser takes for another site than 127.0.0.1. */
function hostilePage(html: string) {
  const site = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response(html, { headers: { "Content-Type": "text/html" } }),
  });
  return { url: `http://localhost:${site.port}/`, stop: () => site.stop(true) };
}

test("another site cannot frame a page", async () => {
  const site = hostilePage(`<iframe src="${at("/sign-in")}"></iframe>`);
  const { page } = await bench.visitor();
  await page.goto(site.url);
  const frame = page.frames().find((one) => one !== page.mainFrame());
  expect(await frame?.locator("form").count()).toBe(0);
  await site.stop();
});

test("another site cannot send a form in a person's name", async () => {
  const { page, context } = await bench.visitor();
  await page.goto(at("/sign-up"));
  await page.getByLabel("E-mail address").fill("victim@example.test");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByRole("heading", { name: "Your account" }).waitFor();
  const site = hostilePage(
    `<form method="post" action="${at("/sign-out")}"><button>Win a prize</button></form>`,
  );
  const other = await context.newPage();
  await other.goto(site.url);
  const [answer] = await Promise.all([
    other.waitForResponse((response) => response.url() === at("/sign-out")),
    other.getByRole("button").click(),
  ]);
  expect(answer.status()).toBe(403);
  await page.goto(at("/account"));
  expect(await page.locator("main").textContent()).toContain("victim@example.test");
  await site.stop();
});
