/** What a request touches and needs, read from it once more. */
import type { BodyShape } from "../compile/compile-body.ts";
import { findTable } from "../find-table.ts";
import type { Incoming } from "../incoming.ts";
import { parseQuery } from "../parse/parse-query.ts";
import { readQueryString } from "../parse/query-string.ts";
import { parseNames } from "../parse/select.ts";
import { planRead } from "../plan/plan-read.ts";
import type { EmbedNode, PlannedCondition, ReadNode } from "../plan/read-plan.ts";
import { readPayload, shapeBody } from "../read-body.ts";
import { readPreferences } from "../read-preferences.ts";
import type { DataRoom } from "../room.ts";
import type { Schema, Table } from "../schema/schema.ts";

export type TableCommand = "select" | "insert" | "put" | "update" | "delete";

/** Columns that a right is needed for; null = the right on the table, as for DELETE. */
export interface Needs {
  readonly select: ReadonlySet<string>;
  readonly insert: ReadonlySet<string>;
  readonly update: ReadonlySet<string>;
  /** A bare `select=` or a count still needs SELECT on something. */
  readonly needsSelect: boolean;
}

export interface Touched {
  readonly command: TableCommand;
  readonly table: Table;
  readonly node: ReadNode;
  readonly values: readonly string[];
  readonly body: { readonly shape: BodyShape; readonly bytes: Uint8Array } | null;
  /** Existing rows may be overwritten. */
  readonly upserts: boolean;
  /** The answer shows the rows that were written. */
  readonly shows: boolean;
  readonly needs: Needs;
  /** Embedded tables and junctions, with the columns that are read. */
  readonly embedded: readonly { readonly table: Table; readonly columns: ReadonlySet<string> }[];
}

export async function touchedBy(
  room: DataRoom,
  request: Request,
  incoming: Incoming,
  schema: Schema,
  name: string,
  command: TableCommand,
): Promise<Touched> {
  const table = findTable(schema, incoming.schema, name);
  const raw = readQueryString(incoming.search, room.limits);
  const query = parseQuery(raw, { limit: null, offset: null }, room.config.max_embed_depth);
  const node = planRead(schema, table, query, room.config);
  const preferences = readPreferences(room, incoming, schema);
  const writes = command === "insert" || command === "put" || command === "update";
  const named = raw.columns === null ? null : parseNames(raw.columns, "columns parameter");
  const payload = writes
    ? await readPayload(request, room.config.max_body_bytes, {
        of: "rows",
        hasColumns: named !== null,
      })
    : null;
  const shape = payload ? shapeBody(payload, table, named) : null;
  const shows = command === "select" || preferences.return === "representation";
  const upserts = command === "put" || preferences.resolution === "merge-duplicates";
  const body = payload && shape ? { shape, bytes: payload.bytes } : null;
  const written = new Set(shape?.columns.map((column) => column.name));
  const read = new Set<string>();
  if (shows) for (const column of shownColumns(node)) read.add(column);
  const filtered = command === "insert" ? [] : known(table, filterColumns(node.where));
  for (const column of filtered) read.add(column);
  return {
    command,
    table,
    node,
    values: raw.values,
    body,
    upserts: command === "put" || (command === "insert" && upserts),
    shows,
    embedded: shows ? node.embeds.flatMap(embeddedTables) : [],
    needs: {
      select: read,
      insert: command === "insert" || command === "put" ? written : new Set(),
      update:
        command === "update" || command === "put" || (command === "insert" && upserts)
          ? written
          : new Set(),
      needsSelect: command === "select" || read.size > 0,
    },
  };
}

/** Columns of a level that its select, order and joins read; `*` is all of them. */
function shownColumns(node: ReadNode): string[] {
  const names = node.fields.flatMap((field) => {
    if (field.kind === "star") return [...node.table.columns.keys()];
    return field.kind === "field" ? [field.field.name] : [];
  });
  const ordered = node.order.filter((term) => term.relation === null).map((t) => t.field.name);
  const joined = node.embeds.flatMap(({ relationship }) =>
    relationship.kind === "computed" ? [] : relationship.originColumns,
  );
  return known(node.table, [...names, ...ordered, ...joined]);
}

/** What is no column is a function over the row, which has its own rights. */
function known(table: Table, names: readonly string[]): string[] {
  return names.filter((name) => table.columns.has(name));
}

function filterColumns(conditions: readonly PlannedCondition[]): string[] {
  return conditions.flatMap((condition) => {
    if (condition.kind === "filter") return [condition.field.name];
    return condition.kind === "logic" ? filterColumns(condition.children) : [];
  });
}

function embeddedTables({ relationship, node }: EmbedNode): Touched["embedded"] {
  const below = node.embeds.flatMap(embeddedTables);
  if (relationship.kind === "computed") return below;
  const filters = known(node.table, filterColumns(node.where));
  const { junction, targetColumns } = relationship;
  const columns = new Set([...shownColumns(node), ...filters, ...targetColumns]);
  const joining = junction
    ? [
        {
          table: junction.table,
          columns: new Set([...junction.sourceColumns, ...junction.targetColumns]),
        },
      ]
    : [];
  return [{ table: node.table, columns }, ...joining, ...below];
}
