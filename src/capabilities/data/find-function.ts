/**
 * Which function a call means: overloads are told apart by the names of the arguments, and what is
 * left by a single unnamed parameter that takes the body as it is (docs.postgrest.org, "Functions as
 * RPC").
 */
import { errors } from "./errors.ts";
import { nearestName } from "./plan/nearest.ts";
import { type DatabaseFunction, type Schema, tableKey } from "./schema/schema.ts";

export interface FunctionMatch {
  readonly fn: DatabaseFunction;
  /** The one unnamed parameter takes the whole body. */
  readonly takesBody: boolean;
}

/** What a body can be besides named arguments. */
export type WholeBody = "json" | "text" | "xml" | "bytea";

export interface Called {
  readonly schema: string;
  readonly name: string;
  readonly args: readonly string[];
  /** False: the body is a list of other things than like objects, so it can only be taken whole. */
  readonly isUniform: boolean;
  /** What a single unnamed parameter would get; null for GET and for forms. */
  readonly whole: WholeBody | null;
}

export function findFunction(schema: Schema, called: Called): FunctionMatch {
  const overloads = schema.functions.get(tableKey(called.schema, called.name)) ?? [];
  const named = called.isUniform ? overloads.filter((fn) => accepts(fn, called)) : [];
  const [first] = named;
  if (first && named.length === 1) return { fn: first, takesBody: false };
  if (first) throw errors.PGRST203(named.map(signature));
  const whole = overloads.filter((fn) => takesWhole(fn, called.whole));
  const [only] = whole;
  if (only && whole.length === 1) return { fn: only, takesBody: true };
  if (only) throw errors.PGRST203(whole.map(signature));
  if (!called.isUniform) throw errors.PGRST102("All object keys must match");
  throw notFound(schema, called, overloads);
}

function accepts({ parameters }: DatabaseFunction, { args, whole }: Called): boolean {
  // What is no JSON cannot name arguments; it still fits where all of them have defaults.
  if (parameters.length === 0) return args.length === 0 && (whole === null || whole === "json");
  const names = new Set(parameters.map((p) => p.name));
  return (
    args.every((arg) => names.has(arg)) &&
    parameters.every((p) => !p.required || (p.name !== "" && args.includes(p.name)))
  );
}

function takesWhole({ parameters }: DatabaseFunction, whole: WholeBody | null): boolean {
  const [only] = parameters;
  if (whole === null || !only || parameters.length !== 1 || only.name !== "") return false;
  return only.type === whole || (whole === "json" && only.type === "jsonb");
}

function signature(fn: DatabaseFunction): string {
  const list = fn.parameters.map((p) => `${p.name} => ${p.type}`).join(", ");
  return `${fn.schema}.${fn.name}(${list})`;
}

function notFound(
  schema: Schema,
  { schema: schemaName, name, args, whole }: Called,
  overloads: readonly DatabaseFunction[],
) {
  const full = `${schemaName}.${name}`;
  if (whole !== null && whole !== "json") return errors.PGRST202(full, null, whole, null);
  const sorted = args.toSorted();
  const meant = overloads.length > 0 ? nearestArguments(overloads, sorted) : null;
  const nearest =
    overloads.length > 0
      ? meant === null
        ? null
        : `${full}${meant}`
      : nearestFunction(schema, schemaName, name);
  const hint = nearest === null ? null : `Perhaps you meant to call the function ${nearest}`;
  return errors.PGRST202(full, sorted, whole === null ? null : "json/jsonb", hint);
}

function nearestArguments(
  overloads: readonly DatabaseFunction[],
  args: readonly string[],
): string | null {
  const listed = (names: readonly string[]) => `(${names.toSorted().join(", ")})`;
  const known = overloads.map((fn) => listed(fn.parameters.map((p) => p.name)));
  return nearestName(listed(args), known, 0.33);
}

function nearestFunction(schema: Schema, schemaName: string, name: string): string | null {
  const known = [...schema.functions.values()].flatMap(([fn]) =>
    fn?.schema === schemaName ? [fn.name] : [],
  );
  const nearest = nearestName(name, known, 0.75);
  return nearest === null ? null : `${schemaName}.${nearest}`;
}
