/**
 * RLS read by id over HTTP at 64 connections, three ways in one run: a real server (`dist/reactor`
 * when it is built, else from source), bare `Bun.serve` that answers the same bytes, and the same
 * SQL through `sql.begin` of postgres.js behind `Bun.serve`. Every server is a process of its own;
 * the load comes from another (`wrk` when installed). CPU is user + system time from /proc.
 * Run: `bun run bench data-read [seconds]`.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { parseDatabaseUrl, postgresJsOptions } from "../src/postgres/url.ts";
import { type LoadResult, runLoad } from "./load/http-load.ts";

const CONNECTIONS = 64;
const ROWS = 10_000;
const SECONDS = Number(process.argv[2] ?? 5);
const ROOT = join(import.meta.dir, "..");
const TICKS_PER_S = 100;

interface Measured extends LoadResult {
  readonly name: string;
  readonly serverCpuUs: number;
  readonly postgresCpuUs: number | null;
}

interface Child {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Starts a program whose output names its URL. */
async function start(command: string[], env: Record<string, string> = {}): Promise<Child> {
  const child = Bun.spawn(command, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", Bun.file("/dev/null")],
  });
  let text = "";
  for await (const chunk of child.stdout) {
    text += new TextDecoder().decode(chunk);
    const url = /https?:\/\/(?:127\.0\.0\.1|localhost):\d+/.exec(text)?.[0];
    if (url && text.includes("ready")) {
      const stop = async () => {
        child.kill("SIGTERM");
        await child.exited;
      };
      return { url, pid: child.pid, stop };
    }
  }
  throw new Error(`${command.join(" ")} ended before it was ready: ${text}`);
}

/** CPU seconds of one process so far. */
function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}

/** The postmaster and its children. */
function postgresPids(postmaster: number): number[] {
  const children = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === postmaster);
  return [postmaster, ...children];
}

function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return null; // ended between listing and reading
  }
}

async function measure(
  name: string,
  url: string,
  pid: number,
  postmaster: number | null,
  headers: Record<string, string>,
): Promise<Measured> {
  const load = (seconds: number) =>
    runLoad({
      url: `${url}/data/v1/items?id=eq.`,
      rows: ROWS,
      connections: CONNECTIONS,
      seconds,
      headers,
    });
  await load(1);
  const all = () =>
    postmaster === null ? 0 : postgresPids(postmaster).reduce((sum, p) => sum + cpuOf(p), 0);
  const [server, database] = [cpuOf(pid), all()];
  const result = await load(SECONDS);
  const perRequest = (seconds: number) => (seconds * 1e6) / result.requests;
  return {
    ...result,
    name,
    serverCpuUs: perRequest(cpuOf(pid) - server),
    postgresCpuUs: postmaster === null ? null : perRequest(all() - database),
  };
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

/** A user with a session, and the table with their rows. */
async function prepare(url: string, key: string, databaseUrl: string) {
  const answer = await fetch(`${url}/auth/v1/signup`, {
    method: "POST",
    headers: { "content-type": "application/json", apikey: key },
    body: JSON.stringify({ email: "bench@example.com", password: "correct horse battery 9" }),
  });
  const session = (await answer.json()) as { access_token: string; user: { id: string } };
  const sql = postgres({ ...postgresJsOptions(parseDatabaseUrl(databaseUrl)), max: 1 });
  await sql.unsafe(`
    create table public.items (id integer primary key, owner uuid not null, title text not null, n integer not null);
    insert into public.items select i, '${session.user.id}', 'item ' || i, i % 7 from generate_series(1, ${ROWS}) i;
    alter table public.items enable row level security;
    create policy own on public.items using (owner = (select auth.uid()));`);
  await sql.unsafe("analyze public.items");
  const [backend] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  const postmaster = parentOf(backend?.pid ?? 0);
  if (postmaster === null) throw new Error("no postmaster");
  await sql.end();
  return {
    headers: { apikey: key, authorization: `Bearer ${session.access_token}` },
    session,
    postmaster,
  };
}

/** Waits until the schema cache knows the table; the answer whose bytes the bare server repeats. */
async function firstAnswer(url: string, headers: Record<string, string>): Promise<Response> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const response = await fetch(`${url}/data/v1/items?id=eq.5000`, { headers });
    if (response.status === 200) return response;
    await response.text();
    await Bun.sleep(25);
  }
  throw new Error("the table was never served");
}

async function main(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "reactor-bench-"));
  const built = join(ROOT, "dist/reactor");
  const program = (await Bun.file(built).exists()) ? [built] : [process.execPath, "src/main.ts"];
  const reactor = await start([
    ...program,
    "serve",
    "--data-dir",
    dataDir,
    "--project",
    dataDir,
    "--port",
    "0",
  ]);
  const children = [reactor];
  try {
    const status = await adminStatus(dataDir);
    const { headers, session, postmaster } = await prepare(
      reactor.url,
      status.publishable_key,
      status.database_url,
    );
    const sample = await firstAnswer(reactor.url, headers);
    const answerFile = join(dataDir, "answer.json");
    const answerHeaders = Object.fromEntries(
      [...sample.headers].filter(([name]) => name !== "date" && name !== "content-length"),
    );
    writeFileSync(
      answerFile,
      JSON.stringify({ body: await sample.text(), headers: answerHeaders }),
    );
    const peer = (mode: string) =>
      start([process.execPath, "bench/load/peer-server.ts", mode, answerFile], {
        BENCH_DATABASE_URL: status.database_url,
        // The claims of the very token, so that the database parses the same on both sides.
        BENCH_CLAIMS: Buffer.from(session.access_token.split(".")[1] ?? "", "base64url").toString(),
        BENCH_USER: session.user.id,
      });
    const bareServer = await peer("bare");
    children.push(bareServer);
    const beginServer = await peer("begin");
    children.push(beginServer);
    const rows = [
      await measure("bare Bun.serve, same bytes", bareServer.url, bareServer.pid, null, headers),
      await measure("reactor", reactor.url, status.pid, postmaster, headers),
      await measure(
        "sql.begin of postgres.js",
        beginServer.url,
        beginServer.pid,
        postmaster,
        headers,
      ),
    ];
    report(rows, program[0] === built);
  } finally {
    for (const child of children.toReversed()) await child.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function report(rows: readonly Measured[], isCompiled: boolean): void {
  const [bare, , begin] = rows;
  console.log(
    `read by id under RLS, ${CONNECTIONS} connections, ${SECONDS} s, ${isCompiled ? "compiled" : "from source"}\n`,
  );
  console.log(
    "| way | req/s | of bare | times sql.begin | p50 ms | p99 ms | server CPU us | Postgres CPU us | errors |",
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
  for (const r of rows) {
    const ofBare = `${((100 * r.perS) / (bare?.perS ?? 1)).toFixed(1)} %`;
    const times = (r.perS / (begin?.perS ?? 1)).toFixed(1);
    const cpu = `${r.serverCpuUs.toFixed(1)} | ${r.postgresCpuUs?.toFixed(1) ?? "-"}`;
    console.log(
      `| ${r.name} | ${Math.round(r.perS)} | ${ofBare} | ${times} | ${r.p50Ms.toFixed(2)} | ${r.p99Ms.toFixed(2)} | ${cpu} | ${r.errors} |`,
    );
  }
}

await main();
