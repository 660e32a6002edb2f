/** A judged change as its subscriber gets it: only what its role may read and it asked for. */
import type { Change, ChangeType } from "../change-feed.ts";
import type { Case } from "./case.ts";
import type { RowView } from "./row-view.ts";
import type { Subscription } from "./subscription.ts";
import type { TableCourt } from "./table-court.ts";

export interface WriteOptions {
  readonly one: Case;
  readonly type: ChangeType;
  readonly candidate: Subscription;
  readonly court: TableCourt;
  readonly id: string;
}

export function writeChange({ one, type, candidate, court, id }: WriteOptions): Change {
  const { shape, committedAtMs } = one.change;
  const rights = court.rightsOf(candidate.identity);
  const { columns } = candidate.interest;
  const isWanted = (name: string) =>
    rights?.columns.has(name) === true && (columns?.includes(name) ?? true);
  const oldNames = rights ? court.oldColumns(one, rights) : new Set<string>();
  // Of an update that did not touch the key, the old key is the new one.
  const old: RowView | null = type === "INSERT" ? null : (one.old ?? one.row);
  return {
    id,
    commitTimestamp: new Date(committedAtMs).toISOString(),
    schema: shape.schema,
    table: shape.table,
    type,
    columns: shape.columns
      .filter(({ name }) => isWanted(name))
      .map(({ name, type: t }) => ({ name, type: t })),
    record: one.row?.json(isWanted) ?? null,
    oldRecord: old?.json((name) => oldNames.has(name) && isWanted(name)) ?? null,
  };
}
