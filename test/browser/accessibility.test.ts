/** Every page against the rules of WCAG 2.2 AA that a program can check (axe), in both colour schemes. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { startTestServer, type TestServer } from "../support/server.ts";
import { type BrowserBench, openBrowser, type Visitor } from "./chromium.ts";

setDefaultTimeout(120_000);

const AXE = readFileSync(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const ENTRY = [
  "/sign-in",
  "/sign-up",
  "/recover",
  "/code",
  "/sso",
  "/verify?type=recovery&token_hash=x",
];
const ACCOUNT = [
  "",
  "/profile",
  "/password",
  "/two-factor",
  "/passkeys",
  "/sessions",
  "/providers",
  "/apps",
  "/organizations",
  "/api-keys",
].map((section) => `/account${section}`);

let server: TestServer;
let bench: BrowserBench;
beforeAll(async () => {
  server = await startTestServer({ only: ["auth"] });
  bench = await openBrowser();
});
afterAll(async () => {
  await bench.close();
  await server.stop();
});

async function faultsOf(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(async (rules) => {
    const { axe } = globalThis as unknown as {
      axe: { run(node: Document, options: object): Promise<AxeResults> };
    };
    return axe.run(document, { runOnly: rules });
  }, RULES);
  const { pathname } = new URL(page.url());
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html }) => `${pathname}: ${id}: ${html.slice(0, 120)}`),
  );
}

const at = (path: string) => `${server.url.replace("127.0.0.1", "localhost")}/auth/ui${path}`;

async function signUp({ page }: Visitor, scheme: string): Promise<string[]> {
  await page.goto(at("/sign-up"));
  await page.getByLabel("E-mail address").fill(`${scheme}@example.test`);
  await page.getByLabel("Password").fill("short");
  await page.getByRole("button", { name: "Create account" }).click();
  const faults = await faultsOf(page);
  await page.getByLabel("Password").fill("correct horse battery");
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByRole("heading", { name: "Your account" }).waitFor();
  return faults;
}

test.each(["light", "dark"] as const)("in %s colours", async (colorScheme) => {
  // axe is a script of the test's, which the pages' policy would refuse.
  const visitor = await bench.visitor({ colorScheme, bypassCSP: true });
  const { page } = visitor;
  const faults: string[] = [];
  for (const path of ENTRY) {
    await page.goto(at(path));
    faults.push(...(await faultsOf(page)));
  }
  faults.push(...(await signUp(visitor, colorScheme)));
  for (const path of [...ACCOUNT, "/device", "/sign-out", "/logout"]) {
    await page.goto(at(path));
    faults.push(...(await faultsOf(page)));
  }
  await page.goto(at("/account/two-factor"));
  await page.getByRole("button", { name: "Add an authenticator app" }).click();
  faults.push(...(await faultsOf(page)));
  expect(faults).toEqual([]);
});

test("a field that has lost its label is found", async () => {
  const { page } = await bench.visitor({ bypassCSP: true });
  await page.goto(at("/sign-in"));
  await page.evaluate(() => document.querySelector("label")?.remove());
  expect(await faultsOf(page)).toEqual([expect.stringContaining('label: <input id="email"')]);
});
