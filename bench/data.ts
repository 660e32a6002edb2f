/**
 * The data API under row security at 64 connections, beside its two floors in one run: bare
 * `Bun.serve` that answers the same bytes, and the bare SQL on the same kind of pool (our wire client
 * in a process of its own, no HTTP). The read by id also beside `sql.begin` of postgres.js.
 *
 * Every server is a process of its own; the load comes from another (`wrk` when installed). Rounds
 * are interleaved and the best of three counts, because what disturbs a machine only ever slows it.
 * Run: `bun run bench data [seconds per measurement] [part of a case's name]`.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import postgres from "postgres";
import { parseDatabaseUrl, postgresJsOptions } from "../src/postgres/url.ts";
import { CASES, type DataCase, setupSql } from "./load/data-cases.ts";
import { type LoadResult, runLoad } from "./load/http-load.ts";
import type { Answers, PeerOptions } from "./load/peer-server.ts";
import { type Child, cpuOf, cpuWithChildren, parentOf, start } from "./load/processes.ts";

const CONNECTIONS = 64;
const ROUNDS = 3;
/** Of the case with many: people who use an application at the same time. */
const USERS = 32;
/** `database.pool_size`, unless configured. */
const POOL_SIZE = 8;
const WARM_UP_S = 1;
const ROOT = join(import.meta.dir, "..");
const SECONDS = Number(process.argv.slice(2).find((word) => /^\d+$/.test(word)) ?? 3);
const WANTED = process.argv.slice(2).find((word) => !/^\d+$/.test(word)) ?? "";

const WAYS = ["bare Bun.serve", "bare SQL, no HTTP", "Reactor", "sql.begin, postgres.js"] as const;
type Way = (typeof WAYS)[number];

interface Figures extends LoadResult {
  readonly serverCpuUs: number;
  readonly postgresCpuUs: number;
}

interface Bench {
  readonly reactor: Child;
  readonly bare: Child;
  readonly pool: Child;
  readonly begin: Child;
  readonly reactorPid: number;
  readonly postmaster: number;
  /** `apikey`, and `Authorization` of the first user. */
  readonly headers: Readonly<Record<string, string>>;
  /** `Authorization` of all of them. */
  readonly authorizations: readonly string[];
  readonly sql: postgres.Sql;
}

interface Session {
  readonly access_token: string;
  readonly user: { readonly id: string };
}

async function adminStatus(dataDir: string) {
  const file = JSON.parse(readFileSync(join(dataDir, "server.json"), "utf8")) as {
    url: string;
    admin_token: string;
  };
  const response = await fetch(`${file.url}/_admin/status`, {
    headers: { authorization: `Bearer ${file.admin_token}` },
  });
  return (await response.json()) as { pid: number; publishable_key: string; database_url: string };
}

async function signUp(url: string, apikey: string, at: number): Promise<Session> {
  const answer = await fetch(`${url}/auth/v1/signup`, {
    method: "POST",
    headers: { "content-type": "application/json", apikey },
    body: JSON.stringify({ email: `bench${at}@example.com`, password: "correct horse battery 9" }),
  });
  return (await answer.json()) as Session;
}

/** What is asked for once. */
const ID = 42;

/** The answers that the bare server repeats, once the schema cache knows the tables. */
async function answersOf(url: string, apikey: string, users: readonly string[]): Promise<Answers> {
  const answers: Answers = {};
  const requestOf = ({ method, headers, body, byMany }: DataCase): RequestInit => {
    const Authorization = users[byMany ? ID % users.length : 0] ?? "";
    return { method, headers: { apikey, Authorization, ...headers }, body };
  };
  for (const one of CASES) {
    const target = `${url}/data/v1${one.target.replace("$id", String(ID))}`;
    let response = await fetch(target, requestOf(one));
    for (let attempt = 0; response.status >= 300 && attempt < 200; attempt++) {
      await response.text();
      await Bun.sleep(25);
      response = await fetch(target, requestOf(one));
    }
    const sent = [...response.headers].filter(([name]) => !/^(date|content-length)$/.test(name));
    const body = await response.text();
    if (response.status >= 300) throw new Error(`${one.name}: ${response.status} ${body}`);
    answers[one.name] = { status: response.status, body, headers: Object.fromEntries(sent) };
  }
  return answers;
}

/** The two sides must do the same work, or their ratio says nothing. */
async function compare(pool: Child, answers: Answers): Promise<void> {
  for (const one of CASES.filter(({ method }) => method === "GET")) {
    const query = new URLSearchParams({ case: one.name, once: String(ID) });
    const bare: unknown = await (await fetch(`${pool.url}/?${query}`)).json();
    const ours: unknown = JSON.parse(answers[one.name]?.body ?? "");
    if (!isDeepStrictEqual(bare, ours)) throw new Error(`${one.name}: the bare SQL differs`);
  }
}

async function measure(bench: Bench, way: Way, one: DataCase): Promise<Figures> {
  const pid = { Reactor: bench.reactorPid, "bare Bun.serve": bench.bare.pid }[way as string];
  const server = pid ?? (way === "sql.begin, postgres.js" ? bench.begin.pid : bench.pool.pid);
  const run = (seconds: number) => load(bench, way, one, seconds);
  if (one.method === "POST") await bench.sql`truncate entries`;
  await run(WARM_UP_S);
  const before = [cpuOf(server), cpuWithChildren(bench.postmaster)] as const;
  const result = await run(SECONDS);
  if (result.errors > 0) throw new Error(`${way}, ${one.name}: ${result.errors} errors`);
  const perRequest = (seconds: number) => (seconds * 1e6) / result.requests;
  return {
    ...result,
    serverCpuUs: perRequest(cpuOf(server) - before[0]),
    postgresCpuUs: perRequest(cpuWithChildren(bench.postmaster) - before[1]),
  };
}

async function load(bench: Bench, way: Way, one: DataCase, seconds: number): Promise<LoadResult> {
  const name = encodeURIComponent(one.name);
  if (way === "bare SQL, no HTTP") {
    const answer = await fetch(`${bench.pool.url}/run?case=${name}&seconds=${seconds}`);
    return (await answer.json()) as LoadResult;
  }
  if (way === "bare Bun.serve") await fetch(`${bench.bare.url}/answer?case=${name}`);
  const child = { "bare Bun.serve": bench.bare, Reactor: bench.reactor }[way as string];
  return runLoad({
    origin: (child ?? bench.begin).url,
    method: one.method,
    target: `/data/v1${one.target}`,
    ids: one.ids,
    headers: {
      ...(one.byMany ? { apikey: bench.headers["apikey"] ?? "" } : bench.headers),
      ...one.headers,
    },
    ...(one.byMany ? { authorizations: bench.authorizations } : {}),
    body: one.body,
    connections: CONNECTIONS,
    seconds,
  });
}

async function prepare(dataDir: string, children: Child[], program: string[]): Promise<Bench> {
  const flags = ["serve", "--data-dir", dataDir, "--project", dataDir, "--port", "0"];
  const reactor = await start([...program, ...flags]);
  children.push(reactor);
  const status = await adminStatus(dataDir);
  const { publishable_key: apikey } = status;
  const sessions: Session[] = [];
  for (let at = 0; at < USERS; at++) sessions.push(await signUp(reactor.url, apikey, at));
  const authorizations = sessions.map((session) => `Bearer ${session.access_token}`);
  const owner = postgresJsOptions(parseDatabaseUrl(status.database_url));
  const sql = postgres({ ...owner, max: 1, onnotice: () => undefined });
  await sql.unsafe(setupSql(sessions.map(({ user }) => user.id)));
  await sql.unsafe("analyze");
  const [backend] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  const headers = { apikey, Authorization: authorizations[0] ?? "" };
  const options: PeerOptions = {
    databaseUrl: status.database_url,
    users: sessions.map(({ access_token, user }) => ({
      id: user.id,
      claims: Buffer.from(access_token.split(".")[1] ?? "", "base64url").toString(),
    })),
    callers: CONNECTIONS,
    poolSize: POOL_SIZE,
    answers: await answersOf(reactor.url, apikey, authorizations),
  };
  const file = join(dataDir, "peer.json");
  writeFileSync(file, JSON.stringify(options));
  const peer = async (mode: string) => {
    const child = await start([process.execPath, "bench/load/peer-server.ts", mode, file]);
    children.push(child);
    return child;
  };
  const pool = await peer("pool");
  await compare(pool, options.answers);
  return {
    reactor,
    bare: await peer("bare"),
    pool,
    begin: await peer("begin"),
    reactorPid: status.pid,
    postmaster: parentOf(backend?.pid ?? 0),
    headers,
    authorizations,
    sql,
  };
}

async function measureAll(bench: Bench): Promise<Map<DataCase, Map<Way, Figures>>> {
  const best = new Map<DataCase, Map<Way, Figures>>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const one of CASES.filter(({ name }) => name.includes(WANTED))) {
      const figures = best.get(one) ?? new Map<Way, Figures>();
      best.set(one, figures);
      for (const way of WAYS) {
        if (way === "sql.begin, postgres.js" && one.name !== "read by id") continue;
        const now = await measure(bench, way, one);
        const known = figures.get(way);
        if (!known || now.perS > known.perS) figures.set(way, now);
      }
    }
  }
  return best;
}

function report(best: Map<DataCase, Map<Way, Figures>>): void {
  console.log(
    "| case | way | req/s | of bare | of bare SQL | p50 ms | p99 ms | server CPU us | PostgreSQL CPU us |",
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
  for (const [one, figures] of best) {
    const share = (way: Way, perS: number) => {
      const floor = figures.get(way)?.perS;
      return floor === undefined ? "-" : `${((100 * perS) / floor).toFixed(1)} %`;
    };
    for (const [way, f] of figures) {
      const database = way === "bare Bun.serve" ? "-" : f.postgresCpuUs.toFixed(1);
      const cells = [
        one.name,
        way === "Reactor" ? "**Reactor**" : way,
        Math.round(f.perS),
        share("bare Bun.serve", f.perS),
        share("bare SQL, no HTTP", f.perS),
        f.p50Ms.toFixed(2),
        f.p99Ms.toFixed(2),
        f.serverCpuUs.toFixed(1),
        database,
      ];
      console.log(`| ${cells.join(" | ")} |`);
    }
  }
}

async function main(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "reactor-bench-"));
  const built = join(ROOT, "dist/reactor");
  const program = (await Bun.file(built).exists()) ? [built] : [process.execPath, "src/main.ts"];
  const children: Child[] = [];
  try {
    const bench = await prepare(dataDir, children, program);
    console.log(
      `${CONNECTIONS} connections, best of ${ROUNDS} rounds of ${SECONDS} s, ${program[0] === built ? "compiled" : "from source"}\n`,
    );
    report(await measureAll(bench));
    await bench.sql.end();
  } finally {
    for (const child of children.toReversed()) await child.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

await main();
