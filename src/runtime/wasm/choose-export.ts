/** Which export a call means: the one in the path, the configured entry, the function's name, the only one. */
import { runtimeErrors } from "../errors.ts";

/** Throws `export_not_found` (404) with the names there are. */
export function chooseExport(
  name: string,
  callable: readonly string[],
  wanted: { readonly exportName: string | null; readonly entry: string | null },
): string {
  const named = wanted.exportName ?? wanted.entry;
  if (named !== null) {
    if (callable.includes(named)) return named;
    throw runtimeErrors.export_not_found(name, named, callable);
  }
  const own = name.replaceAll("-", "_");
  if (callable.includes(own)) return own;
  const [only] = callable;
  if (only !== undefined && callable.length === 1) return only;
  throw runtimeErrors.export_not_found(name, own, callable);
}
