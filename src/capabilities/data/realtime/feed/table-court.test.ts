import { expect, test } from "bun:test";
import { createMemoryLog } from "../../../../../test/support/memory-log.ts";
import { createSimClock } from "../../../../../test/support/sim-clock.ts";
import type { Column, Table } from "../../schema/schema.ts";
import type { ChangeType } from "../change-feed.ts";
import { Case } from "./case.ts";
import type { JudgeQueries } from "./judge-queries.ts";
import type { TextRows } from "./judge-store.ts";
import type { RawChange } from "./raw-change.ts";
import { Subscription } from "./subscription.ts";
import { TableCourt } from "./table-court.ts";
import type { TableFacts } from "./table-facts.ts";

const column = { name: "id", baseType: "integer" } as unknown as Column;
const table = {
  schema: "public",
  name: "t",
  columns: new Map([["id", column]]),
} as unknown as Table;
const facts = { oid: 1, keyColumns: ["id"], generated: [], plainTypes: new Map() };
const change: RawChange = {
  ...{ position: { lsn: 5n, index: 0 }, xid: null, committedAtMs: 0, type: "INSERT", reason: "" },
  shape: { schema: "public", table: "t", columns: [{ name: "id", type: "int4", form: "number" }] },
  ...{ row: ["7"], old: null, sizeBytes: 1 },
};

/** Every row is in everybody's sight, but was changed again since. */
function openQueries() {
  let policiesRead = 0;
  const asCaller = async (_caller: unknown, sql: string): Promise<TextRows> => {
    if (sql.includes("row_security_active")) return [["t", "t", "t", "t", '["id"]']];
    return sql.includes("ctid") ? [["now", "7"]] : [["1"]];
  };
  const queries = {
    asCaller,
    asOwner: async (): Promise<TextRows> => [
      ["0", "9:9:", null],
      ["1", "now", "f"],
    ],
    withOwner: async () => {
      policiesRead += 1;
      return { permissive: ["true"], restrictive: [] };
    },
  };
  return { queries: queries as unknown as JudgeQueries, policiesRead: () => policiesRead };
}

function subscriberOf(role: string, user: number): Subscription {
  const principal = { role, userId: `${user}`, claims: `{"sub":${user}}`, expiresAt: 1e15 };
  const types = new Set<ChangeType>(["INSERT"]);
  const sink = { change: () => undefined, gap: () => undefined, ended: () => undefined };
  return new Subscription({
    ...{ interest: { principal, schema: "public", table: "t", types, filters: [] }, sink },
    ...{ filters: { plain: [], sql: [] }, identity: { principal } },
  });
}

test("a role's policies are read once for a batch, however many of it are judged", async () => {
  const { queries, policiesRead } = openQueries();
  const clock = createSimClock();
  const court = new TableCourt({
    ...{ table, facts: facts as unknown as TableFacts, requireRls: true, queries, clock },
    ...{ bypassesRls: () => false, log: createMemoryLog(), signal: new AbortController().signal },
  });
  const users = Array.from({ length: 50 }, (_, n) => subscriberOf(n % 2 ? "one" : "other", n));
  const one = new Case(change, users);
  await court.judge([one]);
  expect(one.candidates).toHaveLength(50);
  expect(one.undecided.size).toBe(0);
  expect(policiesRead()).toBe(2);
});
