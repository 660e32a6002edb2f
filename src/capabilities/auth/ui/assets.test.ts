/** Files of the pages: ours, and the project's as far as they lie in its folder. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AuthState } from "../auth-state.ts";
import { answerAsset } from "./assets.ts";

let root: string;
let projectDir: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "reactor-assets-"));
  projectDir = join(root, "project");
  mkdirSync(projectDir);
  writeFileSync(join(root, "secret.css"), "secret");
  writeFileSync(join(projectDir, "theme.css"), ":root {}");
  writeFileSync(join(projectDir, "logo.svg"), "<svg/>");
  writeFileSync(join(projectDir, "logo.html"), "<script>");
  symlinkSync(join(root, "secret.css"), join(projectDir, "link.css"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const ask = (
  name: string,
  ui: { logo?: string; css?: string } = {},
  dir: string | null = projectDir,
) =>
  answerAsset(
    {
      config: { ui: { logo: "", css: "", ...ui } },
      deps: { server: { projectDir: dir } },
    } as unknown as AuthState,
    name,
  );
const code = (work: Promise<Response>) =>
  work.then(
    ({ status }) => status,
    (error: { code: string }) => error.code,
  );

test("the style sheet, the script, the theme and the logo are served as what they are", async () => {
  const types = await Promise.all(
    ["pages.css", "passkeys.js", "theme.css", "logo"].map(async (name) => {
      const { headers } = await ask(name, { css: "theme.css", logo: "logo.svg" });
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      return headers.get("content-type");
    }),
  );
  expect(types).toEqual([
    "text/css; charset=utf-8",
    "text/javascript; charset=utf-8",
    "text/css; charset=utf-8",
    "image/svg+xml",
  ]);
});

test("an SVG that is opened by itself runs nothing", async () => {
  const { headers } = await ask("logo", { logo: "logo.svg" });
  expect(headers.get("content-security-policy")).toContain("sandbox");
});

test("nothing outside the project's folder is, nor what is no picture", async () => {
  for (const css of ["../secret.css", "link.css", "missing.css", join("/", "etc", "passwd")]) {
    expect(await code(ask("theme.css", { css }))).toBe("not_found");
  }
  expect(await code(ask("logo", { logo: "logo.html" }))).toBe("not_found");
  expect(await code(ask("theme.css", { css: "theme.css" }, null))).toBe("not_found");
  expect(await code(ask("other"))).toBe("not_found");
});
