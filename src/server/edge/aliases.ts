/**
 * Paths by which clients of other ecosystems know the same thing. Rewritten before routing; never a
 * second implementation.
 */
const ALIASES: readonly (readonly [from: string, to: string])[] = [
  ["/rest/v1", "/data/v1"],
  ["/functions/v1", "/fn/v1"],
];

/** The canonical path for `path`. */
export function canonicalPath(path: string): string {
  for (const [from, to] of ALIASES) {
    if (path.startsWith(from) && (path.length === from.length || path[from.length] === "/")) {
      return to + path.slice(from.length);
    }
  }
  return path;
}
