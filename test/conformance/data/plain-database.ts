/** A database that is nobody's but the tests', served as PostgREST serves one: by a login without rights. */
import postgres, { type Sql } from "postgres";
import { parseDatabaseUrl, postgresJsOptions } from "../../../src/postgres/url.ts";
import { testPostgres } from "../../support/postgres.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { SECRET } from "./tokens.ts";

type Settings = Readonly<Record<string, unknown>>;

export interface PlainDatabase {
  /** As the owner. */
  readonly sql: Sql;
  /**
   * `data` alone; anonymous callers are `anon`.
   * @param data keys of `[data]`
   * @param database keys of `[database]`
   */
  serve(data: Settings, database?: Settings): Promise<TestServer>;
  close(): Promise<void>;
}

/** Roles belong to the whole cluster, so they may be there from another test. */
const ROLES = `
  do $$
  declare
    wanted record;
  begin
    for wanted in
      select * from (values ('anon', 'nologin noinherit'), ('authenticator', 'login noinherit')) as roles (name, kind)
    loop
      begin
        execute format('create role %I %s', wanted.name, wanted.kind);
      exception when duplicate_object or unique_violation then
        null;
      end;
    end loop;
  end
  $$;
  grant anon to authenticator`;

export async function openPlainDatabase(): Promise<PlainDatabase> {
  const database = await (await testPostgres()).createDatabase();
  const sql = openOwner(database.url);
  await sql.unsafe(ROLES);
  const db_uri = database.url.replace(/^(postgres(?:ql)?:\/\/)[^@/]*@/, "$1authenticator@");
  return {
    sql,
    serve: (data, ofDatabase = {}) =>
      startTestServer({
        only: ["data"],
        databaseUrl: "postgresql://nobody@127.0.0.1:1/none",
        config: {
          data: { db_uri, jwt_secret: SECRET, db_anon_role: "anon", ...data },
          database: ofDatabase,
        },
      }),
    async close() {
      await sql.end({ timeout: 5 });
      await database.drop();
    },
  };
}

export function openOwner(url: string): Sql {
  const options = postgresJsOptions(parseDatabaseUrl(url));
  return postgres({ ...options, max: 1, onnotice: () => undefined });
}
