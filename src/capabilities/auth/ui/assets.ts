/**
 * What the pages load, all from here: the style sheet, the script for passkeys, and the project's own
 * logo and theme. The project's files are named by the configuration, never by a request.
 */
import { realpath } from "node:fs/promises";
import { extname, join, sep } from "node:path";
import { coreErrors } from "../../../core/errors.ts";
import type { AuthState } from "../auth-state.ts";
import pagesCss from "./pages.css" with { type: "text" };
import passkeysScript from "./passkeys.client.js" with { type: "text" };

const HEADERS = {
  "Cache-Control": "public, max-age=300",
  "Cross-Origin-Resource-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  // An SVG opened by itself must not run what somebody wrote into it.
  "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
} as const;

const PICTURES: Readonly<Record<string, string>> = {
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".webp": "image/webp",
};

const CSS = "text/css; charset=utf-8";

/** @param name last segment of the path. @throws not_found */
export async function answerAsset(state: AuthState, name: string): Promise<Response> {
  const { logo, css } = state.config.ui;
  if (name === "pages.css") return new Response(pagesCss, { headers: typed(CSS) });
  if (name === "passkeys.js") {
    const script = passkeysScript;
    return new Response(script, { headers: typed("text/javascript; charset=utf-8") });
  }
  if (name === "theme.css") return projectFile(state, css, CSS);
  if (name === "logo") return projectFile(state, logo, PICTURES[extname(logo).toLowerCase()]);
  throw coreErrors.not_found(`/auth/ui/_assets/${name}`);
}

const typed = (type: string) => ({ ...HEADERS, "Content-Type": type });

async function projectFile(state: AuthState, path: string, type: string | undefined) {
  const { projectDir } = state.deps.server;
  if (path === "" || projectDir === null || type === undefined) {
    throw coreErrors.not_found("this address");
  }
  const root = await realpath(projectDir);
  const file = await realpath(join(root, path)).catch(() => null);
  // A link that leaves the project is not followed.
  if (file === null || !file.startsWith(root + sep)) throw coreErrors.not_found("this address");
  return new Response(Bun.file(file), { headers: typed(type) });
}
