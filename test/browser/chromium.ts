/**
 * Debian's Chromium, driven through playwright-core: one browser for a test file, a fresh profile for
 * each person in it. Whatever a page complains of (a blocked script, a file that is not there) is
 * kept, because a page that works and complains is broken.
 */
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";

const EXECUTABLE = "/usr/bin/chromium";

export interface Visitor {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of the console and of scripts, and answers of our server that are none. */
  readonly complaints: readonly string[];
}

export interface BrowserBench {
  /** Somebody new. */
  visitor(options?: BrowserContextOptions): Promise<Visitor>;
  close(): Promise<void>;
}

export async function openBrowser(): Promise<BrowserBench> {
  // As root, which tests in a container are, Chromium's own sandbox cannot be set up.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({ executablePath: EXECUTABLE, args });
  return {
    visitor: (options) => newVisitor(browser, options),
    close: () => browser.close(),
  };
}

async function newVisitor(browser: Browser, options?: BrowserContextOptions): Promise<Visitor> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(30_000);
  const complaints: string[] = [];
  const page = await context.newPage();
  page.on("console", (message) => {
    // Chromium says so of each answer of 400 and above, which a refused form is.
    const isStatus = /^Failed to load resource: the server responded with a status/.test(
      message.text(),
    );
    if (message.type() === "error" && !isStatus) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("response", (response) => {
    const { pathname } = new URL(response.url());
    if (pathname.includes("/_assets/") && !response.ok())
      complaints.push(`${response.status()} ${pathname}`);
  });
  return { page, context, complaints };
}
