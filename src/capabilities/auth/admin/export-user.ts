/**
 * `GET /auth/v1/admin/users/{id}/export`: all that is kept of a person, for them to have (GDPR
 * art. 15 and 20): the account, its log, and the rows of every table that refers to it.
 */
import { isUuid } from "../accounts/find-current-user.ts";
import { presentUser } from "../accounts/present-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { record, SERVICE } from "../record.ts";
import type { JsonObject } from "../schema.ts";
import { inTransaction } from "../store.ts";
import { presentEntry } from "./admin-list-audit.ts";
import { listAuditEntries } from "./audit-store.ts";
import { createReferencesStore, type Reference } from "./references-store.ts";

/** Rows of one table; more are left out, and it is said. */
const ROWS_MAX = 10_000;

/** What opens something, or was made of what does: nobody's to have, the person's neither. */
const SECRET =
  /secret|token|hash|password|hmac|nonce|verifier|challenge|credential|(?:^|_)(?:code|key)$/;

/** @throws user_not_found */
export async function exportUser(state: AuthState, caller: Caller, id: string) {
  if (!isUuid(id)) throw authErrors.user_id_invalid();
  return inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const user = await store.findUserById(id);
    if (!user) throw authErrors.user_not_found();
    const references = createReferencesStore(tx);
    const tables = [];
    for (const reference of await references.list()) {
      const rows = await references.rows(reference, id, ROWS_MAX + 1);
      if (rows.length > 0) tables.push(presentRows(reference, rows));
    }
    const log = await listAuditEntries(tx, { ...ANY, userId: id }, { limit: ROWS_MAX, offset: 0 });
    await record(state, tx, caller, SERVICE, "user_exported", id, { user_id: id });
    return {
      exported_at: state.now().toISOString(),
      user: presentUser(user, await store.identitiesOf([id])),
      audit_log: { entries: log.entries.map(presentEntry), truncated: log.total > ROWS_MAX },
      tables,
    };
  });
}

const ANY = {
  author: null,
  actionPart: null,
  type: null,
  action: null,
  address: null,
  after: null,
  before: null,
} as const;

function presentRows({ schema, table, column }: Reference, rows: readonly JsonObject[]) {
  const shown = rows.slice(0, ROWS_MAX);
  return {
    schema,
    table,
    column,
    rows: schema === "auth" ? shown.map(withoutSecrets) : shown,
    truncated: rows.length > ROWS_MAX,
  };
}

/** Our own tables keep hashes and keys; bytes, which JSON shows as `\\x…`, are nothing else there. */
function withoutSecrets(row: JsonObject): JsonObject {
  const open = Object.entries(row).filter(
    ([name, value]) => !SECRET.test(name) && !String(value).startsWith("\\x"),
  );
  return Object.fromEntries(open);
}
