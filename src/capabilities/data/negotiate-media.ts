/**
 * What a table or function answers with: the first accepted media type that something here can
 * make. Rules: docs.postgrest.org, "Resource Representation" and "Media Type Handlers".
 */
import { errors } from "./errors.ts";
import { type MediaType, type PlanRequest, parseAccept } from "./parse/media.ts";
import {
  type DatabaseFunction,
  type MediaHandler,
  type Schema,
  tableKey,
} from "./schema/schema.ts";

/** How the body is made of the rows. */
export type BodyForm =
  | { readonly kind: "array"; readonly stripped: boolean }
  /** Exactly one row. */
  | { readonly kind: "object"; readonly stripped: boolean }
  | { readonly kind: "csv" }
  | { readonly kind: "geojson" }
  /** An aggregate of the database makes the whole body. */
  | { readonly kind: "aggregate"; readonly handler: MediaHandler }
  /** The function's one value is the body. */
  | { readonly kind: "value"; readonly isBinary: boolean };

export interface Media {
  /** Equal keys are made by equal SQL from the same rows. */
  readonly key: string;
  readonly contentType: string;
  readonly form: BodyForm;
  /** The query is explained instead of run (or explained while it runs). */
  readonly plan: PlanRequest | null;
}

/** What is asked: handlers are made for a relation, or for a function by what it returns. */
export interface MediaOffer {
  readonly schema: Schema;
  /** The table, or the relation whose rows the function returns, or the function. */
  readonly of: { readonly schema: string; readonly name: string };
  readonly fn: DatabaseFunction | null;
  /** `select=` is absent or `*`: handlers of a row type need the whole row. */
  readonly wholeRow: boolean;
  /** `db_plan_enabled`. */
  readonly plans: boolean;
}

const BINARY = "application/octet-stream";
/** Those of PostgREST's own that are text; any other is sent as its handler names it. */
const TEXTS: ReadonlySet<string> = new Set([
  "application/json",
  "application/geo+json",
  "application/openapi+json",
  "text/csv",
  "text/plain",
  "text/xml",
]);

export const JSON_ARRAY = builtin("application/json", { kind: "array", stripped: false });
const CSV = builtin("text/csv", { kind: "csv" });
const GEO_JSON = builtin("application/geo+json", { kind: "geojson" });

/** None of those accepted is PGRST107. */
export function negotiate(accept: string | null, offer: MediaOffer): Media {
  if (isPlain(accept) && !hasHandlers(offer)) return JSON_ARRAY;
  const accepted = parseAccept(accept);
  for (const type of accepted) {
    const media = find(type, offer);
    if (media !== null) return media;
  }
  throw errors.PGRST107(accepted.map(({ name }) => name));
}

function isPlain(accept: string | null): boolean {
  return accept === null || accept === "" || accept === "*/*" || accept === "application/json";
}

function hasHandlers({ schema, fn }: MediaOffer): boolean {
  return schema.mediaHandlers.size > 0 || (fn?.mediaType ?? null) !== null;
}

function find(type: MediaType, offer: MediaOffer): Media | null {
  const { kind, stripped, name, plan } = type;
  // What is vendored has parameters of its own, so no handler can stand in for it.
  if (kind === "object" || kind === "array") return builtin(name, { kind, stripped }, true);
  if (plan === null) return lookUp(type.key, offer);
  const explained = offer.plans ? find(plan.of, offer) : null;
  if (explained === null || explained.plan !== null) return null;
  const key = `${name} of ${explained.key}`;
  return { key, contentType: contentTypeOf(name, true), form: explained.form, plan };
}

function lookUp(name: string, offer: MediaOffer): Media | null {
  const { schema, of, fn, wholeRow } = offer;
  if (wholeRow) {
    const returned = fn === null ? null : returnedBy(fn, name);
    if (returned !== null) return returned;
    const own = tableKey(of.schema, of.name);
    const handler =
      schema.mediaHandlers.get(`*/*\0${own}`) ?? schema.mediaHandlers.get(`${name}\0${own}`);
    if (handler) return aggregated(handler);
  }
  const general = schema.mediaHandlers.get(`${name}\0`);
  return general ? aggregated(general) : builtinOf(name, schema);
}

/** A function whose type is a media type makes that one, and `*\/*` any. */
function returnedBy(fn: DatabaseFunction, name: string): Media | null {
  if (fn.mediaType === null || fn.returnsSet) return null;
  if (fn.mediaType !== "*/*" && fn.mediaType !== name) return null;
  const type = fn.mediaType === "*/*" ? BINARY : name;
  return builtin(type, { kind: "value", isBinary: fn.returnsBinary });
}

function aggregated(handler: MediaHandler): Media {
  const { schema, name, mediaType, contentType, target } = handler;
  const of = target === null ? "" : tableKey(target.schema, target.name);
  return {
    key: JSON.stringify([mediaType, schema, name, of]),
    contentType: contentTypeOf(contentType),
    form: { kind: "aggregate", handler },
    plan: null,
  };
}

function builtinOf(name: string, schema: Schema): Media | null {
  switch (name) {
    case "*/*":
    case "application/json":
      return JSON_ARRAY;
    case "text/csv":
      return CSV;
    case "application/geo+json":
      return schema.hasPostgis ? GEO_JSON : null;
    default:
      return null;
  }
}

function builtin(name: string, form: BodyForm, isText = TEXTS.has(name)): Media {
  return {
    key: `${form.kind} ${name}`,
    contentType: contentTypeOf(name, isText),
    form,
    plan: null,
  };
}

function contentTypeOf(name: string, isText = TEXTS.has(name)): string {
  return isText ? `${name}; charset=utf-8` : name;
}

/** More or fewer rows than one are an error. */
export function isSingular({ form, plan }: Media): boolean {
  return form.kind === "object" && plan === null;
}
