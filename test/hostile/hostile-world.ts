/** The compiled executable with the hostile project in it, and what the probes are told of it. */
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { processMemory } from "../../src/runtime/process-usage.ts";
import { type RunningExecutable, type TestUser, testUsers } from "../support/executable.ts";
import type { ExecutableBench } from "../support/executable-bench.ts";
import { processTree } from "../support/process-tree.ts";
import { startWeb, type Target, writeProject } from "./hostile-project.ts";

export interface Answer {
  readonly status: number;
  /** `code` of the error, if it is one. */
  readonly code: string | null;
  readonly text: string;
  readonly ms: number;
}

export interface HostileWorld {
  readonly server: RunningExecutable;
  readonly target: Target;
  /** As `/health` says it. */
  readonly level: string;
  /** Calls a guest; the caller may do no more than anybody with the publishable key. */
  call(path: string, body?: unknown): Promise<Answer>;
  /** Resident bytes of the server itself. */
  serverBytes(): number;
  close(): void;
}

const MARK = "hostile-mark-7301";

export async function startHostileWorld(
  bench: ExecutableBench,
  user: TestUser,
): Promise<HostileWorld> {
  const [folder, project] = [bench.folder(user), bench.folder()];
  const settings = '[runtime]\negress_private = ["127.0.0.2"]\n';
  writeFileSync(join(folder, "reactor.toml"), settings, { mode: 0o644 });
  writeProject(project);
  const env = { HOSTILE_MARK: MARK };
  const server = await bench.start(folder, ["serve", "--port", "0"], { user, env });
  const { status } = server;
  const to = ["--url", server.url, "--token", status.admin_token];
  const { code, stdout, stderr } = await bench.run(project, ["deploy", ...to]);
  if (code !== 0) throw new Error(`deploy: ${code} ${stdout} ${stderr}`);
  const web = startWeb();
  const call = callerOf(server);
  const target = await findTarget(bench, server, call, `http://127.0.0.2:${web.port}`);
  const health = await fetch(`${server.url}/health`, {
    headers: { authorization: `Bearer ${status.admin_token}` },
  });
  const { parts } = (await health.json()) as {
    parts: Record<string, { details?: { jail?: string } }>;
  };
  return {
    server,
    target,
    level: parts["functions"]?.details?.jail ?? "?",
    call,
    serverBytes: () => processMemory(server.pid),
    close: () => void web.stop(true),
  };
}

/** What the level must be for whom. */
export const levelOf = (user: TestUser) =>
  user === testUsers[0] && process.getuid?.() === 0 ? "full" : "standard";

function callerOf({ url, status }: RunningExecutable): HostileWorld["call"] {
  const headers = { apikey: status.publishable_key };
  return async (path, body = {}) => {
    const from = performance.now();
    const done = (status: number, text: string) => {
      const code = /^\{.*"code":"([a-z_]+)"/s.exec(text)?.[1] ?? null;
      return { status, code, text, ms: performance.now() - from };
    };
    try {
      const init = { method: "POST", headers, body: JSON.stringify(body), decompress: false };
      const answer = await fetch(`${url}/fn/v1/${path}`, init);
      return done(answer.status, await readUpTo(answer));
    } catch (error) {
      return done(0, String(error));
    }
  };
}

/** The first 64 KiB; reads on to the end, because that is what is measured. */
async function readUpTo(answer: Response): Promise<string> {
  let text = "";
  for await (const chunk of answer.body ?? []) {
    if (text.length < 65_536) text += new TextDecoder().decode(chunk);
  }
  return text;
}

async function findTarget(
  bench: ExecutableBench,
  server: RunningExecutable,
  call: HostileWorld["call"],
  web: string,
): Promise<Target> {
  const beside = join(dirname(bench.program), "beside.txt");
  writeFileSync(beside, "beside the executable", { mode: 0o644 });
  const neighbour = JSON.parse((await call("neighbour")).text) as { home: string; tmp: string };
  const runtime = dirname(dirname(dirname(neighbour.home)));
  const inData = filesBelow(server.dataDir);
  const inRuntime = filesBelow(runtime);
  const sockets = [...inData, ...inRuntime]
    .filter(({ isSocket }) => isSocket)
    .map(({ path }) => path);
  return {
    pid: server.pid,
    port: Number(new URL(server.url).port),
    secrets: [
      ...inData.filter(({ isFile, depth }) => isFile && depth === 0).map(({ path }) => path),
      beside,
      `/proc/${server.pid}/environ`,
      join(neighbour.home, "own.txt"),
      join(neighbour.tmp, "own.txt"),
    ],
    folders: [
      ...new Set([server.dataDir, dirname(server.dataDir), runtime, neighbour.home, neighbour.tmp]),
      dirname(bench.program),
      dirname(neighbour.home),
    ],
    sockets: [databaseSocket(server.pid), ...sockets],
    mark: MARK,
    web,
  };
}

/** The one that the running PostgreSQL listens on. */
function databaseSocket(pid: number): string {
  const directory = /unix_socket_directories="?([^"\s]+)/;
  const found = processTree(pid).flatMap(({ command }) => directory.exec(command)?.[1] ?? []);
  return join(found[0] ?? "", ".s.PGSQL.5432");
}

interface Found {
  readonly path: string;
  readonly isFile: boolean;
  readonly isSocket: boolean;
  readonly depth: number;
}

/** Files and sockets, three folders deep. */
function filesBelow(folder: string, depth = 0): Found[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat) return [];
    if (stat.isDirectory()) return depth < 3 ? filesBelow(path, depth + 1) : [];
    return [{ path, isFile: stat.isFile(), isSocket: stat.isSocket(), depth }];
  });
}
