/** A function: its arguments in the query and in the body. */
import type { DatabaseFunction, FunctionParameter } from "../schema/schema.ts";
import { aboutOf, type JsonObject, OBJECT_TYPES } from "./describing.ts";
import { reference } from "./references.ts";
import { elementType, swaggerType, typeOf } from "./swagger-types.ts";

export function functionPath(fn: DatabaseFunction): JsonObject {
  const common = {
    tags: [`(rpc) ${fn.name}`],
    ...aboutOf(fn.description),
    produces: ["application/json", ...OBJECT_TYPES],
    responses: { "200": { description: "OK" } },
  };
  const body = { name: "args", required: true, in: "body", schema: bodySchema(fn) };
  const post = { ...common, parameters: [body, reference("parameters", "preferParams")] };
  // In a read-only transaction it would fail.
  if (fn.volatility === "volatile") return { post };
  return { get: { ...common, parameters: fn.parameters.map(queryParameter) }, post };
}

function bodySchema(fn: DatabaseFunction): JsonObject {
  const required = fn.parameters.filter((p) => p.required).map(({ name }) => name);
  return {
    type: "object",
    ...(fn.description === null ? {} : { description: fn.description }),
    ...(required.length === 0 ? {} : { required }),
    properties: Object.fromEntries(fn.parameters.map(({ name, type }) => [name, typeOf(type)])),
  };
}

function queryParameter({ name, type, required, variadic }: FunctionParameter): JsonObject {
  const common = { name, required, in: "query" };
  if (variadic) {
    const element = elementType(type);
    const items = { type: swaggerType(element) ?? "string", format: element };
    return { ...common, type: "array", items, collectionFormat: "multi" };
  }
  const kind = swaggerType(type);
  // An array literal is one text; anything needs some type here.
  return { ...common, type: kind === null || kind === "array" ? "string" : kind, format: type };
}
