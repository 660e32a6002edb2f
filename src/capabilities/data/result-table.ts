/** What the result of a function is filtered, shaped and embedded as. */
import type { Column, DatabaseFunction, Table } from "./schema/schema.ts";

/**
 * The table whose rows it returns, or one made up of its OUT columns or, under the name `scalar`, of
 * its one value.
 */
export function resultTable(fn: DatabaseFunction, scalar: string): Table {
  if (fn.returnsTable !== null) return fn.returnsTable;
  const columns = fn.returnsComposite ? fn.outColumns : [{ name: scalar, type: fn.returnType }];
  return {
    index: -1,
    schema: fn.schema,
    name: fn.name,
    kind: "table",
    columns: new Map(columns.map(({ name, type }, i) => [name, resultColumn(name, type, i)])),
    primaryKey: [],
    insertable: false,
    updatable: false,
    deletable: false,
    // What a function returns is its author's word.
    isProtected: true,
    exposedThrough: null,
    description: null,
    hasHeirs: false,
  };
}

function resultColumn(name: string, type: string, place: number): Column {
  return {
    ...{ name, type, baseType: type, domain: null, defaultSql: null, nullable: true },
    ...{ description: null, maxLength: null, enumValues: [], position: place + 1 },
    generated: null,
  };
}
