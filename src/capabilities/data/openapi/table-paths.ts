/** A table or view: what can be done at its path, and what its rows are. */
import {
  type Column,
  type ForeignKeyRelationship,
  isView,
  type Schema,
  type Table,
  tableKey,
} from "../schema/schema.ts";
import { aboutOf, type JsonObject } from "./describing.ts";
import { bodyName, filterNames } from "./parameters.ts";
import { reference } from "./references.ts";
import { constantDefault, typeOf } from "./swagger-types.ts";

export function tablePath(table: Table): JsonObject {
  const common = { tags: [table.name], ...aboutOf(table.description) };
  const operation = (parameters: readonly string[], responses: JsonObject): JsonObject => ({
    ...common,
    parameters: parameters.map((name) => reference("parameters", name)),
    responses,
  });
  const filters = filterNames(table);
  const body = bodyName(table);
  const rows = { type: "array", items: reference("definitions", table.name) };
  const get = operation(
    [...filters, "select", "order", "range", "rangeUnit", "offset", "limit", "preferCount"],
    {
      "200": { description: "OK", schema: rows },
      "206": { description: "Partial Content" },
    },
  );
  if (!table.insertable && !table.updatable && !table.deletable) return { get };
  const noContent = { "204": { description: "No Content" } };
  return {
    get,
    post: operation([body, "select", "preferPost"], { "201": { description: "Created" } }),
    delete: operation([...filters, "preferReturn"], noContent),
    patch: operation([...filters, body, "preferReturn"], noContent),
  };
}

export function tableDefinition(schema: Schema, table: Table): JsonObject {
  const columns = [...table.columns.values()];
  const required = columns.filter((column) => !column.nullable).map(({ name }) => name);
  return {
    type: "object",
    ...(table.description === null ? {} : { description: table.description }),
    ...(required.length === 0 ? {} : { required }),
    properties: Object.fromEntries(
      columns.map((column) => [column.name, property(schema, table, column)]),
    ),
  };
}

function property(schema: Schema, table: Table, column: Column): JsonObject {
  const constant = constantDefault(column.baseType, column.defaultSql);
  const description = describe(schema, table, column);
  return {
    ...typeOf(column.baseType),
    ...(description === null ? {} : { description }),
    ...(constant === undefined ? {} : { default: constant }),
    ...(column.maxLength === null ? {} : { maxLength: column.maxLength }),
    ...(column.enumValues.length === 0 ? {} : { enum: column.enumValues }),
  };
}

/** The column's comment, and notes that dashboards read keys from. */
function describe(schema: Schema, table: Table, column: Column): string | null {
  const key = foreignKey(schema, table, column.name);
  const target = key?.target.name ?? "";
  const targetColumn = key?.targetColumns[0] ?? "";
  const notes = [
    ...(table.primaryKey.includes(column.name) ? ["This is a Primary Key.<pk/>"] : []),
    ...(key
      ? [
          `This is a Foreign Key to \`${target}.${targetColumn}\`.<fk table='${target}' column='${targetColumn}'/>`,
        ]
      : []),
  ];
  if (notes.length === 0) return column.description;
  const note = ["Note:", ...notes].join("\n");
  return column.description === null ? note : `${column.description}\n\n${note}`;
}

/** The key of this column alone, to a table rather than to a view over it. */
function foreignKey(
  schema: Schema,
  table: Table,
  column: string,
): ForeignKeyRelationship | undefined {
  const keys = (schema.relationships.get(tableKey(table.schema, table.name)) ?? []).filter(
    (found): found is ForeignKeyRelationship =>
      found.kind === "foreign key" &&
      found.isOutgoing &&
      found.target.schema === table.schema &&
      found.originColumns.length === 1 &&
      found.originColumns[0] === column,
  );
  return keys.find(({ target }) => !isView(target)) ?? keys[0];
}
