/**
 * Which function of AWS Lambda is meant: the content of `functions/<name>.lambda.json`, checked at the
 * deploy and kept as the code of the version.
 */

export type LambdaTarget = FunctionTarget | UrlTarget;

/** Called by the Invoke API. */
export interface FunctionTarget {
  readonly kind: "function";
  /** Name, or ARN without a qualifier. */
  readonly function: string;
  /** Version or alias. */
  readonly qualifier: string | null;
  /** Null: from the environment. */
  readonly region: string | null;
  /** `stream`: InvokeWithResponseStream. Default `sync`. */
  readonly invoke: "sync" | "async" | "stream";
}

/** Called by its function URL, with the request as it is. */
export interface UrlTarget {
  readonly kind: "url";
  /** Origin, without a path. */
  readonly url: string;
  readonly region: string;
  /** Requests are signed (`iam`, the default) or not. */
  readonly auth: "iam" | "none";
}

const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const ARN =
  /^(arn:aws[a-z-]*:lambda:([a-z]{2}(?:-[a-z]+)+-\d):\d{12}:function:[A-Za-z0-9_-]{1,64})(?::(.+))?$/;
const QUALIFIER = /^(?:\$LATEST|[A-Za-z0-9_-]{1,128})$/;
const REGION = /^[a-z]{2}(?:-[a-z]+)+-\d$/;
/** Nothing but AWS: a target must not be a way into other networks. */
const URL_OF_AWS = /^https:\/\/[a-z0-9]{8,64}\.lambda-url\.([a-z]{2}(?:-[a-z]+)+-\d)\.on\.aws\/?$/;
const TARGET_MAX = 16_384;
const OPENING_BRACE = 0x7b;
const KEYS = ["function", "qualifier", "region", "invoke", "url", "auth"];

export function isRegion(text: string): boolean {
  return REGION.test(text);
}

/** Null: the code is a program, no description of a target. A text says what is wrong. */
export function readTarget(code: Uint8Array): LambdaTarget | string | null {
  if (code[0] !== OPENING_BRACE) return null;
  if (code.length > TARGET_MAX) return `it must have at most ${TARGET_MAX} bytes`;
  try {
    return targetOf(JSON.parse(new TextDecoder().decode(code)) as Record<string, unknown>);
  } catch (error) {
    return `it is not valid JSON: ${(error as Error).message}`;
  }
}

/** A text says what is wrong. */
function targetOf(given: Record<string, unknown>): LambdaTarget | string {
  const strange = Object.keys(given).find((key) => !KEYS.includes(key));
  if (strange) return `'${strange.slice(0, 64)}' is not a key; there are ${KEYS.join(", ")}`;
  const wrong = Object.entries(given).find(([, value]) => typeof value !== "string");
  if (wrong) return `${wrong[0]} must be a string`;
  const texts = given as Record<string, string>;
  if ((texts["url"] === undefined) === (texts["function"] === undefined)) {
    return "either function or url must be there";
  }
  return texts["url"] === undefined ? functionTarget(texts) : urlTarget(texts);
}

function functionTarget(given: Record<string, string>): FunctionTarget | string {
  const { function: name = "", region, invoke = "sync", auth } = given;
  if (auth !== undefined) return "auth goes with url only";
  const arn = ARN.exec(name);
  if (!arn && !NAME.test(name)) return "function must be a name or an ARN of AWS Lambda";
  const qualifier = given["qualifier"] ?? arn?.[3] ?? null;
  if (qualifier !== null && !QUALIFIER.test(qualifier))
    return "qualifier must be a version or alias";
  if (region !== undefined && !REGION.test(region)) return 'region must be like "eu-central-1"';
  if (!isInvoke(invoke)) return 'invoke must be "sync", "async" or "stream"';
  const base = { kind: "function" as const, qualifier, invoke };
  return { ...base, function: arn?.[1] ?? name, region: region ?? arn?.[2] ?? null };
}

function isInvoke(text: string): text is FunctionTarget["invoke"] {
  return text === "sync" || text === "async" || text === "stream";
}

function urlTarget(given: Record<string, string>): UrlTarget | string {
  const { url = "", auth = "iam" } = given;
  if (
    given["qualifier"] !== undefined ||
    given["invoke"] !== undefined ||
    given["region"] !== undefined
  ) {
    return "qualifier, region and invoke do not go with url";
  }
  const region = URL_OF_AWS.exec(url)?.[1];
  if (!region) return "url must be a function URL: https://<id>.lambda-url.<region>.on.aws/";
  if (auth !== "iam" && auth !== "none") return 'auth must be "iam" or "none"';
  return { kind: "url", url: url.replace(/\/$/, ""), region, auth };
}
