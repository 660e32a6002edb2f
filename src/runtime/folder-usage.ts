/**
 * How much a folder holds, counted only as far as it may: the folder belongs to code that is not ours
 * and may be made to be expensive to count.
 */
import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";

const BLOCK_BYTES = 512;

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
    const files: string[] = [];
    for await (const entry of await entriesOf(path)) {
      entries += 1;
      if (entries > bounds.entries) return true;
      (entry.isDirectory() ? folders : files).push(join(path, entry.name));
    }
    // Names first: they cost little, and too many of them are found before there are many more.
    for (const file of files) {
      bytes += await bytesOf(file);
      if (bytes > bounds.bytes) return true;
    }
  }
  return false;
}

const entriesOf = (folder: string) => opendir(folder).catch(orElse([]));

/** Blocks, not length: a file with a hole takes no room. */
const bytesOf = (file: string) => lstat(file).then(({ blocks }) => blocks * BLOCK_BYTES, orElse(0));

const orElse =
  <T>(gone: T) =>
  (error: { readonly code?: string }): T => {
    if (error.code === "ENOENT") return gone;
    throw error;
  };
