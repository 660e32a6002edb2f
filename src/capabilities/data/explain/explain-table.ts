/** Why a request for a table was refused, or answered nothing. */
import type { ReactorError } from "../../../core/errors.ts";
import type { Access, ObjectAccess, RowCounts } from "./access.ts";
import { readRelationFacts } from "./access-store.ts";
import { decideTable } from "./decide-table.ts";
import type { Examiner } from "./examine-rows.ts";
import type { Explaining } from "./explaining.ts";
import { findPolicies } from "./judge-policies.ts";
import { findPrivileges, type NeededRights, relationTitle } from "./privileges.ts";
import { relatedObjects, securityOf } from "./related.ts";
import type { Touched } from "./touched.ts";

/** @param error with which it was refused; null = it answered nothing. */
export async function explainTable(
  explaining: Explaining,
  touched: Touched,
  error: ReactorError | null,
): Promise<Access | null> {
  const { incoming, sql } = explaining;
  const { role, userId } = incoming.principal;
  const { table, command } = touched;
  const facts = await readRelationFacts(sql, role, table.schema, table.name);
  if (!facts) return null;
  const examiner = explaining.examinerOf(touched);
  const own: ObjectAccess = {
    object: relationTitle(facts),
    kind: table.kind,
    privileges: findPrivileges(facts, rightsOf(touched)),
    row_security: securityOf(facts),
    rows: await countRows(touched, examiner),
    policies: await findPolicies(facts, touched, examiner),
  };
  const related = await relatedObjects(explaining, touched, facts);
  const { decision, fix } = await decideTable({
    ...{ explaining, touched, facts, own, examiner, related, error },
  });
  return {
    role,
    user_id: userId,
    command: command === "put" ? "insert" : command,
    ...own,
    decided_by: decision,
    fix: fix?.fix ?? null,
    fix_effect: fix?.effect ?? null,
    related: related.map(({ access }) => access),
  };
}

function rightsOf({ command, needs, upserts }: Touched): NeededRights {
  const inserts = command === "insert" || command === "put";
  return {
    select: needs.needsSelect ? needs.select : null,
    insert: inserts ? needs.insert : null,
    update: command === "update" || upserts ? needs.update : null,
    delete: command === "delete",
  };
}

async function countRows(touched: Touched, examiner: Examiner): Promise<RowCounts> {
  const inserts = touched.command === "insert" || touched.command === "put";
  const proposes = touched.body !== null;
  return {
    examined: inserts ? null : (await examiner.examine("existing", null)).rows,
    visible: inserts ? null : await examiner.visible(),
    proposed: proposes ? (await examiner.examine("proposed", null)).rows : null,
  };
}
