/**
 * The configuration while it is being put together: settings from the file, the environment and the
 * flags are offered here in rising precedence; each is checked on its own, faults are gathered.
 */
import { Value } from "@sinclair/typebox/value";
import { isVaultReference, namesVault, resolveEnv } from "./coerce.ts";
import type { ConfigOrigin } from "./config.ts";
import type { ConfigFault } from "./config-error.ts";
import type { Env } from "./env.ts";
import { maskValue } from "./mask.ts";
import { expectation, type Field } from "./schema-fields.ts";

export interface Draft {
  readonly env: Env;
  readonly faults: ConfigFault[];
  readonly fields: ReadonlyMap<string, Field>;
  readonly values: Map<string, { value: unknown; origin: ConfigOrigin }>;
}

export function createDraft(fields: readonly Field[], env: Env): Draft {
  return {
    env,
    faults: [],
    fields: new Map(fields.map((field) => [field.key, field])),
    values: new Map(),
  };
}

/** Offers a value for a field; the last one offered wins. `where` is shown in faults. */
export function offer(
  draft: Draft,
  field: Field,
  raw: unknown,
  source: { where: string; origin: ConfigOrigin },
): void {
  const { value, missing, usedEnv } = resolveEnv(raw, draft.env, field.schema);
  const fault = (message: string) =>
    draft.faults.push({ where: source.where, key: field.key, message });
  if (missing.length > 0) {
    fault(`the environment variable ${missing.join(", ")} is not set`);
    return;
  }
  if (namesVault(value)) {
    const refusal = refusalOfVault(field, value);
    if (refusal !== null) fault(refusal);
    else draft.values.set(field.key, { value, origin: source.origin });
    return;
  }
  if (!Value.Check(field.schema, value)) {
    const got = field.secret || usedEnv ? "another value" : shown(value);
    fault(faultWithin(field, value) ?? `expected ${expectation(field.schema)}, got ${got}`);
    return;
  }
  draft.values.set(field.key, { value, origin: source.origin });
}

/** Taken as it stands, `vault:path` would be a secret that anybody can guess. */
function refusalOfVault({ secret, inVault }: Field, value: string): string | null {
  if (!secret) return "vault: references are for secret settings only";
  if (!inVault) return "this secret cannot be in the vault: use env:NAME";
  return isVaultReference(value) ? null : "vault: is not followed by a path like auth/github";
}

/** For a table of tables: which of its keys is at fault. The checker's words repeat no value. */
function faultWithin({ schema }: Field, value: unknown): string | null {
  const first = schema["type"] === "object" ? Value.Errors(schema, value).First() : undefined;
  if (!first || first.path === "") return null;
  return `${first.path.slice(1).replaceAll("/", ".")}: ${first.message}`;
}

const SHOWN_MAX = 60;

/** A value as quoted in a fault: short, passwords in URLs masked. */
export function shown(value: unknown): string {
  if (value instanceof Date) return "a date";
  if (typeof value === "bigint") return `${value}`;
  const text = JSON.stringify(maskValue(value, false)) ?? "nothing";
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}
