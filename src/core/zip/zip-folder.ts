/** A folder as a zip archive: how a Lambda function that is not bundled is deployed. */
import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { ZIP_ENTRIES_MAX, ZIP_UNPACKED_MAX } from "./read-zip.ts";
import { type FileToZip, writeZip } from "./write-zip.ts";

/**
 * Everything below `folder` but what begins with a dot (`.git`, `.env`). Links are followed as long as
 * they stay inside. @throws Error that names a link which leads out, or a bound that is passed
 */
export function zipFolder(folder: string): Uint8Array {
  const root = realpathSync(folder);
  const files: FileToZip[] = [];
  let bytes = 0;
  const take = (at: string, within: readonly string[]) => {
    const real = realpathSync(at);
    if (real !== root && !real.startsWith(root + sep)) {
      throw new Error(`${relative(root, at)} is a link that leads out of ${folder}`);
    }
    const stat = statSync(real);
    if (stat.isDirectory()) {
      // A link to a folder above would never end.
      if (within.includes(real)) throw new Error(`${relative(root, at)} is a link to itself`);
      for (const name of readdirSync(real).sort()) {
        if (!name.startsWith(".")) take(join(at, name), [...within, real]);
      }
    } else if (stat.isFile()) {
      bytes += stat.size;
      if (bytes > ZIP_UNPACKED_MAX || files.length >= ZIP_ENTRIES_MAX) {
        throw new Error(
          `${folder} holds more than ${ZIP_UNPACKED_MAX} bytes or ${ZIP_ENTRIES_MAX} files`,
        );
      }
      const path = relative(root, at).replaceAll(sep, "/");
      const isExecutable = (stat.mode & 0o111) !== 0;
      files.push({ path, content: readFileSync(real), isExecutable });
    }
  };
  take(root, []);
  return writeZip(files);
}
