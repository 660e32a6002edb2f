/** Why a call was refused, or answered nothing. */
import type { ReactorError } from "../../../core/errors.ts";
import { quoteIdent, quoteTable } from "../compile/quote.ts";
import type { DatabaseFunction } from "../schema/schema.ts";
import type { Access, ObjectAccess, PrivilegeFinding } from "./access.ts";
import {
  type FunctionFacts,
  type RelationFacts,
  readFunctionFacts,
  readRelationFacts,
  resolveRelation,
} from "./access-store.ts";
import { type Judged, missingRight } from "./decide-table.ts";
import { deniedObject, type Explaining } from "./explaining.ts";
import { firstMissing, grantStatement, relationTitle } from "./privileges.ts";
import { securityOf } from "./related.ts";

export async function explainFunction(
  explaining: Explaining,
  fn: DatabaseFunction,
  error: ReactorError | null,
): Promise<Access | null> {
  const { incoming, sql } = explaining;
  const { role, userId } = incoming.principal;
  const types = fn.parameters.map(({ type }) => type).join(", ");
  const facts = await readFunctionFacts(sql, role, `${quoteTable(fn)}(${types})`);
  if (!facts) return null;
  const object = `function ${facts.signature}`;
  const privileges: PrivilegeFinding[] = [
    { ...usageOf(fn.schema), granted: facts.hasUsage },
    { object, privilege: "execute", columns: null, granted: facts.mayExecute },
  ];
  const missing = firstMissing(privileges);
  const inside = missing || !error ? null : await deniedInside(explaining, facts, error);
  const judged = missing
    ? missingRight(missing, role)
    : judgeBody(object, facts, role, error, inside);
  return {
    role,
    user_id: userId,
    command: "execute",
    ...{ object, kind: "function", privileges, row_security: null, rows: null, policies: [] },
    decided_by: judged.decision,
    fix: judged.fix?.fix ?? null,
    fix_effect: judged.fix?.effect ?? null,
    related: inside ? [inside.access] : [],
  };
}

function usageOf(schema: string) {
  return { object: `schema ${quoteIdent(schema)}`, privilege: "usage", columns: null } as const;
}

interface Inside {
  readonly access: ObjectAccess;
  /** As whom the function looked. */
  readonly role: string;
}

/** The relation that the error names, with the rights of whoever the function runs as. */
async function deniedInside(
  { sql, room, incoming }: Explaining,
  { isDefiner, owner }: FunctionFacts,
  error: ReactorError,
): Promise<Inside | null> {
  const denied = deniedObject(error.message);
  if (denied === null) return null;
  const path = room.searchPaths.get(incoming.schema) ?? "";
  const found = await resolveRelation(sql, path, denied.name);
  if (!found) return null;
  const role = isDefiner ? owner : incoming.principal.role;
  const facts = await readRelationFacts(sql, role, found.schema, found.name);
  return facts && { access: insideAccess(facts), role };
}

function insideAccess(facts: RelationFacts): ObjectAccess {
  const object = relationTitle(facts);
  const rights = Object.entries(facts.rights) as [keyof RelationFacts["rights"], boolean][];
  return {
    object,
    kind: "table",
    privileges: [
      { ...usageOf(facts.schema), granted: facts.hasUsage },
      ...rights.map(([privilege, granted]) => ({ object, privilege, columns: null, granted })),
    ],
    row_security: securityOf(facts),
    rows: null,
    policies: facts.policies.map(({ isForRole, ...policy }) => ({
      ...policy,
      applies: isForRole && facts.isBound,
      ...{ rows_passing: null, rows_accepted: null, error: null },
    })),
  };
}

function judgeBody(
  object: string,
  { isDefiner, owner }: FunctionFacts,
  role: string,
  error: ReactorError | null,
  inside: Inside | null,
): Judged {
  const runner = isDefiner ? `its owner ${owner}` : role;
  const reason = error
    ? `The function was called and failed, running as ${runner}: ${error.message}`
    : `The function was called and returned nothing. It ran as ${runner}: the policies of what it reads are those for that role`;
  const missing =
    inside && /permission denied/.test(error?.message ?? "")
      ? firstMissing(inside.access.privileges)
      : undefined;
  return {
    decision: { kind: "function_body", object: inside?.access.object ?? object, names: [], reason },
    fix:
      missing && inside
        ? {
            fix: grantStatement(missing, inside.role),
            effect: `${inside.role} gets ${missing.privilege.toUpperCase()} on ${missing.object}`,
          }
        : null,
  };
}
