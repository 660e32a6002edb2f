/** What is wrong with a request that Elysia's validation refused, in words that name the parameter. */

interface Schema {
  readonly title?: string;
  readonly type?: string;
  readonly format?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
}

interface Fault {
  readonly path?: string;
  readonly message?: string;
  readonly summary?: string;
  readonly schema?: Schema;
}

const FAULTS_MAX = 5;

/** @param error a `ValidationError` of Elysia */
export function validationText(error: unknown): string {
  const { all = [], type = "request" } = error as { all?: readonly Fault[]; type?: string };
  const text = all.slice(0, FAULTS_MAX).map((fault) => `${placeOf(type, fault)}: ${wrong(fault)}`);
  return [...new Set(text)].join("; ") || "invalid request";
}

/** A number of the query that is out of bounds comes without its place: its schema's title has the name. */
function placeOf(part: string, { path = "", schema }: Fault): string {
  return part === "property" && schema?.title ? `query/${schema.title}` : `${part}${path}`;
}

function wrong({ schema = {}, summary, message = "invalid" }: Fault): string {
  const values = schema.enum ?? constants(schema);
  if (values) return `Expected one of ${values.map((value) => `'${String(value)}'`).join(", ")}`;
  if (schema.type === "integer" || schema.type === "number") return `Expected ${kindOf(schema)}`;
  if (!schema.anyOf) return summary ?? message;
  return `Expected ${[...new Set(schema.anyOf.map((one) => kindOf({ ...schema, ...one })))].join(" or ")}`;
}

function constants({ anyOf }: Schema): readonly unknown[] | null {
  const isEnumeration = anyOf?.every((one) => "const" in one) ?? false;
  return isEnumeration ? (anyOf ?? []).map((one) => one.const) : null;
}

/** A number in a query is text of a format, or a number. */
function kindOf({ type = "another value", format, minimum, maximum, maxLength }: Schema): string {
  const kind = format === "numeric" ? "number" : format === "integer" ? format : type;
  if (kind === "string")
    return maxLength === undefined ? kind : `string of at most ${maxLength} characters`;
  if (minimum === undefined || maximum === undefined) return kind;
  return `${kind} from ${minimum} to ${maximum}`;
}
