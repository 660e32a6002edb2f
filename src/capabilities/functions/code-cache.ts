/**
 * Code on this server's disk: `<dataDir>/functions/<sha256>.(js|wasm)`, copied from the database
 * when a version is first called here. A file counts only when its bytes have the hash of its name.
 */
import { rmSync } from "node:fs";
import { chmod, mkdir, open, readdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { FunctionKind } from "../../core/function-settings.ts";
import type { Ids } from "../../core/ports/ids.ts";

export interface CachedCode {
  readonly runtime: FunctionKind;
  readonly codeSha256: string;
}

const SUFFIX: Readonly<Record<FunctionKind, string>> = { bun: "js", wasm: "wasm", lambda: "js" };
const OWN_FILE = /^([0-9a-f]{64})\.(?:js|wasm)(?:\.[0-9a-f-]{36})?$/;

export class CodeCache {
  readonly #dir: string;
  readonly #ids: Ids;
  /** By path: files that this process has checked or is bringing. */
  readonly #files = new Map<string, Promise<string>>();
  /** Paths that were in no one's use at the last sweep. */
  #unused: ReadonlySet<string> = new Set();

  constructor(dir: string, ids: Ids) {
    this.#dir = dir;
    this.#ids = ids;
  }

  /**
   * Absolute path of the code, brought by `fetchCode` if it is not here or not whole. Callers at the
   * same time share the work; a failure is forgotten, so that the next call tries again.
   */
  pathOf(code: CachedCode, fetchCode: () => Promise<Uint8Array>): Promise<string> {
    const path = join(this.#dir, `${code.codeSha256}.${SUFFIX[code.runtime]}`);
    const known = this.#files.get(path);
    if (known) return known;
    const bringing = this.#bring(path, code.codeSha256, fetchCode);
    this.#files.set(path, bringing);
    bringing.catch(() => this.#files.delete(path));
    return bringing;
  }

  async #bring(path: string, sha256: string, fetchCode: () => Promise<Uint8Array>) {
    if (await holds(path, sha256)) return path;
    const bytes = await fetchCode();
    if (hashOf(bytes) !== sha256) throw new Error(`the code ${sha256} is damaged in the database`);
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    const half = `${path}.${this.#ids.uuid()}`;
    const file = await open(half, "wx", 0o600);
    try {
      await file.writeFile(bytes);
    } finally {
      await file.close();
    }
    await rename(half, path);
    return path;
  }

  /**
   * Removes files of code that is in no one's use. Those that this process knows go when a second sweep
   * finds them so: until then, a call that began before may still need one. Sweeps must be further
   * apart than a call can take.
   */
  async sweep(isUsed: (sha256: string) => boolean): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    await chmod(this.#dir, 0o700);
    const unused = new Set<string>();
    for (const name of await readdir(this.#dir)) {
      const sha256 = OWN_FILE.exec(name)?.[1];
      const path = join(this.#dir, name);
      if (!sha256 || isUsed(sha256)) continue;
      unused.add(path);
      if (this.#files.has(path) && !this.#unused.has(path)) continue;
      // In one turn with the look above, so that nobody is given the path meanwhile.
      this.#files.delete(path);
      rmSync(path, { force: true });
    }
    this.#unused = unused;
  }
}

async function holds(path: string, sha256: string): Promise<boolean> {
  const bytes = await readFile(path).catch(() => null);
  return bytes !== null && hashOf(bytes) === sha256;
}

export function hashOf(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}
