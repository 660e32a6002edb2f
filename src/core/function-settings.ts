/**
 * What a person may say of a function, in `[[functions]]` of reactor.toml and in a deploy manifest:
 * one table of keys, read by discovery (CLI, `dev`) and again by the server that deploys. Plain data
 * in and out; faults are sentences, all of them at once.
 */
import { readEgressHosts } from "./egress-hosts.ts";
import { nearestName } from "./nearest-name.ts";

export type FunctionKind = "bun" | "wasm" | "lambda";

/** Names are path segments, file names and metric labels. */
export const FUNCTION_NAME = /^[a-z][a-z0-9_-]{0,62}$/;

/** Settings with defaults filled in; a limit that is null takes the server's `[runtime]` default. */
export interface FunctionSettings {
  readonly runtime: FunctionKind;
  /**
   * `wasm`: the export to call when the path names none; null = by the naming rule. `lambda`: the
   * handler, `index.handler`, also said as `handler`.
   */
  readonly entry: string | null;
  /** Extism config; at most 64 keys. `vault:NAME` stands for a secret, here and in `env`. */
  readonly config: Readonly<Record<string, string>>;
  /** Environment of a Bun function; at most 64 keys. */
  readonly env: Readonly<Record<string, string>>;
  readonly description: string;
  /** True: a call needs a valid key or token. Default true. */
  readonly verify_jwt: boolean;
  /** Passes `Authorization`, `apikey` and `Cookie` on to the function. Default false. */
  readonly forward_authorization: boolean;
  /** 1 to 900,000. */
  readonly deadline_ms: number | null;
  /** 16 to 4,096. */
  readonly memory_mb: number | null;
  /** 1 to 1,024. */
  readonly body_in_mb: number | null;
  /** 1 to 65,536. */
  readonly body_out_mb: number | null;
  /** Calls at work in one instance, 1 to 1,000. */
  readonly concurrency: number | null;
  /** It may ask this server with the rights of the secret key. Default false. */
  readonly service: boolean | null;
  /** `bun`: processes kept ready from deploy on, 0 to 16. Default 0. */
  readonly min_instances: number | null;
  /** `bun`: processes at most, 1 to 64. Default 1. */
  readonly max_instances: number | null;
  /** `wasm`: `request` gives each call an instance of its own, `reuse` (the default) keeps them. */
  readonly isolation: "reuse" | "request" | null;
  /** Calls that may wait beyond those at work, 0 to 10,000. */
  readonly queue: number | null;
  /** A process without calls for so many seconds is ended, 1 to 86,400. */
  readonly idle_s: number | null;
  /** Hosts it may send requests to: `api.example.com`, `*.example.com`, `*`; at most 64. */
  readonly egress: readonly string[] | null;
}

export interface ReadSettings {
  readonly settings: FunctionSettings;
  /** Empty when the settings can be used. */
  readonly faults: readonly string[];
}

/** Null when the value is accepted, else what was expected. */
type Rule = (value: unknown) => string | null;

/** Names of a function's secrets and of its environment; also what `vault:NAME` may name. */
export const SECRET_NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/;
const VAULT_REFERENCE = /^vault:(.*)$/s;

/** The secret that a value of `env` or `config` names as `vault:NAME`; null for a value that is its own. */
export function secretReference(value: string): string | null {
  return VAULT_REFERENCE.exec(value)?.[1] ?? null;
}

const MAP_KEYS_MAX = 64;
const MAP_VALUE_MAX = 32_768;

/** Text that a database can hold. */
function isText(value: unknown, max: number): boolean {
  const isShort = typeof value === "string" && value.length <= max;
  return isShort && !value.includes("\0") && value.isWellFormed();
}

const integer =
  (low: number, high: number): Rule =>
  (value) =>
    Number.isInteger(value) && (value as number) >= low && (value as number) <= high
      ? null
      : `an integer from ${low} to ${high}`;
const flag: Rule = (value) => (typeof value === "boolean" ? null : "true or false");
const matching =
  (pattern: RegExp, expected: string): Rule =>
  (value) =>
    typeof value === "string" && pattern.test(value) ? null : expected;

/** Null when it is accepted. */
function hostsFault(value: unknown): string | null {
  const read = readEgressHosts(value);
  return "fault" in read ? read.fault : null;
}

/** As it is kept. */
function kept(key: string, value: unknown): unknown {
  if (key !== "egress") return value;
  const read = readEgressHosts(value);
  return "hosts" in read ? read.hosts : value;
}

const map =
  (key: RegExp): Rule =>
  (value) => {
    const expected = `a table of at most ${MAP_KEYS_MAX} strings without NUL, with names like ${key.source}`;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return expected;
    const entries = Object.entries(value as Readonly<Record<string, string>>);
    if (entries.length > MAP_KEYS_MAX) return expected;
    const good = entries.every(
      ([name, text]) => key.test(name) && isText(name, 128) && isText(text, MAP_VALUE_MAX),
    );
    if (!good) return expected;
    const bad = entries.find(([, text]) => !SECRET_NAME.test(secretReference(text) ?? "_"));
    return bad ? `a table whose references are vault:NAME; that of ${bad[0]} is not` : null;
  };

/** An export; of a handler for AWS Lambda also its file, `folder/file.export`. */
const ENTRY = /^(?!.*(?:^|\/)\.{0,2}(?:\/|$))[A-Za-z0-9_$][A-Za-z0-9_$./-]{0,127}$/;

const RULES: Readonly<Record<keyof FunctionSettings, Rule>> = {
  runtime: matching(/^(?:bun|wasm|lambda)$/, '"bun", "wasm" or "lambda"'),
  entry: matching(ENTRY, "the name of an export"),
  config: map(/^\S(?:.*\S)?$/),
  env: map(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/),
  description: (value) =>
    isText(value, 1_000) ? null : "a string of at most 1000 characters without NUL",
  verify_jwt: flag,
  forward_authorization: flag,
  deadline_ms: integer(1, 900_000),
  memory_mb: integer(16, 4_096),
  body_in_mb: integer(1, 1_024),
  body_out_mb: integer(1, 65_536),
  concurrency: integer(1, 1_000),
  service: flag,
  min_instances: integer(0, 16),
  max_instances: integer(1, 64),
  isolation: matching(/^(?:reuse|request)$/, '"reuse" or "request"'),
  queue: integer(0, 10_000),
  idle_s: integer(1, 86_400),
  egress: hostsFault,
};

/** What AWS calls `entry`. */
const HANDLER = "handler";

/** Keys of `[[functions]]` that say which function, not how it runs. */
const PLACE_KEYS = ["name", "path"];

const DEFAULTS: FunctionSettings = {
  runtime: "bun",
  entry: null,
  config: {},
  env: {},
  description: "",
  verify_jwt: true,
  forward_authorization: false,
  deadline_ms: null,
  memory_mb: null,
  body_in_mb: null,
  body_out_mb: null,
  concurrency: null,
  service: null,
  min_instances: null,
  max_instances: null,
  isolation: null,
  queue: null,
  idle_s: null,
  egress: null,
};

/**
 * Reads settings; null and absent both mean the default. `name` and `path` are not settings and are
 * reported as unknown: callers take them out first.
 */
export function readFunctionSettings(input: Readonly<Record<string, unknown>>): ReadSettings {
  const faults: string[] = [];
  const read: Record<string, unknown> = { ...DEFAULTS };
  for (const [given, value] of Object.entries(input)) {
    const key = given === HANDLER && !("entry" in input) ? "entry" : given;
    const rule = Object.hasOwn(RULES, key) ? RULES[key as keyof FunctionSettings] : null;
    if (!rule) {
      faults.push(unknownKey(key));
      continue;
    }
    if (value === null || value === undefined) continue;
    const expected = rule(value);
    if (expected) faults.push(`${given} must be ${expected}`);
    else read[key] = kept(key, value);
  }
  const { runtime, entry, min_instances, max_instances } = read as unknown as FunctionSettings;
  if (min_instances !== null && max_instances !== null && min_instances > max_instances) {
    faults.push("min_instances must not be more than max_instances");
  }
  if (runtime === "bun" && entry !== null) {
    const given = "entry" in input ? "entry" : HANDLER;
    faults.push(`${given} is for WASM and AWS; of TypeScript the default export is called`);
  }
  return { settings: read as unknown as FunctionSettings, faults };
}

function unknownKey(key: string): string {
  const near = nearestName(key, [...Object.keys(RULES), HANDLER, ...PLACE_KEYS]);
  return `'${key.slice(0, 64)}' is not a setting of a function${near ? `; did you mean '${near}'?` : ""}`;
}
