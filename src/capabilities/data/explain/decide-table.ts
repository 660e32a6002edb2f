/** Finds what decided about a request for a table, in the order in which PostgreSQL asks. */
import type { ReactorError } from "../../../core/errors.ts";
import { quoteIdent, quoteTable } from "../compile/quote.ts";
import type { Decision, ObjectAccess, PolicyFinding, PrivilegeFinding } from "./access.ts";
import type { RelationFacts } from "./access-store.ts";
import { resolveRelation } from "./access-store.ts";
import type { Examiner, RowSource } from "./examine-rows.ts";
import { deniedObject, type Explaining } from "./explaining.ts";
import { policyCommands } from "./judge-policies.ts";
import { firstMissing, grantStatement } from "./privileges.ts";
import type { Related } from "./related.ts";
import { type Suggestion, suggestPolicy } from "./suggest-policy.ts";
import type { Touched } from "./touched.ts";

export interface Judged {
  readonly decision: Decision;
  readonly fix: Suggestion | null;
}

export interface TableCase {
  readonly explaining: Explaining;
  readonly touched: Touched;
  readonly facts: RelationFacts;
  readonly own: ObjectAccess;
  readonly examiner: Examiner;
  readonly related: readonly Related[];
  readonly error: ReactorError | null;
}

export async function decideTable(table: TableCase): Promise<Judged> {
  const { own, related, explaining } = table;
  const { role } = explaining.incoming.principal;
  const missing = firstMissing([own, ...related.map((r) => r.access)].flatMap((o) => o.privileges));
  if (missing) return missingRight(missing, role);
  return (
    unguarded(table) ??
    (await byBrokenPolicies(table)) ??
    (await byWrittenRows(table)) ??
    (await byExistingRows(table)) ??
    withoutReason(table)
  );
}

export function missingRight(missing: PrivilegeFinding, role: string): Judged {
  const { object, privilege, columns } = missing;
  const of = columns === null ? "" : ` of ${columns.join(", ")}`;
  const fix = grantStatement(missing, role);
  return {
    decision: {
      kind: missingKind(missing),
      object,
      names: columns ?? [],
      reason: `${role} has no right to ${privilege}${of} on ${object}`,
    },
    fix: { fix, effect: `${role} gets ${privilege.toUpperCase()}${of} on ${object}` },
  };
}

function missingKind({ object, columns, privilege }: PrivilegeFinding): Decision["kind"] {
  if (object.startsWith("schema ")) return "schema_usage";
  if (object.startsWith("sequence ")) return "sequence_privilege";
  if (privilege === "execute") return "execute_privilege";
  return columns === null ? "table_privilege" : "column_privilege";
}

/** `require_rls` says in its hint what to run. */
function unguarded({ error, own }: TableCase): Judged | null {
  const statement = /^Run: (.*)$/s.exec(error?.hint ?? "")?.[1];
  if (error?.code !== "42501" || statement === undefined) return null;
  return {
    decision: { kind: "require_rls", object: own.object, names: [], reason: error.message },
    fix: {
      fix: statement,
      effect:
        "The object is guarded by policies and may be served; without a policy nobody sees rows",
    },
  };
}

/** A policy that fails fails the whole request. */
async function byBrokenPolicies(table: TableCase): Promise<Judged | null> {
  if (table.error === null) return null;
  const places = [{ access: table.own, facts: table.facts }, ...table.related];
  for (const { access, facts } of places) {
    const policies = access.policies.filter((policy) => policy.error !== null);
    if (policies.length === 0) continue;
    const how = { kind: "policy_error", policies, isRestrictive: false } as const;
    const place = { object: access.object, facts, table: table.touched.table };
    const examined = { command: "select", source: "existing" } as const;
    return await judgePolicies(
      table.explaining,
      { ...place, examiner: table.examiner },
      { ...how, ...examined },
    );
  }
  return null;
}

/** A write that was refused: the rows that it proposes against the checks, then against what shows them. */
async function byWrittenRows(table: TableCase): Promise<Judged | null> {
  const { touched, own, error } = table;
  const proposed = own.rows?.proposed ?? null;
  if (error === null || touched.body === null || proposed === null) return null;
  for (const command of ["insert", "update"] as const) {
    if (!policyCommands(touched).has(command)) continue;
    const found = failing(own.policies, command, "rows_accepted", proposed);
    if (found) return await byPolicies(table, { ...found, command, source: "proposed" });
  }
  if (touched.command !== "insert" || !touched.shows) return null;
  const hidden = failing(own.policies, "select", "rows_passing", proposed);
  return hidden && (await byPolicies(table, { ...hidden, command: "select", source: "proposed" }));
}

/** Rows that are there: those the caller may see, then those that may be changed. */
async function byExistingRows(table: TableCase): Promise<Judged | null> {
  const { touched, own, facts } = table;
  const { examined = null, visible = null } = own.rows ?? {};
  if (touched.command === "insert") return null;
  if (examined === 0) return nothingThere(own.object);
  if (visible === 0 && touched.needs.needsSelect) {
    if (!facts.isBound) return await byRelated(table, "base");
    const found = failing(own.policies, "select", "rows_passing", 1);
    if (found) return await byPolicies(table, { ...found, command: "select", source: "existing" });
  }
  const { command } = touched;
  if (facts.isBound && (command === "update" || command === "delete")) {
    const found = failing(own.policies, command, "rows_passing", 1);
    if (found) return await byPolicies(table, { ...found, command, source: "existing" });
  }
  return await byRelated(table, "embedded");
}

interface Failing {
  readonly kind: "no_policy" | "policy_using" | "policy_check" | "policy_error";
  readonly policies: readonly PolicyFinding[];
  readonly isRestrictive: boolean;
}

/**
 * Which policies fail a command: permissive ones when none of them lets enough rows through, else the
 * restrictive ones that stop them. Null where they suffice, or were not evaluated.
 */
function failing(
  all: readonly PolicyFinding[],
  command: string,
  count: "rows_passing" | "rows_accepted",
  wanted: number,
): Failing | null {
  const applying = all.filter((p) => p.applies && (p.command === "all" || p.command === command));
  const permissive = applying.filter((p) => p.mode === "permissive");
  if (permissive.length === 0) return { kind: "no_policy", policies: [], isRestrictive: false };
  const broken = applying.filter((p) => p.error !== null);
  if (broken.length > 0) return { kind: "policy_error", policies: broken, isRestrictive: false };
  const kind = count === "rows_passing" ? "policy_using" : "policy_check";
  if (permissive.some((p) => p[count] === null)) return null;
  const passing = permissive.reduce((sum, p) => sum + (p[count] ?? 0), 0);
  if (passing < wanted) return { kind, policies: permissive, isRestrictive: false };
  const stopping = applying.filter(
    (p) => p.mode === "restrictive" && (p[count] ?? wanted) < wanted,
  );
  return stopping.length === 0 ? null : { kind, policies: stopping, isRestrictive: true };
}

type PolicyDecision = Failing & {
  readonly command: "select" | "insert" | "update" | "delete";
  readonly source: RowSource;
};

async function byPolicies(table: TableCase, found: PolicyDecision): Promise<Judged> {
  const { own, facts, touched, examiner, explaining } = table;
  return await judgePolicies(
    explaining,
    { object: own.object, facts, table: touched.table, examiner },
    found,
  );
}

interface PolicyPlace {
  readonly object: string;
  readonly facts: RelationFacts;
  readonly table: Touched["table"];
  readonly examiner: Examiner;
}

async function judgePolicies(
  explaining: Explaining,
  { object, facts, table, examiner }: PolicyPlace,
  { kind, policies, isRestrictive, command, source }: PolicyDecision,
): Promise<Judged> {
  const { role, userId } = explaining.incoming.principal;
  const names = policies.map(({ name }) => name);
  const decision = { kind, object, names, reason: reasonOf(kind, role, command, source) };
  if (kind === "policy_error") {
    const message = policies[0]?.error ?? "";
    return { decision: { ...decision, reason: message }, fix: await grantFor(explaining, message) };
  }
  if (isRestrictive) {
    const [first = ""] = names;
    return {
      decision,
      fix: {
        fix: `drop policy ${quoteIdent(first)} on ${quoteTable(facts)};`,
        effect: `The restriction ${first} is gone for every role that it is for`,
      },
    };
  }
  const fix = await suggestPolicy({ table, facts, role, userId, command, examiner, source });
  return { decision, fix };
}

function reasonOf(
  kind: Failing["kind"],
  role: string,
  command: PolicyDecision["command"],
  source: RowSource,
): string {
  if (kind === "no_policy") return `Row security is on, and no policy lets ${role} ${command} rows`;
  if (kind === "policy_check") return `No policy for ${command} accepts what was to be written`;
  return source === "proposed"
    ? "The row may be written, but no policy shows it to the caller, and the answer was to hold it (return=representation)"
    : `No policy for ${command} lets the rows that were asked for through`;
}

/** What a policy may not read, the role needs a right on. */
async function grantFor(explaining: Explaining, message: string): Promise<Suggestion | null> {
  const { sql, room, incoming } = explaining;
  const denied = deniedObject(message);
  if (denied === null) return null;
  const path = room.searchPaths.get(incoming.schema) ?? "";
  const found = await resolveRelation(sql, path, denied.name);
  if (!found) return null;
  const { role } = incoming.principal;
  return {
    fix: `grant select on table ${quoteTable(found)} to ${quoteIdent(role)};`,
    effect: `${role} gets SELECT on ${found.schema}.${found.name}, which the policy reads`,
  };
}

/** Tables under a view hide its rows; an embedded one that is needed hides those above it. */
async function byRelated(table: TableCase, role: Related["role"]): Promise<Judged | null> {
  const needs = table.touched.node.embeds.some(({ inner }) => inner);
  if (role === "embedded" && !needs) return null;
  for (const one of table.related.filter((r) => r.role === role)) {
    const { access, facts, examiner } = one;
    if (!facts.isBound || access.rows?.visible !== 0 || access.rows.examined === 0) continue;
    const found = failing(access.policies, "select", "rows_passing", 1);
    if (!found || one.table === null) continue;
    const place = { object: access.object, facts, table: one.table, examiner };
    const how = { ...found, command: "select", source: "existing" } as const;
    const judged = await judgePolicies(table.explaining, place, how);
    return role === "base"
      ? judged
      : { ...judged, decision: { ...judged.decision, kind: "embedding" } };
  }
  return null;
}

function nothingThere(object: string): Judged {
  return {
    decision: {
      kind: "no_rows",
      object,
      names: [],
      reason: "No row matches the filters, whoever asks",
    },
    fix: null,
  };
}

function withoutReason({ error, own }: TableCase): Judged {
  const { examined = null, visible = null } = own.rows ?? {};
  const decide = (kind: Decision["kind"], reason: string): Judged => ({
    decision: { kind, object: own.object, names: [], reason },
    fix: null,
  });
  if (error) return decide("unknown", error.message);
  if (visible !== null && visible > 0) {
    return decide(
      "no_rows",
      "The caller sees rows; the page, an embedding or its filters left none",
    );
  }
  if (examined === null) {
    return decide(
      "unknown",
      "Rows that the caller does not see cannot be examined with this login",
    );
  }
  return decide("unknown", "Nothing that was looked at explains it");
}
