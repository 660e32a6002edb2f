/**
 * Turns catalogue rows into a `Schema`. Pure: the stores read the rows, tests write them by hand.
 */
import { buildRelationships } from "./build-relationships.ts";
import type {
  CatalogRows,
  ColumnRow,
  FunctionRow,
  MediaHandlerRow,
  RoleRow,
  TableRow,
} from "./catalog-rows.ts";
import { leavesTraces, observedIn } from "./observed-settings.ts";
import {
  type Column,
  type DatabaseFunction,
  type MediaHandler,
  mediaHandlerKey,
  type RoleFacts,
  representationKey,
  type Schema,
  type Setting,
  type Table,
  type TableKind,
  tableKey,
} from "./schema.ts";
import { ViewColumns } from "./view-columns.ts";

const KINDS: Readonly<Record<string, TableKind>> = {
  r: "table",
  p: "partitioned table",
  v: "view",
  m: "materialized view",
  f: "foreign table",
};
const INSERT = 8;
const UPDATE = 4;
const DELETE = 16;

export function buildSchema(version: number, rows: CatalogRows): Schema {
  const names = new Map(
    rows.tables.map((t) => [t.oid, new Map(t.columns.map((c) => [c.position, c.name]))]),
  );
  const views = new ViewColumns(rows.viewRules, names);
  const keys = primaryKeys(rows, names, views);
  const exposed = new Map(
    rows.tables.map((row, i) => [row.oid, toTable(row, i, keys.get(row.oid) ?? [])]),
  );
  const functions = rows.functions.map((f) => toFunction(f, exposed));
  return {
    version,
    tables: new Map([...exposed.values()].map((t) => [tableKey(t.schema, t.name), t])),
    relationships: buildRelationships(rows, { exposed, names, views }),
    functions: Map.groupBy(functions, (f) => tableKey(f.schema, f.name)),
    representations: new Map(
      rows.representations.map((r) => [representationKey(r.source, r.target), r.function]),
    ),
    mediaHandlers: new Map(
      rows.mediaHandlers
        .map(toMediaHandler)
        .map((h) => [mediaHandlerKey(h.mediaType, h.target), h]),
    ),
    timezones: new Set(rows.timezones),
    hasPostgis: rows.hasPostgis,
    roles: new Map(rows.roles.map((role) => [role.name, toRoleFacts(role)])),
    descriptions: new Map(rows.descriptions),
    observed: observedIn(rows.code && [...rows.code.others, ...rows.code.ofTriggers]),
    sharesTransactions: rows.code?.mayShare === true && !leavesTraces(rows.code.others),
  };
}

/** Of tables, and of views that show all columns of a primary key under them. */
function primaryKeys(
  rows: CatalogRows,
  names: ReadonlyMap<number, ReadonlyMap<number, string>>,
  views: ViewColumns,
): Map<number, string[]> {
  const found = new Map<number, string[]>();
  for (const key of rows.keys) {
    if (key.kind !== "p") continue;
    const own = names.get(key.table_oid);
    if (own)
      found.set(
        key.table_oid,
        key.columns.map((c) => own.get(c) ?? ""),
      );
    const over = new Set(views.showing(key.table_oid, key.columns).map((s) => s.view));
    for (const view of over) {
      const shown = views.firstShowing(key.table_oid, key.columns, view) ?? [];
      found.set(view, [...new Set([...(found.get(view) ?? []), ...shown])]);
    }
  }
  return found;
}

function toTable(row: TableRow, index: number, primaryKey: readonly string[]): Table {
  return {
    index,
    schema: row.schema,
    name: row.name,
    kind: KINDS[row.kind] ?? "table",
    columns: new Map(row.columns.map((c) => [c.name, toColumn(c)])),
    primaryKey,
    insertable: (row.updatable & INSERT) !== 0,
    updatable: (row.updatable & UPDATE) !== 0,
    deletable: (row.updatable & DELETE) !== 0,
    isProtected: row.is_protected,
    exposedThrough: row.exposed_through,
    description: row.description,
    hasHeirs: row.has_heirs,
  };
}

function toColumn(row: ColumnRow): Column {
  return {
    name: row.name,
    type: row.type,
    baseType: row.base_type,
    domain: row.domain,
    defaultSql: row.default_sql,
    nullable: row.nullable,
    description: row.description,
    maxLength: row.max_length,
    enumValues: row.enum_values ?? [],
    position: row.position,
    generated: generatedOf(row),
  };
}

function generatedOf({ generated, identity }: ColumnRow): Column["generated"] {
  if (generated !== "") return "always";
  if (identity === "a") return "identity always";
  return identity === "d" ? "identity default" : null;
}

const ISOLATION = "default_transaction_isolation";

function toFunction(row: FunctionRow, exposed: ReadonlyMap<number, Table>): DatabaseFunction {
  const settings = row.settings.map(toSetting);
  return {
    schema: row.schema,
    name: row.name,
    description: row.description,
    parameters: row.parameters,
    returnsSet: row.returns_set,
    returnsComposite: row.returns_composite,
    returnsTable: exposed.get(row.returns_oid) ?? null,
    returnsVoid: row.returns_void,
    returnType: row.return_type,
    returnsBinary: row.returns_binary,
    outColumns: row.out_columns,
    volatility:
      row.volatility === "i" ? "immutable" : row.volatility === "s" ? "stable" : "volatile",
    isolation: isolationOf(settings),
    settings: settings.filter(([name]) => name !== ISOLATION),
    mediaType: row.media_type,
  };
}

function toSetting(text: string): Setting {
  const equals = text.indexOf("=");
  return [text.slice(0, equals), text.slice(equals + 1)];
}

function isolationOf(settings: readonly Setting[]): string | null {
  return settings.findLast(([name]) => name === ISOLATION)?.[1].toLowerCase() ?? null;
}

function toMediaHandler(row: MediaHandlerRow): MediaHandler {
  const { schema, name, media_type: mediaType, target_schema, target_name } = row;
  const target =
    target_schema === null || target_name === null
      ? null
      : { schema: target_schema, name: target_name };
  const contentType = mediaType === "*/*" ? "application/octet-stream" : mediaType;
  return { schema, name, mediaType, contentType, isBinary: row.is_binary, target };
}

function toRoleFacts(row: RoleRow): RoleFacts {
  const settings = new Map(row.settings.map(toSetting));
  return {
    bypassRls: row.bypass_rls,
    isolation: isolationOf([...settings]),
    settings: [...settings].filter(([name]) => name !== ISOLATION),
  };
}
