/**
 * Which function a call means: overloads are told apart by the names of the arguments, as in
 * docs.postgrest.org, "Functions as RPC / Overloaded functions".
 */
import { errors } from "./errors.ts";
import { nearestName } from "./plan/nearest.ts";
import { type DatabaseFunction, type Schema, tableKey } from "./schema/schema.ts";

export interface FunctionMatch {
  readonly fn: DatabaseFunction;
  /** The one unnamed parameter takes the whole body. */
  readonly takesBody: boolean;
}

/** @param takesJson a single unnamed json or jsonb parameter may take the body (POST). */
export function findFunction(
  schema: Schema,
  schemaName: string,
  name: string,
  args: readonly string[],
  takesJson: boolean,
): FunctionMatch {
  const overloads = schema.functions.get(tableKey(schemaName, name)) ?? [];
  const named = overloads.filter((fn) => accepts(fn, args));
  const [first] = named;
  if (first && named.length === 1) return { fn: first, takesBody: false };
  if (first) throw errors.PGRST203(named.map(signature));
  const whole = takesJson ? overloads.find(takesWholeBody) : undefined;
  if (whole) return { fn: whole, takesBody: true };
  throw errors.PGRST202(`${schemaName}.${name}`, args, hintFor(schema, schemaName, name, args));
}

function accepts(fn: DatabaseFunction, args: readonly string[]): boolean {
  const names = new Set(fn.parameters.map((p) => p.name));
  return (
    !names.has("") &&
    args.every((arg) => names.has(arg)) &&
    fn.parameters.every((p) => !p.required || args.includes(p.name))
  );
}

function takesWholeBody(fn: DatabaseFunction): boolean {
  const [only] = fn.parameters;
  return (
    fn.parameters.length === 1 &&
    only?.name === "" &&
    (only.type === "json" || only.type === "jsonb")
  );
}

function signature(fn: DatabaseFunction): string {
  const list = fn.parameters.map((p) => `${p.name} => ${p.type}`).join(", ");
  return `${fn.schema}.${fn.name}(${list})`;
}

function hintFor(schema: Schema, schemaName: string, name: string, args: readonly string[]) {
  const overloads = schema.functions.get(tableKey(schemaName, name));
  const listed = (names: readonly string[]) => `(${names.toSorted().join(", ")})`;
  const nearest = overloads
    ? nearestName(
        listed(args),
        overloads.map((fn) => listed(fn.parameters.map((p) => p.name))),
        0.33,
      )
    : nearestName(name, namesIn(schema, schemaName), 0.75);
  if (nearest === null) return null;
  return `Perhaps you meant to call the function ${schemaName}.${overloads ? name + nearest : nearest}`;
}

function namesIn(schema: Schema, schemaName: string): string[] {
  return [...schema.functions.values()].flatMap(([fn]) =>
    fn?.schema === schemaName ? [fn.name] : [],
  );
}
