/**
 * User-scoped reads by id under row security: our wire client (by pipelining depth) beside
 * `sql.begin` of postgres.js, and beside a bare select without role or claims. CPU is that of this
 * process (`process.cpuUsage`), the steadier figure on a shared machine. Run: `bun run bench wire`.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import { migrationSet } from "../src/postgres/migration-plan.ts";
import { migrate } from "../src/postgres/migrator.ts";
import { parseDatabaseUrl, postgresJsOptions } from "../src/postgres/url.ts";
import { createUserPool } from "../src/postgres/wire/user-pool.ts";
import { systemClock } from "../src/shared/clock.ts";
import { systemRng } from "../src/shared/rng.ts";
import { silentLog, testPostgres } from "../test/support/postgres.ts";

const CALLERS = 64;
const ROWS = 10_000;
const RUN_MS = Number(process.argv.find((argument) => /^\d+$/.test(argument)) ?? 2_000);
const OWNER = "0190aaaa-0000-7000-8000-000000000001";
const CLAIMS = JSON.stringify({
  sub: OWNER,
  role: "authenticated",
  email: "someone@example.com",
  iss: "http://localhost:8000/auth/v1",
  aud: "authenticated",
  exp: 1_900_000_000,
});
const BY_ID =
  "select coalesce(json_agg(x),'[]')::text from (select * from items where id = $1::int) x";
const SETUP = `
  create table items (id int primary key, owner uuid not null, title text not null, n int not null);
  insert into items select i, '${OWNER}', 'item ' || i, i % 7 from generate_series(1, ${ROWS}) i;
  alter table items enable row level security;
  create policy own on items using (owner = (select auth.uid()));
  analyze items;`;

interface Figure {
  readonly name: string;
  readonly perS: number;
  readonly cpuUs: number;
}

/** 64 callers in a loop for the given time, after a warm-up of a fifth of it. */
async function measure(name: string, one: () => Promise<unknown>): Promise<Figure> {
  let isRunning = true;
  let count = 0;
  const caller = async () => {
    while (isRunning) {
      await one();
      count += 1;
    }
  };
  const callers = Array.from({ length: CALLERS }, caller);
  await Bun.sleep(RUN_MS / 5);
  const [startMs, startCpu, startCount] = [performance.now(), process.cpuUsage(), count];
  await Bun.sleep(RUN_MS);
  const cpu = process.cpuUsage(startCpu);
  const done = count - startCount;
  const seconds = (performance.now() - startMs) / 1000;
  isRunning = false;
  await Promise.all(callers);
  return { name, perS: done / seconds, cpuUs: (cpu.user + cpu.system) / done };
}

function randomId(): string {
  return String(1 + Math.floor(Math.random() * ROWS));
}

async function measureWire(url: string, depth: number, size: number): Promise<Figure> {
  const pool = createUserPool({
    address: parseDatabaseUrl(url),
    limits: { depth, size },
    clock: systemClock,
    rng: systemRng,
    log: silentLog,
  });
  const settings = [
    ["request.jwt.claims", CLAIMS],
    ["request.method", "GET"],
    ["request.path", "/items"],
  ] as const;
  const figure = await measure(`wire, ${size} connections, depth ${depth}`, () =>
    pool.query({ role: "authenticated", settings, sql: BY_ID, params: [randomId()] }),
  );
  await pool.close();
  return figure;
}

function beginPerRequest(sql: Sql): Promise<unknown> {
  return sql.begin(async (tx) => {
    await tx`select set_config('role', 'authenticated', true),
      set_config('request.jwt.claims', ${CLAIMS}, true), set_config('request.method', 'GET', true),
      set_config('request.path', '/items', true)`;
    await tx.unsafe(BY_ID, [randomId()], { prepare: true });
  });
}

async function main(): Promise<void> {
  const server = await testPostgres();
  const database = await server.createDatabase();
  const owner = { ...postgresJsOptions(parseDatabaseUrl(database.url)), onnotice: () => undefined };
  const sql = postgres({ ...owner, max: 4 });
  const roles = readFileSync(join(import.meta.dir, "../migrations/system/0001_roles.sql"), "utf8");
  const system = migrationSet("system", [{ name: "0001_roles", sql: roles }]);
  await migrate(sql, [system], { clock: systemClock, log: silentLog });
  await sql.unsafe(SETUP);
  const userUrl = database.url.replace(/\/\/[^@]*@/, "//authenticator@");
  const authenticator = postgres({ ...owner, username: "authenticator", max: 4 });

  const figures = [
    await measure("bare select, postgres.js", () =>
      sql.unsafe(BY_ID, [randomId()], { prepare: true }),
    ),
  ];
  for (const depth of [1, 2, 4, 8, 16]) figures.push(await measureWire(userUrl, depth, 4));
  figures.push(await measureWire(userUrl, 4, 2), await measureWire(userUrl, 4, 8));
  const begin = await measure("sql.begin, postgres.js", () => beginPerRequest(authenticator));
  figures.push(begin);

  console.log("| way | req/s | CPU us per query | times sql.begin |\n| --- | --- | --- | --- |");
  for (const { name, perS, cpuUs } of figures) {
    const ratio = (perS / begin.perS).toFixed(1);
    console.log(`| ${name} | ${Math.round(perS)} | ${cpuUs.toFixed(1)} | ${ratio} |`);
  }
  await Promise.all([sql.end(), authenticator.end()]);
  await database.drop();
}

await main();
