/**
 * Where a function's key is asked for. The sign before it keeps keys that a URL takes for steps up its
 * path, `.` and `..`, what they are.
 */
export function keyPath(key: string): string {
  if (!key.isWellFormed()) throw new TypeError("A key is well-formed Unicode");
  return `/kv/=${encodeURIComponent(key)}`;
}
