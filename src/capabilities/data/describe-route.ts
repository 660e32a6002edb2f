/** What the OpenAPI page says of the table routes. */

type RouteName =
  | "callGet"
  | "callPost"
  | "read"
  | "head"
  | "insert"
  | "put"
  | "update"
  | "delete"
  | "options"
  | "types"
  | "root"
  | "subscribe";

const TEXTS: Readonly<Record<RouteName, readonly [summary: string, description: string]>> = {
  callGet: [
    "Call a function with arguments in the query",
    "Runs read-only. Parameters without an operator are arguments; filters, `select`, `order`, `limit` and `offset` shape what it returns.",
  ],
  callPost: [
    "Call a function with arguments in the body",
    "The members of the JSON object are the arguments by name; a single unnamed json parameter takes the whole body.",
  ],
  read: [
    "Read rows",
    "Rows of a table or view that the caller's policies show. Filters are `column=operator.value`; `select`, `order`, `limit` and `offset` shape the answer.",
  ],
  head: ["Count rows", "The headers of the same GET, with `Prefer: count=` in `Content-Range`."],
  insert: [
    "Insert or upsert rows",
    "One object or an array of objects. `Prefer: return=`, `resolution=` and `missing=` apply.",
  ],
  put: [
    "Insert or replace one row",
    "Filters name the whole primary key with `eq`, and the body holds the same values.",
  ],
  update: ["Update rows", "Sets the columns of the body on every row that the filters choose."],
  delete: ["Delete rows", "Deletes every row that the filters choose."],
  root: [
    "The schema as OpenAPI 2.0",
    "PostgREST's description of tables, views and functions that the caller may use (`openapi_mode`), or what `db_root_spec` answers.",
  ],
  subscribe: [
    "Follow the changes of a table",
    "Server-sent events `insert`, `update`, `delete`, `gap`, `heartbeat` and `end`. `events=insert,update` chooses kinds, `select` columns, filters rows; `Last-Event-ID` resumes.",
  ],
  types: [
    "The schema as TypeScript",
    "`lang=typescript`, `schemas=a,b` (default: those served). For the secret key, and in development on this machine.",
  ],
  options: ["Ask what a table takes", "`Allow` lists the methods."],
};

const ERROR = {
  description: "PostgREST code or SQLSTATE",
  content: {
    "application/json": {
      schema: {
        type: "object" as const,
        properties: {
          code: { type: "string" as const },
          message: { type: "string" as const },
          details: { type: "string" as const, nullable: true },
          hint: { type: "string" as const, nullable: true },
        },
      },
    },
  },
};

export function describeRoute(name: RouteName) {
  const [summary, description] = TEXTS[name];
  return {
    summary,
    description,
    tags: ["data"],
    security: [{ bearer: [] }, { apikey: [] }],
    responses: { 200: { description: "Done" }, 400: ERROR, 401: ERROR, 403: ERROR, 404: ERROR },
  };
}
