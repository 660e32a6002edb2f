/**
 * Where the vault's master key comes from: the configuration, or a file of the data folder that is
 * made at first boot. The file appears whole or not at all, and the first server to make it wins.
 */
import { chmod, link, open, readFile, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../../core/ports/log.ts";
import type { Rng } from "../../core/ports/rng.ts";
import { sharedErrors } from "../errors.ts";

export interface MasterKeyOptions {
  /** `vault.key`: 64 hexadecimal digits, or base64 of 32 bytes; empty or absent = the file. */
  readonly value?: string;
  /** Absolute; exists. */
  readonly dataDir: string;
  readonly rng: Rng;
  readonly log: Logger;
}

export const KEY_FILE = "vault.key";

/** 32 bytes. @throws vault_key_invalid, and the file system's errors with the path in them. */
export async function loadMasterKey(options: MasterKeyOptions): Promise<Uint8Array> {
  const { value, dataDir, rng, log } = options;
  if (value !== undefined && value !== "") {
    return parseKey(value) ?? invalid("The configured vault.key does not have this form");
  }
  const path = join(dataDir, KEY_FILE);
  const text = (await readIfThere(path)) ?? (await makeFile(path, rng, log));
  const mode = (await stat(path)).mode & 0o777;
  if ((mode & 0o077) !== 0) {
    log.warn("vault.key_file_was_readable_by_others", { path, mode: mode.toString(8) });
    await chmod(path, 0o600);
  }
  return parseKey(text.trim()) ?? invalid(`${path} does not have this form`);
}

function invalid(reason: string): never {
  throw sharedErrors.vault_key_invalid(reason);
}

function parseKey(text: string): Uint8Array | null {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return new Uint8Array(Buffer.from(text, "hex"));
  // 32 bytes are 43 characters and one of padding, in either alphabet.
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return null;
  const bytes = new Uint8Array(Buffer.from(text, "base64"));
  return bytes.byteLength === 32 ? bytes : null;
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

/** Writes aside, then links into place: `link` fails when the name is taken, and never half-done. */
async function makeFile(path: string, rng: Rng, log: Logger): Promise<string> {
  const aside = `${path}.${Buffer.from(rng.bytes(8)).toString("hex")}`;
  const text = `${Buffer.from(rng.bytes(32)).toString("hex")}\n`;
  const file = await open(aside, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(aside, path);
    log.info("vault.key_created", { path });
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  } finally {
    await unlink(aside);
  }
  await syncFolder(path);
  return readFile(path, "utf8");
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(join(path, ".."), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string } | null)?.code;
}
