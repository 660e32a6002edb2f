/** A small schema written by hand, for unit tests: clients, projects, tasks, users, task_users. */
import { buildSchema } from "./build-schema.ts";
import type { CatalogRows, ColumnRow, KeyRow, TableRow } from "./catalog-rows.ts";
import type { Schema } from "./schema.ts";

type NewColumn = Omit<ColumnRow, "position">;

export function column(name: string, type: string, more: Partial<NewColumn> = {}): NewColumn {
  return {
    name,
    type,
    base_type: type,
    domain: null,
    default_sql: null,
    nullable: true,
    description: null,
    max_length: null,
    enum_values: null,
    generated: "",
    identity: "",
    ...more,
  };
}

export function table(
  oid: number,
  name: string,
  columns: NewColumn[],
  more: Partial<TableRow> = {},
): TableRow {
  return {
    oid,
    schema: "public",
    name,
    kind: "r",
    columns: columns.map((c, i) => ({ ...c, position: i + 1 })),
    updatable: 28,
    is_protected: true,
    exposed_through: null,
    description: null,
    has_heirs: false,
    ...more,
  };
}

/** Columns by their place from 1; the key of the target is its first column. */
export function fk(name: string, tableOid: number, columns: number[], targetOid: number) {
  return { name, table_oid: tableOid, target_oid: targetOid, columns, target_columns: [1] };
}

export function primaryKey(tableOid: number, columns: number[] = [1]): KeyRow {
  return { table_oid: tableOid, kind: "p", columns };
}

export const NO_ROWS: CatalogRows = {
  tables: [],
  keys: [],
  foreignKeys: [],
  viewRules: [],
  computed: [],
  functions: [],
  representations: [],
  mediaHandlers: [],
  timezones: [],
  hasPostgis: false,
  code: null,
  roles: [],
  descriptions: [],
};

const ID = column("id", "integer", { default_sql: "nextval('s'::regclass)" });
const NAME = column("name", "text");

export const shopRows: CatalogRows = {
  ...NO_ROWS,
  tables: [
    table(1, "clients", [ID, NAME, column("data", "jsonb"), column("tags", "text[]")]),
    table(2, "projects", [
      ID,
      NAME,
      column("client_id", "integer"),
      column("billed_to", "integer"),
    ]),
    table(3, "tasks", [ID, NAME, column("project_id", "integer"), column("parent_id", "integer")]),
    table(4, "users", [ID, NAME]),
    table(5, "task_users", [column("task_id", "integer"), column("user_id", "integer")]),
    table(6, "open_view", [ID, NAME], { kind: "v", is_protected: false }),
  ],
  keys: [...[1, 2, 3, 4].map((oid) => primaryKey(oid)), primaryKey(5, [1, 2])],
  foreignKeys: [
    fk("projects_client_id_fkey", 2, [3], 1),
    fk("tasks_project_id_fkey", 3, [3], 2),
    fk("tasks_parent_id_fkey", 3, [4], 3),
    fk("task_users_task_id_fkey", 5, [1], 3),
    fk("task_users_user_id_fkey", 5, [2], 4),
  ],
  roles: [{ name: "service_role", bypass_rls: true, settings: [] }],
};

export const shopSchema: Schema = buildSchema(1, shopRows);

/** The same with a second way from projects to clients. */
export const ambiguousSchema: Schema = buildSchema(1, {
  ...NO_ROWS,
  tables: [
    table(1, "clients", [ID, NAME]),
    table(2, "projects", [ID, column("client_id", "integer"), column("billed_to", "integer")]),
  ],
  keys: [primaryKey(1), primaryKey(2)],
  foreignKeys: [fk("projects_client_id_fkey", 2, [2], 1), fk("projects_billed_to_fkey", 2, [3], 1)],
});
