/**
 * Where the vault's master key comes from: the configuration, or a file of the data folder that is
 * made at first boot. The file appears whole or not at all, and the first server to make it wins.
 */
import { chmod, link, open, readFile, rename, rm, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../../core/ports/log.ts";
import type { Rng } from "../../core/ports/rng.ts";
import { sharedErrors } from "../errors.ts";

export interface MasterKeyOptions {
  /** `vault.key`: 64 hexadecimal digits, or base64 of 32 bytes; empty or absent = the file. */
  readonly value?: string;
  /** Absolute; exists. */
  readonly dataDir: string;
  /** `vault.key_file`, absolute. Default: `vault.key` in the data folder. */
  readonly path?: string;
  readonly rng: Rng;
  readonly log: Logger;
}

export const KEY_FILE = "vault.key";
const KEY_BYTES = 32;

/** 32 bytes. @throws vault_key_invalid, and the file system's errors with the path in them. */
export async function loadMasterKey(options: MasterKeyOptions): Promise<Uint8Array> {
  const { value, dataDir, path = join(dataDir, KEY_FILE), rng, log } = options;
  if (value !== undefined && value !== "") {
    return parseKey(value) ?? invalid("The configured vault.key does not have this form");
  }
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

/** A key as text; null when it is none. */
export function parseKey(text: string): Uint8Array | null {
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
  await writeKey(aside, rng.bytes(KEY_BYTES));
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

async function writeKey(path: string, key: Uint8Array): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(`${Buffer.from(key).toString("hex")}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Beside the key's file: the one that is to follow it. */
const nextPath = (path: string) => `${path}.next`;

/** A new key beside the file, on the disk before it is used for anything. */
export async function stageNextKey(path: string, rng: Rng): Promise<Uint8Array> {
  await rm(nextPath(path), { force: true });
  const key = rng.bytes(KEY_BYTES);
  await writeKey(nextPath(path), key);
  await syncFolder(path);
  return key;
}

/** The staged key takes the file's place. */
export async function adoptNextKey(path: string): Promise<void> {
  await rename(nextPath(path), path);
  await syncFolder(path);
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
