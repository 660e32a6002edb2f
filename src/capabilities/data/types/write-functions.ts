/** Functions as TypeScript: arguments, results, overloads, and the fields that they add to rows. */
import { arrayOf, block, type Doc, inline, type Member, propertyName, union } from "./layout.ts";
import type { TypedArgument, TypedFunction, TypedRelation } from "./type-catalog.ts";
import { orNull, rowMembers, type TypeScope } from "./typescript-type.ts";

const INPUT = new Set(["i", "b", "v"]);
const OUTPUT = new Set(["b", "o", "t"]);

/** Overloads in one list. Those that no request can call are left out: several unnamed arguments. */
export function groupFunctions(
  functions: readonly TypedFunction[],
): ReadonlyMap<string, readonly TypedFunction[]> {
  const callable = functions.filter((fn) => {
    const inputs = inputsOf(fn);
    return inputs.length === 1 || inputs.every(({ name }) => name !== "");
  });
  return Map.groupBy(callable, (fn) => fn.name);
}

function inputsOf(fn: TypedFunction): TypedArgument[] {
  return fn.arguments.filter(({ mode }) => INPUT.has(mode));
}

export function functionMembers(
  groups: ReadonlyMap<string, readonly TypedFunction[]>,
  scope: TypeScope,
): Member[] {
  return [...groups].map(([name, overloads]) => ({
    key: propertyName(name),
    value: union(overloads.map((fn) => functionDoc(fn, scope))),
  }));
}

function functionDoc(fn: TypedFunction, scope: TypeScope): Doc {
  const returned = scope.relationOf(fn.returnOid);
  const members = [
    { key: "Args", value: argumentsDoc(fn, scope) },
    { key: "Returns", value: returnsDoc(fn, returned, scope) },
  ];
  if (returned === null) return inline(members);
  return block([...members, { key: "SetofOptions", value: setofOptions(fn, returned, scope) }]);
}

function argumentsDoc(fn: TypedFunction, scope: TypeScope): Doc {
  const inputs = inputsOf(fn).toSorted((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
  if (inputs.length === 0) return "never";
  return inline(
    inputs.map(({ name, oid, optional }) => ({
      key: `${propertyName(name)}${optional ? "?" : ""}`,
      value: scope.nameOf(oid),
    })),
  );
}

function returnsDoc(fn: TypedFunction, returned: TypedRelation | null, scope: TypeScope): Doc {
  const element = returnedElement(fn, returned, scope);
  return fn.returnsSet ? arrayOf(element) : element;
}

function returnedElement(fn: TypedFunction, returned: TypedRelation | null, scope: TypeScope): Doc {
  const outputs = fn.arguments.filter(({ mode }) => OUTPUT.has(mode));
  // One OUT argument is the result itself; several, and `returns table`, are a row of them.
  if (outputs.length > 1 || outputs.some(({ mode }) => mode === "t")) {
    return block(
      outputs.map(({ name, oid }) => ({ key: propertyName(name), value: scope.nameOf(oid) })),
    );
  }
  if (returned === null) return scope.nameOf(fn.returnOid);
  return block(rowMembers(returned.columns, scope));
}

/** From which rows to which: with a row as its argument the function is a computed relationship. */
function setofOptions(fn: TypedFunction, returned: TypedRelation, scope: TypeScope): Doc {
  const [first, ...more] = inputsOf(fn);
  const from = first && more.length === 0 ? scope.relationOf(first.oid) : null;
  const isOne = !fn.returnsSet || fn.rows === 1;
  return block([
    { key: "from", value: JSON.stringify(from?.name ?? "*") },
    { key: "to", value: JSON.stringify(returned.name) },
    { key: "isOneToOne", value: String(isOne) },
    { key: "isSetofReturn", value: String(fn.returnsSet) },
  ]);
}

/** Functions of a row that give one value: they can be selected like columns. */
export function computedFields(
  relation: TypedRelation,
  functions: readonly TypedFunction[],
  scope: TypeScope,
): Member[] {
  return functions
    .filter((fn) => {
      const [only, ...more] = inputsOf(fn);
      return (
        only !== undefined &&
        more.length === 0 &&
        !fn.returnsSet &&
        scope.relationOf(only.oid) === relation &&
        scope.relationOf(fn.returnOid) === null
      );
    })
    .map((fn) => ({ key: propertyName(fn.name), value: orNull(scope.nameOf(fn.returnOid), true) }));
}
