/**
 * Media types as `Accept` and `Content-Type` name them (docs.postgrest.org, "Resource
 * Representation"). Which of those accepted a table or function can give is decided by
 * `negotiate-media.ts`.
 */

export type PlanFormat = "json" | "text";
export type PlanOption = "analyze" | "verbose" | "settings" | "buffers" | "wal";

/** `application/vnd.pgrst.plan`: the plan of the query that `of` would be answered with. */
export interface PlanRequest {
  readonly of: MediaType;
  readonly format: PlanFormat;
  readonly options: readonly PlanOption[];
}

export interface MediaType {
  /**
   * `any`: whatever there is; `object`: exactly one row; `array`: rows without their nulls; `named`:
   * any other, by its name.
   */
  readonly kind: "any" | "object" | "array" | "plan" | "named";
  /** Canonical for those known, else as sent: what errors and `Content-Type` say. */
  readonly name: string;
  /** Key to look a handler up by: lower case, without parameters. */
  readonly key: string;
  /** `nulls=stripped`. */
  readonly stripped: boolean;
  readonly plan: PlanRequest | null;
}

const OBJECT = "application/vnd.pgrst.object+json";
const ARRAY = "application/vnd.pgrst.array+json";
const PLAN = "application/vnd.pgrst.plan";
const JSON_NAME = "application/json";

/** Named types whose parameters mean nothing here, so that the name is all there is to say. */
const KNOWN: ReadonlySet<string> = new Set([
  JSON_NAME,
  "application/geo+json",
  "text/csv",
  "text/plain",
  "text/xml",
  "application/openapi+json",
  "application/x-www-form-urlencoded",
  "application/octet-stream",
]);

const ANY_MEDIA = media("any", "*/*");
const JSON_MEDIA = media("named", JSON_NAME);

/** @param text one media range, without its quality. Names are read whatever their case. */
export function parseMediaType(text: string): MediaType {
  if (text === JSON_NAME) return JSON_MEDIA;
  const [type = "", ...rest] = text.split(";");
  const key = type.trim().toLowerCase();
  const parameters = new Map(rest.map(parameterOf));
  switch (key) {
    case "*/*":
      return ANY_MEDIA;
    case JSON_NAME:
      return JSON_MEDIA;
    case "application/vnd.pgrst.object":
    case OBJECT:
      return vendored("object", OBJECT, parameters);
    case "application/vnd.pgrst.array":
    case ARRAY:
      return parameters.get("nulls") === "stripped"
        ? vendored("array", ARRAY, parameters)
        : JSON_MEDIA;
    case PLAN:
    case `${PLAN}+text`:
      return planType("text", parameters);
    case `${PLAN}+json`:
      return planType("json", parameters);
    default:
      return { ...media("named", KNOWN.has(key) ? key : text.trim()), key };
  }
}

function media(kind: MediaType["kind"], name: string): MediaType {
  return { kind, name, key: name, stripped: false, plan: null };
}

function parameterOf(text: string): [name: string, value: string] {
  const equals = text.indexOf("=");
  if (equals < 0) return [text.trim().toLowerCase(), ""];
  const value = text.slice(equals + 1).trim();
  return [text.slice(0, equals).trim().toLowerCase(), value.replace(/^"+|"+$/g, "")];
}

type Parameters = ReadonlyMap<string, string>;

function vendored(kind: "object" | "array", key: string, parameters: Parameters): MediaType {
  const stripped = parameters.get("nulls") === "stripped";
  return { kind, name: stripped ? `${key};nulls=stripped` : key, key, stripped, plan: null };
}

const PLAN_OPTIONS: readonly PlanOption[] = ["analyze", "verbose", "settings", "buffers", "wal"];

function planType(format: PlanFormat, parameters: Parameters): MediaType {
  const of = parseMediaType(parameters.get("for") ?? JSON_NAME);
  const asked = (parameters.get("options") ?? "").split("|");
  const options = PLAN_OPTIONS.filter((option) => asked.includes(option));
  const list = options.length === 0 ? "" : `; options=${options.join("|")}`;
  return {
    kind: "plan",
    name: `${PLAN}+${format}; for="${of.name}"${list}`,
    key: PLAN,
    stripped: false,
    plan: { of, format, options },
  };
}

/**
 * What `Accept` asks for, best first: by quality, then with more parameters, then as named. Quality 0
 * refuses a type. No header means anything.
 */
export function parseAccept(header: string | null): readonly MediaType[] {
  if (header === null || header === "") return [ANY_MEDIA];
  const ranges = header.split(",").map((part) => {
    const text = part.replaceAll(" ", "");
    const at = text.search(/;q=/i);
    const range = at < 0 ? text : text.slice(0, at);
    const weight = at < 0 ? 1 : Number.parseFloat(text.slice(at + 3));
    const specificity = range.split(";").length - range.split("*").length;
    return { range, quality: Number.isNaN(weight) ? 1 : weight, specificity };
  });
  return ranges
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality || b.specificity - a.specificity)
    .map(({ range }) => parseMediaType(range));
}
