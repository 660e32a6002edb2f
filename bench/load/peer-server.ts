/**
 * What `data-read` is compared with, each in a process of its own: `bare` answers given bytes,
 * `begin` runs the same SQL the usual way, one `sql.begin` per request.
 */
import { readFileSync } from "node:fs";
import postgres from "postgres";
import { parseDatabaseUrl, postgresJsOptions } from "../../src/postgres/url.ts";

const [mode, answerFile = ""] = process.argv.slice(2);
const answer = JSON.parse(readFileSync(answerFile, "utf8")) as {
  body: string;
  headers: Record<string, string>;
};

const BY_ID = `select pg_catalog.count(*), coalesce(pg_catalog.json_agg(_postgrest_t), '[]')::text as body,
  nullif(pg_catalog.current_setting('response.headers', true), ''), nullif(pg_catalog.current_setting('response.status', true), '')
  from (select "public"."items".* from "public"."items" where "public"."items"."id" = $1 limit 1000) as _postgrest_t`;

function bare(): Response {
  return new Response(answer.body, { headers: answer.headers });
}

function beginServer() {
  const url = (process.env["BENCH_DATABASE_URL"] ?? "").replace(/\/\/[^@/]*@/, "//authenticator@");
  const sql = postgres({ ...postgresJsOptions(parseDatabaseUrl(url)), max: 4 });
  const claims = process.env["BENCH_CLAIMS"] ?? "";
  const user = process.env["BENCH_USER"] ?? "";
  return async (request: Request): Promise<Response> => {
    const id = request.url.slice(request.url.lastIndexOf(".") + 1);
    const headers = JSON.stringify(Object.fromEntries(request.headers));
    const body = await sql.begin(async (tx) => {
      await tx`select set_config('role', 'authenticated', true), set_config('search_path', 'public', true),
        set_config('request.jwt.claims', ${claims}, true), set_config('request.method', 'GET', true),
        set_config('request.path', '/items', true), set_config('request.headers', ${headers}, true),
        set_config('request.jwt.claim.sub', ${user}, true)`;
      const [row] = await tx.unsafe<{ body: string }[]>(BY_ID, [id], { prepare: true });
      return row?.body ?? "[]";
    });
    return new Response(body, { headers: answer.headers });
  };
}

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: mode === "begin" ? beginServer() : bare,
});
console.log(`ready ${server.url.origin}`);
process.on("SIGTERM", () => process.exit(0));
