/** The smallest policy that would let a request through. */
import { quoteIdent, quoteTable } from "../compile/quote.ts";
import type { Table } from "../schema/schema.ts";
import type { RelationFacts } from "./access-store.ts";
import type { Examiner, RowSource } from "./examine-rows.ts";

/** Names by which tables call the account that a row belongs to, the usual ones first. */
const OWNERS = [
  "user_id",
  "owner",
  "owner_id",
  "auth_user_id",
  "account_id",
  "profile_id",
  "author_id",
  "author",
  "created_by",
  "uid",
  "id",
];

export interface Suggestion {
  readonly fix: string;
  readonly effect: string;
}

export interface Wanted {
  readonly table: Table;
  readonly facts: RelationFacts;
  readonly role: string;
  readonly userId: string | null;
  readonly command: "select" | "insert" | "update" | "delete";
  readonly examiner: Examiner;
  /** On which rows the policy must hold. */
  readonly source: RowSource;
}

export async function suggestPolicy(wanted: Wanted): Promise<Suggestion> {
  const { facts, role, command } = wanted;
  const own = await ownRows(wanted);
  const expression = own?.expression ?? "true";
  const name = freeName(facts, role, command);
  const fix = [
    `create policy ${quoteIdent(name)} on ${quoteTable(facts)} for ${command} to ${quoteIdent(role)}`,
    ...(command === "insert" ? [] : [` using (${expression})`]),
    ...(command === "insert" || command === "update" ? [` with check (${expression})`] : []),
    ";",
  ].join("");
  const rows = own ? `rows whose ${own.column} is the caller's id` : "every row";
  return { fix, effect: `${role} may ${VERBS[command]} ${rows} of ${facts.schema}.${facts.name}` };
}

const VERBS = { select: "read", insert: "insert", update: "update", delete: "delete" } as const;

/** A column that makes the rows in question the caller's own. */
async function ownRows({ table, userId, examiner, source }: Wanted) {
  if (userId === null) return null;
  for (const column of OWNERS) {
    const type = table.columns.get(column)?.baseType;
    if (type !== "uuid" && type !== "text") continue;
    const uid = type === "text" ? "(select auth.uid())::text" : "(select auth.uid())";
    const expression = `${quoteIdent(column)} = ${uid}`;
    const { passing } = await examiner.examine(source, expression);
    if (passing !== null && passing > 0) return { column, expression };
  }
  return null;
}

function freeName({ policies }: RelationFacts, role: string, command: string): string {
  const taken = new Set(policies.map(({ name }) => name));
  let name = `${role}_${command}`;
  for (let i = 2; taken.has(name); i++) name = `${role}_${command}_${i}`;
  return name.slice(0, 63);
}
