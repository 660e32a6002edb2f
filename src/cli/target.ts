/**
 * Which server a command talks to: `--url` > `--context` > the data folder's server.json > the
 * current context. Environment variables stand in for absent options.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findDataDir, findProjectDir } from "../core/config/project-dir.ts";
import { CliError } from "./cli-error.ts";
import type { CommandContext } from "./command.ts";
import { findContext, readContexts, type SavedContext } from "./contexts.ts";

export interface Target {
  /** Without a trailing slash. */
  readonly url: string;
  readonly adminToken: string | null;
  /** Secret key of the project. */
  readonly key: string | null;
  /** For people: `context prod`, `/srv/shop/.reactor`. */
  readonly from: string;
  readonly tunnel: string | null;
  /** Name of the context that holds a person's login; absent = there is none. */
  readonly loginOf?: string;
  /** Process on this machine; null when the server is elsewhere or unknown. */
  readonly pid: number | null;
  readonly dataDir: string | null;
}

interface ServerFile {
  readonly url: string;
  readonly pid: number;
  readonly admin_token: string;
}

/**
 * @param isNear the current context does not count: for what must not hit a server elsewhere because
 * the one here happens not to run.
 * @throws CliError `server_not_found` (exit 6), `context_not_found`, `invalid_argument`
 */
export function findTarget(context: CommandContext, isNear = false): Target {
  const { env } = context.host;
  const found = targetByOption(context) ?? targetByEnv(context) ?? targetByDefault(context, isNear);
  const token = context.option("token") ?? (env["REACTOR_TOKEN"] || undefined);
  const tunnel = context.option("tunnel") ?? found.tunnel;
  const credentials = token === undefined ? {} : credentialsOf(token);
  return { ...found, ...credentials, tunnel, url: checkUrl(found.url) };
}

/**
 * A project's secret key says so in its prefix. A JSON Web Token opens the data API alone, as it does
 * where there are no keys (`data.db_uri`). Anything else is an admin token.
 */
export function credentialsOf(token: string): { adminToken: string | null; key: string | null } {
  return token.startsWith("sb_secret_") || /^eyJ[\w-]*\.[\w-]+\.[\w-]+$/.test(token)
    ? { adminToken: null, key: token }
    : { adminToken: token, key: null };
}

function targetByOption(context: CommandContext): Target | null {
  const url = context.option("url");
  if (url !== undefined) return ofUrl(url, "--url");
  const name = context.option("context");
  if (name !== undefined) return ofContext(findContext(readContexts(context.host), name));
  const dataDir = context.option("data-dir");
  if (dataDir === undefined) return null;
  const dir = localDataDir(context);
  const found = ofDataDir(dir);
  if (found) return found;
  throw new CliError(
    "network",
    "server_not_running",
    `No server runs on the data folder ${dir}`,
    "Start one with `reactor serve` or `reactor dev`",
  );
}

function targetByEnv(context: CommandContext): Target | null {
  const { REACTOR_URL: url, REACTOR_CONTEXT: name } = context.host.env;
  if (url) return ofUrl(url, "REACTOR_URL");
  return name ? ofContext(findContext(readContexts(context.host), name)) : null;
}

function targetByDefault(context: CommandContext, isNear: boolean): Target {
  const local = ofDataDir(localDataDir(context));
  if (local) return local;
  const file = isNear ? { current: null, contexts: [] } : readContexts(context.host);
  if (file.current !== null) return ofContext(findContext(file, file.current));
  throw new CliError(
    "network",
    "server_not_found",
    isNear ? "No server runs here" : "No server runs here and no context is selected",
    isNear
      ? "Name one with --data-dir, --url or --context"
      : "Start one with `reactor dev`, or name one with --data-dir, --url or --context",
  );
}

/** The data folder on this machine that the options mean, whether a server runs there or not. */
function localDataDir(context: CommandContext): string {
  const { cwd } = context.host;
  const project = findProjectDir(context.option("project"), cwd);
  return findDataDir(context.option("data-dir"), project, cwd);
}

function ofUrl(url: string, from: string): Target {
  return { url, adminToken: null, key: null, from, tunnel: null, pid: null, dataDir: null };
}

function ofContext(saved: SavedContext): Target {
  return {
    ...ofUrl(saved.url, `context ${saved.name}`),
    adminToken: saved.admin_token ?? null,
    key: saved.key ?? null,
    ...(saved.login ? { loginOf: saved.name } : {}),
    tunnel: saved.tunnel ?? null,
  };
}

function ofDataDir(dataDir: string): Target | null {
  let text: string;
  try {
    text = readFileSync(join(dataDir, "server.json"), "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw new CliError(
      "auth",
      "server_file_unreadable",
      `${join(dataDir, "server.json")} cannot be read (${code})`,
      "Run the command as the user who started the server",
    );
  }
  const file = JSON.parse(text) as ServerFile;
  return { ...ofUrl(file.url, dataDir), adminToken: file.admin_token, pid: file.pid, dataDir };
}

/** @throws CliError `invalid_argument` */
export function checkUrl(url: string): string {
  const parsed = URL.parse(url);
  if (parsed && /^https?:$/.test(parsed.protocol) && parsed.search === "" && parsed.hash === "") {
    return parsed.href.replace(/\/+$/, "");
  }
  throw new CliError(
    "user",
    "invalid_argument",
    `'${url}' is not a server's URL`,
    "Write it like https://api.example.com or http://127.0.0.1:7890",
  );
}

export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d+){3}$/.test(hostname);
}
