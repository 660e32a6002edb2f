/**
 * Zips for AWS Lambda, unpacked for the processes that run them: one folder a zip, there as long as one
 * of its processes lives. Owned by the server's user and readable by all, because each process may have
 * a user of its own; the jail lets it read and not write there.
 */
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isZip, readZip, unzipFile, type ZipFile } from "../../core/zip/read-zip.ts";
import { runtimeErrors } from "../errors.ts";
import { BOOTSTRAP, type ZipProgram, zipProgram } from "./zip-program.ts";

export interface CodeFolder {
  readonly path: string;
  readonly program: ZipProgram;
}

interface Kept {
  readonly ready: Promise<CodeFolder>;
  users: number;
}

const SIGNATURE_BYTES = 64;
const MODE = { folder: 0o755, plain: 0o444, executable: 0o555 } as const;

export class CodeFolders {
  readonly #dir: string;
  /** By path of the zip, which its hash names, and handler. */
  readonly #kept = new Map<string, Kept>();
  /** Each has a number: one may be on its way out while the next is made. */
  #made = 0;

  /** @param dir absolute; made when it is needed */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Whether the code is a zip at all. */
  async holds(codePath: string): Promise<boolean> {
    return isZip(await Bun.file(codePath).slice(0, SIGNATURE_BYTES).bytes());
  }

  /**
   * Unpacks the zip unless that is done. Whoever calls must `release` once for each call that did not
   * throw. @throws function_failed, ZipRefused
   */
  async open(name: string, codePath: string, entry: string | null): Promise<CodeFolder> {
    const key = keyOf(codePath, entry);
    const kept = this.#kept.get(key) ?? { ready: this.#unpack(name, codePath, entry), users: 0 };
    this.#kept.set(key, kept);
    kept.users += 1;
    try {
      return await kept.ready;
    } catch (error) {
      if (this.#kept.get(key) === kept) this.#kept.delete(key);
      throw error;
    }
  }

  async release(codePath: string, entry: string | null): Promise<void> {
    const key = keyOf(codePath, entry);
    const kept = this.#kept.get(key);
    if (!kept || --kept.users > 0) return;
    this.#kept.delete(key);
    await rm((await kept.ready).path, { recursive: true, force: true });
  }

  async #unpack(name: string, codePath: string, entry: string | null): Promise<CodeFolder> {
    const files = readZip(await readFile(codePath));
    const program = zipProgram(files, entry);
    if (typeof program === "string") {
      throw runtimeErrors.function_failed(`The function "${name}" cannot be run: ${program}`);
    }
    const path = join(this.#dir, String(++this.#made));
    try {
      await unpackTo(path, files);
    } catch (error) {
      await rm(path, { recursive: true, force: true });
      throw error;
    }
    return { path, program };
  }
}

const keyOf = (codePath: string, entry: string | null) => `${codePath}\0${entry ?? ""}`;

/** Modes are set apart: the server's umask may close what others must read. */
async function unpackTo(folder: string, files: readonly ZipFile[]): Promise<void> {
  const folders = new Set([dirname(folder), folder]);
  for (const { path } of files) {
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
      folders.add(join(folder, path.slice(0, at)));
    }
  }
  for (const path of [...folders].sort()) {
    await mkdir(path, { recursive: true });
    await chmod(path, MODE.folder);
  }
  for (const file of files) {
    const path = join(folder, file.path);
    // Archives that were made elsewhere do not know that a program can be executed.
    const isExecutable = file.isExecutable || file.path === BOOTSTRAP;
    await writeFile(path, await unzipFile(file), { flag: "wx" });
    await chmod(path, isExecutable ? MODE.executable : MODE.plain);
  }
}
