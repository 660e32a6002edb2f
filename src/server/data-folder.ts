/**
 * The small files of a data folder that other programs read: `admin.token`, `server.json`. Both are
 * readable by the owner only.
 */
import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Ids } from "../core/ports/ids.ts";
import { StartupError } from "../core/startup-error.ts";

const OWNER_ONLY = 0o600;

/** Contents of `server.json`, present while a server runs. */
export interface ServerFile {
  readonly url: string;
  readonly pid: number;
  readonly admin_token: string;
  readonly version: string;
  /** ISO 8601. */
  readonly started_at: string;
}

/** Creates the folder. @throws StartupError data_folder_unusable (exit code 2) */
export async function prepareDataFolder(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o755 });
    await writeFile(join(dataDir, ".write-test"), "");
    await rm(join(dataDir, ".write-test"));
  } catch (cause) {
    throw new StartupError({
      code: "data_folder_unusable",
      message: `The data folder ${dataDir} cannot be written (${(cause as { code?: string }).code ?? "error"})`,
      hint: "Choose another with --data-dir, or make the folder writable for this user",
      exitCode: 2,
      cause,
    });
  }
}

/** The admin token: configured, else the one in the data folder, else a new one kept there. */
export async function loadAdminToken(dataDir: string, configured: string, ids: Ids) {
  if (configured !== "") return configured;
  const path = join(dataDir, "admin.token");
  const kept = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  // Empty: a crash or a full disk came between making the file and writing it.
  if (kept.trim() !== "") return kept.trim();
  const token = `rct_admin_${ids.token(32)}`;
  await writeWhole(path, `${token}\n`);
  return token;
}

/** The file appears with its content or not at all. */
async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, text, { mode: OWNER_ONLY });
  await chmod(draft, OWNER_ONLY);
  await rename(draft, path);
}

export async function writeServerFile(dataDir: string, file: ServerFile): Promise<void> {
  await writeWhole(join(dataDir, "server.json"), `${JSON.stringify(file, null, 2)}\n`);
}

export async function removeServerFile(dataDir: string): Promise<void> {
  await rm(join(dataDir, "server.json"), { force: true });
}
