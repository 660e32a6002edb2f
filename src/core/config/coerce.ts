/**
 * Turns the text of an environment variable (or of an `env:NAME` value) into the kind of value its
 * setting wants, and resolves `env:NAME` references inside any value.
 */
import type { TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import type { Env } from "./env.ts";

const ENV_REFERENCE = /^env:([A-Za-z_][A-Za-z0-9_]*)$/;
const VAULT_REFERENCE = /^vault:[a-z0-9][a-z0-9_.-]*(?:\/[a-z0-9][a-z0-9_.-]*)*$/;

/** Also one that is misspelt: as a secret in itself it would be guessed. */
export function namesVault(value: unknown): value is string {
  return typeof value === "string" && value.startsWith("vault:");
}

export function isVaultReference(value: string): boolean {
  return VAULT_REFERENCE.test(value);
}

/**
 * The first reading of `text` that the schema accepts: as it stands, as a number, boolean or JSON,
 * or as a comma list. The text itself when none fits, so that the check reports it.
 */
export function fromText(text: string, schema: TSchema): unknown {
  for (const read of readings(text, schema)) {
    const value = read();
    if (value !== undefined && Value.Check(schema, value)) return value;
  }
  return text;
}

function readings(text: string, schema: TSchema): (() => unknown)[] {
  const trimmed = text.trim();
  const list = schema["type"] === "array" ? (schema["items"] as TSchema) : null;
  return [
    () => text,
    () => readJson(trimmed),
    () => ({ "1": true, "0": false, yes: true, no: false })[trimmed.toLowerCase()],
    () => readJson(trimmed.toLowerCase()),
    () => (list && trimmed === "" ? [] : undefined),
    () => (list ? trimmed.split(",").map((item) => fromText(item.trim(), list)) : undefined),
  ];
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export interface Resolved {
  readonly value: unknown;
  /** Names that are not set. */
  readonly missing: readonly string[];
  /** Something came from the environment: never echo the value. */
  readonly usedEnv: boolean;
}

/**
 * Replaces `env:NAME` strings anywhere inside a value. `schema` types the replacement when the
 * whole value is a reference.
 */
export function resolveEnv(value: unknown, env: Env, schema: TSchema | null): Resolved {
  const missing: string[] = [];
  let usedEnv = false;
  const walk = (node: unknown, typed: TSchema | null): unknown => {
    if (typeof node === "string") {
      const name = ENV_REFERENCE.exec(node)?.[1];
      if (name === undefined) return node;
      usedEnv = true;
      const found = env[name];
      if (found === undefined) missing.push(name);
      return found === undefined || typed === null ? found : fromText(found, typed);
    }
    if (Array.isArray(node)) {
      const items = (typed?.["items"] as TSchema | undefined) ?? null;
      return node.map((item) => walk(item, items));
    }
    if (typeof node !== "object" || node === null || node instanceof Date) return node;
    return Object.fromEntries(Object.entries(node).map(([k, v]) => [k, walk(v, null)]));
  };
  return { value: walk(value, schema), missing, usedEnv };
}
