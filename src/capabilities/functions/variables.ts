/**
 * Secrets and environment of functions: written by the admin routes, sealed in the vault, read when a
 * function is called. A change is a new revision of its row, which every server notices as it notices
 * a deploy. Values are never told by any route.
 */
import { FUNCTION_NAME, SECRET_NAME } from "../../core/function-settings.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { announce } from "./announce.ts";
import { functionsErrors } from "./errors.ts";
import type { Variable } from "./function-version.ts";
import type { FunctionsParts } from "./parts.ts";
import { dropVariables, readVariablesOf, touchVariables } from "./store-variables.ts";
import { pathOf } from "./variable-values.ts";

type Kind = Variable["kind"];

/** Text to set, null to remove. */
export type VariableChanges = Readonly<Record<string, string | null>>;

/** Variables of one kind that one owner may have. */
const COUNT_MAX = 100;
/** The vault takes 64 KiB; what a whole process environment can hold is less. */
const BYTES_MAX: Readonly<Record<Kind, number>> = { env: 32_768, secret: 65_536 };
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** How routes call all functions together. */
const SHARED = "_shared";

/** Null: all functions. The function need not be there yet. @throws function_not_found */
export function ownerOf(name: string): string | null {
  if (name === SHARED) return null;
  if (!FUNCTION_NAME.test(name)) throw functionsErrors.owner_invalid(name);
  return name;
}

/** The names that one owner has, without values. */
export async function listVariables(
  parts: FunctionsParts,
  tenant: TenantCtx,
  owner: string | null,
  kind: Kind,
) {
  const rows = await readVariablesOf(parts.sql(tenant), owner, kind);
  return rows.map(({ name, updatedAt }) => ({ name, updated_at: updatedAt }));
}

/**
 * Sets and removes; what stands afterwards. Takes effect with the next call, without a deploy.
 *
 * @throws variable_invalid naming every fault
 */
export async function changeVariables(
  parts: FunctionsParts,
  tenant: TenantCtx,
  owner: string | null,
  kind: Kind,
  changes: VariableChanges,
) {
  const sql = parts.sql(tenant);
  const { vault } = parts.deps;
  const held = await readVariablesOf(sql, owner, kind);
  const faults = faultsOf(kind, changes, held);
  if (faults.length > 0) throw functionsErrors.variables_invalid(faults);
  const names = Object.keys(changes);
  const set = names.filter((name) => changes[name] !== null);
  const removed = names.filter((name) => changes[name] === null);
  // The value before the row that says it has changed, and the row before the value that goes.
  for (const name of set) {
    await vault.put(tenant, pathOf({ owner, kind, name }), changes[name] ?? "");
  }
  if (set.length > 0) await touchVariables(sql, owner, kind, set);
  if (removed.length > 0) await dropVariables(sql, owner, kind, removed);
  for (const name of removed) await vault.delete(tenant, pathOf({ owner, kind, name }));
  if (names.length > 0) await announce(parts, tenant, owner ?? "");
  return listVariables(parts, tenant, owner, kind);
}

function faultsOf(kind: Kind, changes: VariableChanges, held: readonly Variable[]): string[] {
  const shape = kind === "env" ? ENV_NAME : SECRET_NAME;
  const faults = Object.entries(changes).flatMap(([name, value]) => {
    if (!SECRET_NAME.test(name) || !shape.test(name)) {
      return [`'${name.slice(0, 64)}' is not a name: it must match ${shape.source}`];
    }
    if (value === null) return [];
    if (!value.isWellFormed() || value.includes("\0")) return [`${name} is not text`];
    const tooLong = Buffer.byteLength(value) > BYTES_MAX[kind];
    return tooLong ? [`${name} is longer than ${BYTES_MAX[kind]} bytes`] : [];
  });
  const after = new Set(held.map(({ name }) => name));
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) after.delete(name);
    else after.add(name);
  }
  if (after.size > COUNT_MAX) faults.push(`there may be ${COUNT_MAX} of them at most`);
  return faults;
}

/** All that a function has of its own; for its removal. */
export async function removeVariables(
  parts: FunctionsParts,
  tenant: TenantCtx,
  owner: string,
): Promise<void> {
  for (const kind of ["env", "secret"] as const) {
    const held = await readVariablesOf(parts.sql(tenant), owner, kind);
    const names = held.map(({ name }) => name);
    if (names.length === 0) continue;
    await dropVariables(parts.sql(tenant), owner, kind, names);
    for (const name of names) await parts.deps.vault.delete(tenant, pathOf({ owner, kind, name }));
  }
}
