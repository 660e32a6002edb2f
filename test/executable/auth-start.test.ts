/**
 * The start of `docs/auth.md` does what it says, as it stands there: what is typed into the second
 * terminal is run by a shell, the files are written as they are named, the page is opened in Chromium.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { dirname, join, resolve } from "node:path";
import type { Page } from "playwright-core";
import { type BrowserBench, openBrowser } from "../browser/chromium.ts";
import { repositoryFile, testUsers } from "../support/executable.ts";
import { executableBench } from "../support/executable-bench.ts";

type Block = readonly [language: string, text: string];
const bench = executableBench("shared");
/** With `index.html`, once the shell has run. */
let app: string;
let printed: string;
let browser: BrowserBench;

/** The fenced blocks of the section, in order. */
function startBlocks(): Block[] {
  const section = /^## Start: [\s\S]*?(?=^## )/m.exec(repositoryFile("docs/auth.md"))?.[0] ?? "";
  const blocks = section.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm);
  return [...blocks].map(([, language = "", text = ""]) => [language, text]);
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const listener = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { port = 0 } = listener;
  await listener.stop(true);
  return port;
}

/** What is typed, with the files written where they are shown; nothing here needs the network. */
async function asScript(blocks: readonly Block[]): Promise<string> {
  const parts = blocks.map(([language, text]) => {
    const name = /^\/\/ (\S+)\n/.exec(text)?.[1];
    return language === "sh" ? text : `cat > ${name} <<'END_OF_FILE'\n${text}END_OF_FILE\n`;
  });
  const modules = resolve(import.meta.dir, "../../node_modules");
  const port = String(await freePort());
  const changes: readonly (readonly [string, string])[] = [
    ["bun add @supabase/supabase-js\n", `ln -s '${modules}' node_modules\n`],
    ["python3 -m http.server --bind 127.0.0.1 8080\n", ""],
    [".listen(3000,", `.listen(${port},`],
    ["http://127.0.0.1:3000 ", `http://127.0.0.1:${port} `],
  ];
  return changes.reduce((script, [from, to]) => {
    expect(script.split(from)).toHaveLength(2);
    return script.replace(from, to);
  }, parts.join("\n"));
}

/** Runs it in the project's folder with `reactor` and `bun` on the path; what it prints. */
async function type(shop: string, script: string): Promise<string> {
  const programs = [dirname(bench.program), dirname(process.execPath), "/usr/bin", "/bin"];
  const child = Bun.spawn(["bash", "-euo", "pipefail", "-c", script], {
    cwd: shop,
    env: { PATH: programs.join(":"), HOME: dirname(shop), NO_COLOR: "1" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) !== 0) throw new Error(`${stdout}\n${stderr}`);
  return stdout;
}

beforeAll(async () => {
  const [first, ...rest] = startBlocks();
  expect(first).toEqual(["sh", "reactor init shop\ncd shop\nreactor dev\n"]);
  const user = testUsers.at(-1);
  const shop = await bench.project(user);
  await bench.start(shop, ["dev", "--port", "0"], user ? { user } : {});
  app = join(dirname(shop), "app");
  printed = await type(shop, await asScript(rest));
  browser = await openBrowser();
});
afterAll(() => browser.close());

test("the shell signs somebody up, and its server and agent do what is said of them", () => {
  for (const part of [
    '"email":"ada@example.com"',
    "ada@example.com has 1 notes\n",
    '"grace@example.com"',
    '"data:notes:read"',
    "Hello, First!\n",
    "insufficient_scope\n",
  ]) {
    expect(printed).toContain(part);
  }
});

async function submit(page: Page, email: string, button: string): Promise<string> {
  const shown = page.locator("pre");
  const before = (await shown.textContent()) ?? "";
  await page.fill("[name=email]", email);
  await page.fill("[name=password]", "a good long password");
  await page.click(`text=${button}`);
  await page.waitForFunction(
    (text) => globalThis.document.querySelector("pre")?.textContent !== text,
    before,
  );
  return (await shown.textContent()) ?? "";
}

test("the page signs people up and in, and shows everybody their own notes", async () => {
  const listener = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch({ url }) {
      const { pathname } = new URL(url);
      const file = Bun.file(join(app, pathname === "/" ? "index.html" : pathname));
      return (await file.exists()) ? new Response(file) : new Response(null, { status: 404 });
    },
  });
  try {
    const { page, complaints } = await browser.visitor();
    await page.goto(listener.url.href);
    expect(JSON.parse(await submit(page, "eve@example.com", "Sign up"))).toHaveLength(1);
    expect(JSON.parse(await submit(page, "eve@example.com", "Sign in"))).toHaveLength(2);
    expect(await submit(page, "ada@example.com", "Sign in")).toContain('"First"');
    expect(await submit(page, "ada@example.com", "Sign up")).toContain("already registered");
    expect(complaints).toEqual([]);
  } finally {
    await listener.stop(true);
  }
});
