/** SQL of secrets and environment: which there are and when they changed. Values are in the vault. */
import type { ISql, Sql } from "postgres";
import type { Variable } from "./function-version.ts";
import { isoTime } from "./iso-time.ts";

interface VariableRow {
  owner: string;
  kind: Variable["kind"];
  name: string;
  revision: string;
  updated_at: Date;
}

const toVariable = (row: VariableRow): Variable => ({
  owner: row.owner === "" ? null : row.owner,
  kind: row.kind,
  name: row.name,
  revision: String(row.revision),
  updatedAt: isoTime(row.updated_at),
});

/** All of them, in order of owner (shared ones first), kind and name. */
export async function readVariables(sql: ISql): Promise<Variable[]> {
  const rows = await sql<VariableRow[]>`
    select owner, kind, name, revision, updated_at from functions.variables
    order by owner, kind, name`;
  return rows.map(toVariable);
}

export async function readVariablesOf(
  sql: Sql,
  owner: string | null,
  kind: Variable["kind"],
): Promise<Variable[]> {
  const rows = await sql<VariableRow[]>`
    select owner, kind, name, revision, updated_at from functions.variables
    where owner = ${owner ?? ""} and kind = ${kind} order by name`;
  return rows.map(toVariable);
}

/** Marks these as changed, making those that are new. */
export async function touchVariables(
  sql: Sql,
  owner: string | null,
  kind: Variable["kind"],
  names: readonly string[],
): Promise<void> {
  await sql`
    insert into functions.variables (owner, kind, name)
    select ${owner ?? ""}, ${kind}, unnest(${[...names]}::text[])
    on conflict (owner, kind, name) do update
    set revision = nextval('functions.revision'), updated_at = now()`;
}

export async function dropVariables(
  sql: Sql,
  owner: string | null,
  kind: Variable["kind"],
  names: readonly string[],
): Promise<void> {
  await sql`
    delete from functions.variables
    where owner = ${owner ?? ""} and kind = ${kind} and name = any(${[...names]}::text[])`;
}
