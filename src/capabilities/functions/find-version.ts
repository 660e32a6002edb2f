/** A version by its id or the beginning of it. */
import { functionsErrors } from "./errors.ts";
import type { FunctionVersion } from "./function-version.ts";

/** Beginnings are accepted from this length. */
const PREFIX_MIN = 8;

/** @throws version_not_found, version_ambiguous */
export function findVersion(
  name: string,
  wanted: string,
  versions: readonly FunctionVersion[],
): string {
  const found = versions.filter(({ version }) => version.startsWith(wanted));
  const [first, second] = found;
  if (!first || wanted.length < PREFIX_MIN) throw functionsErrors.version_not_found(name, wanted);
  if (second) throw functionsErrors.version_ambiguous(name, wanted);
  return first.version;
}
