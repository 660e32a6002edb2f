/** The transaction in which a caller's rights are judged: that of a GET of theirs to the data API. */
import type { UserQuery } from "../../../../core/ports/database.ts";
import type { TenantCtx } from "../../../../core/tenant.ts";
import { errors } from "../../errors.ts";
import { NO_PREFERENCES } from "../../parse/prefer.ts";
import type { DataRoom } from "../../room.ts";
import { transactionOf } from "../../transaction.ts";
import type { Caller } from "./judge-queries.ts";

/** Policies that look at the path of a request see the mount alone: a change has none. */
const PATH = "/data/v1";

/** @throws PGRST002 while the schema is not known */
export function judgingAs(
  room: () => DataRoom,
  tenant: TenantCtx,
): (caller: Caller) => Omit<UserQuery, "sql" | "params" | "readOnly"> {
  const context = { path: PATH, tenant };
  return ({ principal, schema }) => {
    const state = room().cache.peek(tenant);
    if (!state) throw errors.PGRST002("the schema is not known yet");
    const incoming = { principal, schema, method: "GET", headers: new Headers(), context };
    return transactionOf(room(), incoming, state.schema, { preferences: NO_PREFERENCES });
  };
}
