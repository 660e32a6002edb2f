/** Which rights a request needs on an object, and the statement that gives the first that is missing. */
import { quoteIdent, quoteTable } from "../compile/quote.ts";
import type { PrivilegeFinding } from "./access.ts";
import type { ColumnRights, RelationFacts } from "./access-store.ts";

export interface NeededRights {
  readonly select: ReadonlySet<string> | null;
  readonly insert: ReadonlySet<string> | null;
  readonly update: ReadonlySet<string> | null;
  readonly delete: boolean;
}

/** Only SELECT, of these columns. */
export function reading(columns: ReadonlySet<string>): NeededRights {
  return { select: columns, insert: null, update: null, delete: false };
}

export function findPrivileges(facts: RelationFacts, needs: NeededRights): PrivilegeFinding[] {
  const object = relationTitle(facts);
  const ofColumns = (privilege: "select" | "insert" | "update") => {
    const columns = needs[privilege];
    return columns === null ? [] : [columnFinding(facts, object, privilege, columns)];
  };
  const table: PrivilegeFinding[] = [
    ...ofColumns("select"),
    ...ofColumns("insert"),
    ...ofColumns("update"),
    ...(needs.delete
      ? [{ object, privilege: "delete" as const, columns: null, granted: facts.rights.delete }]
      : []),
  ];
  const schema = `schema ${quoteIdent(facts.schema)}`;
  const usage = { object: schema, privilege: "usage" as const, columns: null };
  return [{ ...usage, granted: facts.hasUsage }, ...table, ...sequences(facts, needs)];
}

/** Without any column named, a right on one of them is enough, as for `count(*)`. */
function columnFinding(
  facts: RelationFacts,
  object: string,
  privilege: keyof ColumnRights,
  columns: ReadonlySet<string>,
): PrivilegeFinding {
  if (facts.rights[privilege]) return { object, privilege, columns: null, granted: true };
  const rights = Object.entries(facts.columns);
  const missing = [...columns].filter((name) => !facts.columns[name]?.[privilege]).sort();
  const hasSome = rights.some(([, right]) => right[privilege]);
  if (columns.size === 0) return { object, privilege, columns: null, granted: hasSome };
  // Where no column was given, it is the table that is missing.
  if (!hasSome) return { object, privilege, columns: null, granted: false };
  return { object, privilege, columns: missing, granted: missing.length === 0 };
}

function sequences(facts: RelationFacts, { insert }: NeededRights): PrivilegeFinding[] {
  if (insert === null) return [];
  return facts.sequences
    .filter(({ column }) => !insert.has(column))
    .map(({ name, hasUsage }) => ({
      object: `sequence ${name}`,
      privilege: "usage",
      columns: null,
      granted: hasUsage,
    }));
}

/** `table public.notes`, as `grant … on` takes it. */
export function relationTitle(facts: { readonly schema: string; readonly name: string }): string {
  return `table ${quoteTable(facts)}`;
}

export function grantStatement(finding: PrivilegeFinding, role: string): string {
  const { privilege, columns, object } = finding;
  const list = columns === null ? "" : ` (${columns.map(quoteIdent).join(", ")})`;
  return `grant ${privilege}${list} on ${object} to ${quoteIdent(role)};`;
}

export function firstMissing(findings: readonly PrivilegeFinding[]): PrivilegeFinding | undefined {
  return findings.find(({ granted }) => !granted);
}
