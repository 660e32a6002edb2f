/**
 * The private folder for this server's own sockets: short, because a Unix socket's path holds at
 * most 107 bytes, and closed to everybody else.
 */
import { chmodSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Env } from "../../core/config/env.ts";
import { StartupError } from "../../core/startup-error.ts";

/** Name of the private socket in the folder. */
export const GATEWAY_SOCKET = "gateway.sock";

/**
 * An empty folder that only its owner can look into, the same path for the same data folder.
 * @throws StartupError data_folder_in_use when a live server has it
 */
export async function makeRuntimeDir(dataDir: string, env: Env): Promise<string> {
  const uid = process.getuid?.() ?? 0;
  const xdg = env["XDG_RUNTIME_DIR"];
  const bases = [
    ...(xdg && uid !== 0 ? [join(xdg, "reactor")] : []),
    "/run/reactor",
    `/tmp/reactor-${uid}`,
  ];
  const name = `srv-${new Bun.CryptoHasher("sha256").update(dataDir).digest("hex").slice(0, 12)}`;
  const base = bases.find((path) => isOwnFolder(path, uid));
  if (base === undefined) throw noRuntimeFolder(bases);
  const dir = join(base, name);
  // With a database elsewhere no PostgreSQL holds the folder's lock: a live socket shows the other.
  if (await isAnswered(join(dir, GATEWAY_SOCKET))) throw dataFolderInUse(dataDir);
  rmSync(dir, { recursive: true, force: true });
  // Functions of a server that is root have users of their own, who must get through to their folders.
  const mode = uid === 0 ? 0o711 : 0o700;
  mkdirSync(dir, { mode });
  chmodSync(dir, mode);
  return dir;
}

async function isAnswered(socket: string): Promise<boolean> {
  const silent = { data: () => undefined };
  const connection = await Bun.connect({ unix: socket, socket: silent }).catch(() => null);
  connection?.end();
  return connection !== null;
}

function dataFolderInUse(dataDir: string): StartupError {
  return new StartupError({
    code: "data_folder_in_use",
    message: `Another Reactor is using the data folder ${dataDir}`,
    hint: "Stop it, or give this one another --data-dir",
    exitCode: 2,
  });
}

/** Makes it if it can; false for one that somebody else owns or could write to. */
function isOwnFolder(path: string, uid: number): boolean {
  try {
    mkdirSync(path, { mode: uid === 0 ? 0o711 : 0o700 });
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") return false;
  }
  const stat = lstatSync(path);
  return stat.isDirectory() && stat.uid === uid && (stat.mode & 0o022) === 0;
}

function noRuntimeFolder(bases: readonly string[]): StartupError {
  return new StartupError({
    code: "runtime_folder_unusable",
    message: `None of ${bases.join(", ")} can hold this server's sockets`,
    hint: "Set XDG_RUNTIME_DIR to a private folder of this user",
    exitCode: 2,
  });
}
