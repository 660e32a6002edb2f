/** A small schema written by hand, for unit tests: clients, projects, tasks, users, task_users. */
import { buildSchema, type ColumnRow, type TableRow } from "./build-schema.ts";
import type { Schema } from "./schema.ts";

function column(name: string, type: string, defaultSql: string | null = null): ColumnRow {
  return { name, type, base_type: type, default_sql: defaultSql, nullable: true };
}

function table(oid: number, name: string, columns: ColumnRow[], primaryKey = ["id"]): TableRow {
  return {
    oid,
    schema: "public",
    name,
    kind: "r",
    columns,
    primary_key: primaryKey,
    updatable: 28,
    is_protected: true,
    exposed_through: null,
  };
}

const ID = column("id", "integer", "nextval('s'::regclass)");
const NAME = column("name", "text");

export const shopSchema: Schema = buildSchema(1, {
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
    table(
      5,
      "task_users",
      [column("task_id", "integer"), column("user_id", "integer")],
      ["task_id", "user_id"],
    ),
    { ...table(6, "open_view", [ID, NAME], []), kind: "v", is_protected: false },
  ],
  foreignKeys: [
    fk("projects_client_id_fkey", 2, ["client_id"], 1),
    fk("tasks_project_id_fkey", 3, ["project_id"], 2),
    fk("tasks_parent_id_fkey", 3, ["parent_id"], 3),
    fk("task_users_task_id_fkey", 5, ["task_id"], 3),
    fk("task_users_user_id_fkey", 5, ["user_id"], 4),
  ],
  functions: [],
  bypassRoles: ["service_role"],
});

/** The same with a second way from projects to clients. */
export const ambiguousSchema: Schema = buildSchema(1, {
  tables: [
    table(1, "clients", [ID, NAME]),
    table(2, "projects", [ID, column("client_id", "integer"), column("billed_to", "integer")]),
  ],
  foreignKeys: [
    fk("projects_client_id_fkey", 2, ["client_id"], 1),
    fk("projects_billed_to_fkey", 2, ["billed_to"], 1),
  ],
  functions: [],
  bypassRoles: [],
});

function fk(name: string, tableOid: number, columns: string[], targetOid: number) {
  return {
    name,
    table_oid: tableOid,
    target_oid: targetOid,
    columns,
    target_columns: ["id"],
    is_unique: false,
  };
}
