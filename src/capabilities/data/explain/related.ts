/** The objects behind a request's own: tables under a view, embedded tables and junctions. */
import type { Table } from "../schema/schema.ts";
import { tableKey } from "../schema/schema.ts";
import type { ObjectAccess } from "./access.ts";
import { type RelationFacts, readRelationFacts } from "./access-store.ts";
import type { Examiner } from "./examine-rows.ts";
import type { Explaining } from "./explaining.ts";
import { findPolicies } from "./judge-policies.ts";
import { findPrivileges, reading, relationTitle } from "./privileges.ts";
import type { Touched } from "./touched.ts";

export interface Related {
  readonly role: "base" | "embedded";
  readonly table: Table | null;
  readonly facts: RelationFacts;
  readonly access: ObjectAccess;
  readonly examiner: Examiner;
}

/** Views over views are followed so far. */
const DEPTH_MAX = 5;

export async function relatedObjects(
  explaining: Explaining,
  touched: Touched,
  facts: RelationFacts,
): Promise<Related[]> {
  const bases = await basesOf(explaining, facts, DEPTH_MAX);
  const embedded: Related[] = [];
  for (const { table, columns } of touched.embedded) {
    const one = await relate(explaining, table, columns, "embedded");
    if (one) embedded.push(one, ...(await basesOf(explaining, one.facts, DEPTH_MAX)));
  }
  return [...bases, ...embedded];
}

/** Only a view that runs as its caller asks for the caller's rights below. */
async function basesOf(
  explaining: Explaining,
  { kind, isInvoker, bases }: RelationFacts,
  depth: number,
): Promise<Related[]> {
  if (kind !== "v" || !isInvoker || depth === 0) return [];
  const found: Related[] = [];
  for (const base of bases) {
    const one = await relate(explaining, base, new Set(base.columns), "base");
    if (one) found.push(one, ...(await basesOf(explaining, one.facts, depth - 1)));
  }
  return found;
}

async function relate(
  explaining: Explaining,
  named: { readonly schema: string; readonly name: string },
  columns: ReadonlySet<string>,
  role: Related["role"],
): Promise<Related | null> {
  const { incoming, sql, schema } = explaining;
  const facts = await readRelationFacts(sql, incoming.principal.role, named.schema, named.name);
  if (!facts) return null;
  const table = schema.tables.get(tableKey(named.schema, named.name)) ?? bareTable(facts);
  const all = readingAll(table);
  const examiner = explaining.examinerOf(all);
  const policies = await findPolicies(facts, all, examiner);
  const { rows: examined } = await examiner.examine("existing", null);
  const visible = facts.isBound ? await examiner.visible() : examined;
  const access: ObjectAccess = {
    object: relationTitle(facts),
    kind: table.kind,
    privileges: findPrivileges(facts, reading(columns)),
    row_security: securityOf(facts),
    rows: { examined, visible, proposed: null },
    policies,
  };
  return { role, table, facts, access, examiner };
}

export function securityOf(facts: RelationFacts): ObjectAccess["row_security"] {
  const { kind, isEnabled: enabled, isForced: forced, isBound: applies } = facts;
  return kind === "r" || kind === "p" ? { enabled, forced, applies } : null;
}

/** Every row of a table, whatever the request chose of another. */
function readingAll(table: Table): Touched {
  const node = { fields: [], embeds: [], where: [], order: [], limit: null, offset: null };
  return {
    command: "select",
    table,
    node: { table, ...node, isGrouped: false },
    values: [],
    body: null,
    upserts: false,
    shows: true,
    embedded: [],
    needs: { select: new Set(), insert: new Set(), update: new Set(), needsSelect: true },
  };
}

/** One outside the exposed schemas. */
function bareTable({ schema, name }: RelationFacts): Table {
  return {
    ...{ index: -1, schema, name, kind: "table", columns: new Map(), primaryKey: [] },
    ...{ insertable: false, updatable: false, deletable: false, isProtected: true },
    ...{ exposedThrough: null, description: null, hasHeirs: false },
  };
}
