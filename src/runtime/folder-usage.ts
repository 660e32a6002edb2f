/**
 * How much a folder holds, counted only as far as it may: the folder belongs to code that is not ours
 * and may be made to be expensive to count.
 */
import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";

export interface FolderBounds {
  readonly bytes: number;
  /** Files and folders, at any depth. */
  readonly entries: number;
}

/** True as soon as more than `bounds` has been seen. What goes away meanwhile counts as nothing. */
export async function holdsMore(folder: string, bounds: FolderBounds): Promise<boolean> {
  const folders = [folder];
  let bytes = 0;
  let entries = 0;
  for (let path = folders.pop(); path !== undefined; path = folders.pop()) {
    try {
      for await (const entry of await opendir(path)) {
        entries += 1;
        const own = join(path, entry.name);
        if (entry.isDirectory()) folders.push(own);
        // Blocks, not length: a file with a hole takes no room.
        else bytes += (await lstat(own)).blocks * 512;
        if (bytes > bounds.bytes || entries > bounds.entries) return true;
      }
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOENT") throw error;
    }
  }
  return false;
}
