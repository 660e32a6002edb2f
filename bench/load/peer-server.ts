/**
 * What Reactor is compared with, each in a process of its own: `bare` answers given bytes, `begin`
 * runs a read by id the usual way, one `sql.begin` of postgres.js per request, and `pool` runs the
 * bare SQL of a case on Reactor's own wire client, without HTTP: it is told to by a request.
 */
import { readFileSync } from "node:fs";
import postgres from "postgres";
import { parseDatabaseUrl, postgresJsOptions } from "../../src/postgres/url.ts";
import { createUserPool } from "../../src/postgres/wire/user-pool.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { systemRng } from "../../src/shared/rng.ts";
import { CASES, type DataCase } from "./data-cases.ts";
import type { LoadResult } from "./http-load.ts";

/** By the name of the case. */
export type Answers = Record<
  string,
  { status: number; body: string; headers: Record<string, string> }
>;

export interface PeerOptions {
  readonly databaseUrl: string;
  /** With the claims of their very tokens, so that the database reads the same on every side. */
  readonly users: readonly { readonly id: string; readonly claims: string }[];
  readonly callers: number;
  readonly poolSize: number;
  readonly answers: Answers;
}

const [mode, optionsFile = ""] = process.argv.slice(2);
const options = JSON.parse(readFileSync(optionsFile, "utf8")) as PeerOptions;
const databaseUrl = options.databaseUrl.replace(/\/\/[^@/]*@/, "//authenticator@");

function caseOf(request: Request): DataCase {
  const { pathname, searchParams } = new URL(request.url);
  const name = searchParams.get("case") ?? "";
  const found = CASES.find((one) => one.name === name);
  if (!found) throw new Error(`no case for ${pathname}`);
  return found;
}

/** One case for as long as it is told: another answer takes effect with `/answer?case=`. */
function bareServer() {
  let answer = Object.values(options.answers)[0];
  return async (request: Request): Promise<Response> => {
    if (request.url.includes("/answer?")) answer = options.answers[caseOf(request).name];
    if (request.method === "POST") await request.arrayBuffer();
    return new Response(answer?.body || null, answer);
  };
}

const BY_ID = `select pg_catalog.count(*), coalesce(pg_catalog.json_agg(_postgrest_t), '[]')::text as body,
  nullif(pg_catalog.current_setting('response.headers', true), ''), nullif(pg_catalog.current_setting('response.status', true), '')
  from (select "public"."items".* from "public"."items" where "public"."items"."id" = $1 limit 1000) as _postgrest_t`;

function beginServer() {
  const sql = postgres({ ...postgresJsOptions(parseDatabaseUrl(databaseUrl)), max: 4 });
  const { users, answers } = options;
  const [{ claims, id: user } = { claims: "", id: "" }] = users;
  const headers = answers["read by id"]?.headers ?? {};
  return async (request: Request): Promise<Response> => {
    const id = request.url.slice(request.url.lastIndexOf(".") + 1);
    const sent = JSON.stringify(Object.fromEntries(request.headers));
    const body = await sql.begin(async (tx) => {
      await tx`select set_config('role', 'authenticated', true), set_config('search_path', 'public', true),
        set_config('request.jwt.claims', ${claims}, true), set_config('request.method', 'GET', true),
        set_config('request.path', '/items', true), set_config('request.headers', ${sent}, true),
        set_config('request.jwt.claim.sub', ${user}, true)`;
      const [row] = await tx.unsafe<{ body: string }[]>(BY_ID, [id], { prepare: true });
      return row?.body ?? "[]";
    });
    return new Response(body, { headers });
  };
}

/** `/run?case=&seconds=`: callers in a loop, each with one query under way; the figures as JSON. */
function poolServer() {
  const pool = createUserPool({
    address: parseDatabaseUrl(databaseUrl),
    limits: { size: options.poolSize, queueLimit: 10_000, statementTimeoutMs: 30_000 },
    clock: systemClock,
    rng: systemRng,
    log: console as never,
  });
  const settings = options.users.map(
    ({ id, claims }) =>
      [
        ["request.jwt.claims", claims],
        ["request.jwt.claim.sub", id],
      ] as const,
  );
  const run = ({ sql, params, method, byMany }: DataCase, id: string) =>
    pool.query({
      role: "authenticated",
      settings: settings[byMany ? Number(id) % settings.length : 0] ?? [],
      sql,
      params: params(id),
      readOnly: method === "GET",
    });
  return async (request: Request): Promise<Response> => {
    const chosen = caseOf(request);
    const { searchParams } = new URL(request.url);
    const once = searchParams.get("once");
    if (once !== null) {
      const [row] = (await run(chosen, once)).rows;
      return new Response(row?.[0] as Uint8Array<ArrayBuffer> | undefined);
    }
    const endMs = performance.now() + Number(searchParams.get("seconds")) * 1000;
    return Response.json(await loop(endMs, chosen.ids, (id) => run(chosen, id)));
  };
}

async function loop(
  endMs: number,
  ids: number,
  run: (id: string) => Promise<unknown>,
): Promise<LoadResult> {
  const latencies: number[] = [];
  const startMs = performance.now();
  const caller = async () => {
    for (let nowMs = startMs; nowMs < endMs; ) {
      await run(String(1 + Math.floor(Math.random() * ids)));
      const thenMs = nowMs;
      nowMs = performance.now();
      latencies.push(nowMs - thenMs);
    }
  };
  await Promise.all(Array.from({ length: options.callers }, caller));
  const seconds = (performance.now() - startMs) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? 0;
  const requests = latencies.length;
  return { requests, perS: requests / seconds, p50Ms: at(0.5), p99Ms: at(0.99), errors: 0 };
}

const MODES = { bare: bareServer, begin: beginServer, pool: poolServer };
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 120,
  fetch: MODES[mode as keyof typeof MODES](),
});
console.log(`ready ${server.url.origin}`);
process.on("SIGTERM", () => process.exit(0));
