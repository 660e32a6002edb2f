/**
 * Reads of a table under row security, alone and while a crowd signs in: the storm must not be felt.
 * The crowd is of its own process too.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants, setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { parseDatabaseUrl, postgresJsOptions } from "../../src/postgres/url.ts";
import type { CrowdCounts, CrowdOptions } from "./login-crowd.ts";
import { type PacedResult, pooled, runPaced } from "./paced-load.ts";
import { type Child, start } from "./processes.ts";

const PASSWORD = "correct horse battery 9";
const PEOPLE = 20;
const CLIENTS = 64;
const READS_PER_S = 100;
const ROUNDS = 5;

export interface StormFigures {
  readonly alone: PacedResult;
  readonly inStorm: PacedResult;
  /** While something else takes a core, with the least priority: what any load of the machine costs a read. */
  readonly besideLoop: PacedResult;
  /** Of the storm, a second. */
  readonly signedIn: number;
  readonly turnedAway: number;
}

interface Server {
  readonly child: Child;
  readonly url: string;
  readonly apikey: string;
  readonly token: string;
}

const emailOf = (n: number) => `storm-${n}@example.com`;

/** Limits by address and account off: what is measured is the queue of hashes. */
const LIMITS_OFF = {
  REACTOR_AUTH__RATE_LIMIT_PASSWORD: "1000000",
  REACTOR_AUTH__RATE_LIMIT_PASSWORD_IDENTITY: "1000000",
  REACTOR_AUTH__RATE_LIMIT_SIGNUP: "1000000",
};

async function open(program: readonly string[], dataDir: string): Promise<Server> {
  const project = join(dataDir, "..");
  const command = [...program, "serve", "--data-dir", dataDir, "--project", project, "--port", "0"];
  const child = await start(command, LIMITS_OFF);
  const file = JSON.parse(readFileSync(join(dataDir, "server.json"), "utf8")) as {
    admin_token: string;
  };
  const status = (await (
    await fetch(`${child.url}/_admin/status`, {
      headers: { authorization: `Bearer ${file.admin_token}` },
    })
  ).json()) as { publishable_key: string; database_url: string };
  const apikey = status.publishable_key;
  const tokens: string[] = [];
  for (let n = 0; n < PEOPLE; n += 1) {
    const person = { email: emailOf(n), password: PASSWORD };
    const answer = await post(child.url, "/signup", apikey, person);
    tokens.push(((await answer.json()) as { access_token: string }).access_token);
  }
  const owner = postgresJsOptions(parseDatabaseUrl(status.database_url));
  const sql = postgres({ ...owner, max: 1, onnotice: () => undefined });
  await sql.unsafe(SETUP);
  await sql.end();
  return { child, url: child.url, apikey, token: tokens[0] ?? "" };
}

const SETUP = `
  create table public.storm_notes (id integer primary key, owner uuid not null, body text not null);
  alter table public.storm_notes enable row level security;
  create policy own on public.storm_notes for select to authenticated using (owner = auth.uid());
  insert into public.storm_notes
    select n, (select id from auth.users where email = 'storm-0@example.com'), 'note ' || n
    from generate_series(1, 1000) n;
  grant select on public.storm_notes to authenticated;
  notify pgrst, 'reload schema';`;

function post(url: string, path: string, apikey: string, body: unknown): Promise<Response> {
  return fetch(`${url}/auth/v1${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", apikey },
    body: JSON.stringify(body),
  });
}

function read(server: Server, folder: string, seconds: number): Promise<PacedResult> {
  const url = `${server.url}/data/v1/storm_notes?id=eq.42&select=id,body`;
  const headers = { apikey: server.apikey, Authorization: `Bearer ${server.token}` };
  return runPaced({ url, headers, perS: READS_PER_S, seconds }, folder);
}

/**
 * A crowd until told to stop; how many got in and how many were turned away. It yields to everybody:
 * elsewhere it would compute on machines of its own.
 */
function storm({ url, apikey }: Server, folder: string) {
  const options: CrowdOptions = {
    url: `${url}/auth/v1/token?grant_type=password`,
    headers: { "content-type": "application/json", apikey },
    people: Array.from({ length: PEOPLE }, (_, n) => ({ email: emailOf(n), password: PASSWORD })),
    clients: CLIENTS,
  };
  const file = join(folder, "crowd.json");
  writeFileSync(file, JSON.stringify(options));
  const script = join(import.meta.dir, "login-crowd.ts");
  const child = Bun.spawn([process.execPath, script, file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  setPriority(child.pid, constants.priority.PRIORITY_LOW);
  return async () => {
    child.kill("SIGTERM");
    return JSON.parse(await new Response(child.stdout).text()) as CrowdCounts;
  };
}

/** A process that only computes, for whoever yields to everybody. */
function loop() {
  const child = Bun.spawn([process.execPath, "-e", "for (;;);"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  setPriority(child.pid, constants.priority.PRIORITY_LOW);
  return async () => {
    child.kill("SIGKILL");
    await child.exited;
  };
}

/** Rounds are interleaved, and all of a kind count together. */
export async function measureStorm(
  program: readonly string[],
  seconds: number,
): Promise<StormFigures> {
  const folder = mkdtempSync(join(tmpdir(), "reactor-bench-"));
  const server = await open(program, join(folder, "data"));
  try {
    await read(server, folder, 1);
    const alone: PacedResult[] = [];
    const inStorm: PacedResult[] = [];
    const besideLoop: PacedResult[] = [];
    let [signedIn, turnedAway, stormS] = [0, 0, 0];
    for (let round = 0; round < ROUNDS; round += 1) {
      alone.push(await read(server, folder, seconds));
      const startedAt = performance.now();
      const end = storm(server, folder);
      inStorm.push(await read(server, folder, seconds));
      const counts = await end();
      stormS += (performance.now() - startedAt) / 1000;
      signedIn += counts.signedIn;
      turnedAway += counts.turnedAway;
      const endLoop = loop();
      besideLoop.push(await read(server, folder, seconds));
      await endLoop();
    }
    return {
      ...{ alone: pooled(alone), inStorm: pooled(inStorm), besideLoop: pooled(besideLoop) },
      ...{ signedIn: signedIn / stormS, turnedAway: turnedAway / stormS },
    };
  } finally {
    await server.child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
