/**
 * Saved servers ("contexts") of this user, in one file readable by its owner only:
 * `$XDG_CONFIG_HOME/reactor/contexts.json`.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { nearestName } from "../core/nearest-name.ts";
import { CliError } from "./cli-error.ts";
import type { CliHost } from "./host.ts";

export interface SavedContext {
  readonly name: string;
  readonly url: string;
  readonly admin_token?: string;
  /** The project's secret key. */
  readonly key?: string;
  /** A person who signed in by a device code. */
  readonly login?: SavedLogin;
  /** `ssh://user@host`: how the server's machine is reached. */
  readonly tunnel?: string;
}

export interface SavedLogin {
  readonly access_token: string;
  /** Works once. */
  readonly refresh_token: string;
  /** Of the access token, seconds since the epoch. */
  readonly expires_at: number;
}

export interface ContextFile {
  /** Name of the context used when nothing else is said; null when there is none. */
  readonly current: string | null;
  readonly contexts: readonly SavedContext[];
}

export const CONTEXT_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;
const OWNER_ONLY = 0o600;

function contextsPath(host: CliHost): string {
  const base = host.env["XDG_CONFIG_HOME"] || join(host.env["HOME"] || homedir(), ".config");
  return join(base, "reactor", "contexts.json");
}

/** @throws CliError `contexts_unreadable` */
export function readContexts(host: CliHost): ContextFile {
  const path = contextsPath(host);
  try {
    const file = JSON.parse(readFileSync(path, "utf8")) as ContextFile;
    if (!Array.isArray(file.contexts)) throw new Error("contexts is not a list");
    return file;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { current: null, contexts: [] };
    const reason = (error as Error).message;
    throw new CliError("config", "contexts_unreadable", `${path} cannot be read: ${reason}`);
  }
}

/** Replaces the file in one step, so that an interrupted write loses nothing. */
export function writeContexts(host: CliHost, file: ContextFile): void {
  const path = contextsPath(host);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(file, null, 2)}\n`, { mode: OWNER_ONLY });
  chmodSync(draft, OWNER_ONLY);
  renameSync(draft, path);
}

/** @throws CliError `context_not_found` */
export function findContext(file: ContextFile, name: string): SavedContext {
  const found = file.contexts.find((context) => context.name === name);
  if (found) return found;
  const known = file.contexts.map((context) => context.name);
  const nearest = nearestName(name, known);
  const hint = nearest === null ? "`reactor context list` shows them" : `Did you mean ${nearest}?`;
  throw new CliError("config", "context_not_found", `There is no context '${name}'`, hint);
}

/** The file with `context` added or replaced; the first one becomes current. */
export function withContext(file: ContextFile, context: SavedContext): ContextFile {
  const others = file.contexts.filter(({ name }) => name !== context.name);
  const contexts = [...others, context].sort((a, b) => (a.name < b.name ? -1 : 1));
  return { current: file.current ?? context.name, contexts };
}
