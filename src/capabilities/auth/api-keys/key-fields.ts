/** What a request may say of an API key. */
import { authErrors } from "../errors.ts";
import { flagOf, objectOf, textOf } from "../http/read-json.ts";
import { requireName } from "../orgs/org-fields.ts";
import { requirePermissions } from "../orgs/roles.ts";
import type { JsonObject } from "../schema.ts";
import { BUDGET_PERIODS, type BudgetPeriod, KEY_KINDS, type KeyKind } from "./schema.ts";

export interface Budget {
  readonly budget_limit: number | null;
  readonly budget_period: BudgetPeriod | null;
}

const RATE_MAX = 10_000_000;
const BUDGET_MAX = 1_000_000_000_000;
const LIFETIME_S_MAX = 10 * 366 * 24 * 3600;

/** @throws validation_failed */
export function readKind(body: JsonObject): KeyKind {
  const text = textOf(body, "kind") || "user";
  const kind = KEY_KINDS.find((one) => one === text);
  if (!kind) throw authErrors.validation_failed(`kind must be one of ${KEY_KINDS.join(", ")}`);
  return kind;
}

/** At least one. @throws validation_failed */
export function readScopes(body: JsonObject): string[] {
  const scopes = requirePermissions(body["scopes"], "scopes");
  if (scopes.length === 0) throw authErrors.validation_failed("scopes must not be empty");
  return scopes;
}

export const readKeyName = (body: JsonObject) => requireName(textOf(body, "name"));

/** From `expires_at` (RFC 3339) or `expires_in` (seconds). Null: never. @throws validation_failed */
export function readExpiry(body: JsonObject, now: Date): Date | null {
  const at = textOf(body, "expires_at");
  const inS = readCount(body, "expires_in", LIFETIME_S_MAX);
  if (at === "") return inS === null ? null : new Date(now.getTime() + inS * 1000);
  const time = /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$/.test(at)
    ? Date.parse(at)
    : Number.NaN;
  const isFine = time > now.getTime() && time <= now.getTime() + LIFETIME_S_MAX * 1000;
  if (inS !== null || !isFine) {
    throw authErrors.validation_failed(
      "expires_at must be a time of RFC 3339 within the next ten years, without expires_in",
    );
  }
  return new Date(time);
}

/** Requests per minute; null = the server's default. @throws validation_failed */
export const readRateLimit = (body: JsonObject) => readCount(body, "rate_limit", RATE_MAX);

/** `budget: {limit, period}`; null = none. @throws validation_failed */
export function readBudget(body: JsonObject): Budget {
  const budget = objectOf(body, "budget");
  if (budget === null) return { budget_limit: null, budget_period: null };
  const limit = readCount(budget, "limit", BUDGET_MAX);
  const period = BUDGET_PERIODS.find((one) => one === budget["period"]);
  if (limit === null || !period) {
    throw authErrors.validation_failed(
      `budget must be {"limit": requests, "period": one of ${BUDGET_PERIODS.join(", ")}}`,
    );
  }
  return { budget_limit: limit, budget_period: period };
}

export const readApproval = (body: JsonObject) => flagOf(body, "requires_approval");

/** A positive whole number, null when absent. @throws validation_failed */
export function readCount(body: JsonObject, name: string, max: number): number | null {
  const value = body[name] ?? null;
  if (value === null) return null;
  const isFine = typeof value === "number" && Number.isInteger(value) && value > 0 && value <= max;
  if (!isFine)
    throw authErrors.validation_failed(`${name} must be a whole number from 1 to ${max}`);
  return value;
}
