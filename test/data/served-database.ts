/** Servers of different `[data]` settings on one database, and its owner beside them. */
import postgres, { type Sql } from "postgres";
import { parseDatabaseUrl, postgresJsOptions } from "../../src/postgres/url.ts";
import { type TestDatabase, testPostgres } from "../support/postgres.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

type Settings = Readonly<Record<string, unknown>>;

export interface ServedDatabase {
  readonly sql: Sql;
  readonly name: string;
  /** A server with these settings; it ends with `close`. */
  serve(data?: Settings, database?: Settings): Promise<Served>;
  /** A server with these settings for as long as `use` takes. */
  during(data: Settings, use: (server: Served) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

export interface Served extends TestServer {
  ask(path: string, init?: RequestInit): Promise<Response>;
  /** The JSON of a 2xx answer to a GET. */
  read(path: string, headers?: Record<string, string>): Promise<unknown>;
  /** What a function of the test reads with `current_setting`. */
  setting(name: string, headers?: Record<string, string>): Promise<string | null>;
}

/** One function is there from the start: `public.setting(name)`. */
export async function openServedDatabase(): Promise<ServedDatabase> {
  const database: TestDatabase = await (await testPostgres()).createDatabase();
  const servers: TestServer[] = [];
  const serve = async (data: Settings = {}, ofDatabase: Settings = {}) => {
    const server = await startTestServer({
      only: ["auth", "data"],
      databaseUrl: database.url,
      vaultKey: Buffer.alloc(32, 7).toString("base64"),
      config: { data, database: { pool_size: 2, ...ofDatabase } },
    });
    servers.push(server);
    return servedBy(server);
  };
  await (await serve()).stop();
  const sql = postgres({
    ...postgresJsOptions(parseDatabaseUrl(database.url)),
    max: 2,
    onnotice: () => undefined,
  });
  await sql.unsafe(`
    create function public.setting(name text) returns text language sql volatile
      as $$ select current_setting(name, true) $$`);
  return {
    sql,
    name: database.name,
    serve,
    async during(data, use) {
      const server = await serve(data);
      try {
        await use(server);
      } finally {
        await server.stop();
      }
    },
    async close() {
      await Promise.all(servers.map((server) => server.stop()));
      await sql.end({ timeout: 5 });
      await database.drop();
    },
  };
}

function servedBy(server: TestServer): Served {
  const ask = (path: string, init: RequestInit = {}) => fetch(`${server.url}/data/v1${path}`, init);
  const read = async (path: string, headers: Record<string, string> = {}) => {
    const response = await ask(path, { headers });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return text === "" ? null : (JSON.parse(text) as unknown);
  };
  return {
    ...server,
    ask,
    read,
    setting: async (name, headers) =>
      (await read(`/rpc/setting?name=${name}`, headers)) as string | null,
  };
}
