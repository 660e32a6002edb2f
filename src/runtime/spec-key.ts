/** What makes two calls of one function share a process: code and settings, not only the code. */
import type { FunctionSpec } from "../core/ports/function-runtime.ts";

const keys = new WeakMap<FunctionSpec, string>();

/** `<name>@<version>#<settings>`: a changed variable takes effect with the next call. */
export function specKey(spec: FunctionSpec): string {
  const known = keys.get(spec);
  if (known !== undefined) return known;
  const { memoryBytes, concurrency } = spec.limits;
  const settings = JSON.stringify([spec.config, spec.env, memoryBytes, concurrency]);
  const key = `${versionKey(spec.name, spec.version)}${Bun.hash(settings).toString(36)}`;
  keys.set(spec, key);
  return key;
}

/** What all keys of one version begin with. */
export function versionKey(name: string, version: string): string {
  return `${name}@${version}#`;
}
