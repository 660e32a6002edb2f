/** Speaks the admin contract from memory, so that commands can be tested without a server. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const ADMIN_TOKEN = "rct_admin_test";
export const SECRET_KEY = "sb_secret_test";

interface Announced {
  readonly name: string;
  readonly sha256: string;
}

interface DeployBody {
  readonly dry_run: boolean;
  readonly migrations: readonly Announced[];
  readonly sections: { readonly functions: readonly Announced[] };
}

export interface FakeServer {
  readonly url: string;
  readonly parts: Map<string, Uint8Array>;
  readonly deploys: DeployBody[];
  /** `GET /_admin/logs?level=warn` with the role that asked. */
  readonly calls: string[];
  /** Answers of paths, in place of the usual ones. */
  readonly answers: Map<string, (request: Request) => Response | Promise<Response>>;
  /** Error body of the functions phase. */
  failFunctions: { code: string; message: string } | null;
  /** Writes server.json as a running server does. */
  announce(dataDir: string, pid?: number): void;
  stop(): void;
}

const LINES = [
  { time: "2026-01-01T00:00:00.000Z", level: "info", event: "boot.ready", ms: 12 },
  { time: "2026-01-01T00:00:01.000Z", level: "warn", event: "data.slow", capability: "data" },
];

function roleOf(request: Request): string {
  const token = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "")?.[1];
  if (token === undefined) return "nobody";
  return token === ADMIN_TOKEN ? "admin" : token === SECRET_KEY ? "key" : "stranger";
}

function refuse(status: number, code: string): Response {
  return Response.json({ code, message: "No", details: null, hint: "Try" }, { status });
}

function events(lines: readonly object[]): Response {
  const text = lines.map((line) => `event: log\ndata: ${JSON.stringify(line)}\n\n`).join("");
  return new Response(`: open\n\n${text}`, { headers: { "content-type": "text/event-stream" } });
}

export function startFakeServer(): FakeServer {
  const parts = new Map<string, Uint8Array>();
  const deploys: DeployBody[] = [];
  const calls: string[] = [];
  const answers: FakeServer["answers"] = new Map();
  const deploy = async (request: Request): Promise<Response> => {
    const body = (await request.json()) as DeployBody;
    deploys.push(body);
    const { functions } = body.sections;
    const missing = [...body.migrations, ...functions]
      .map((item) => item.sha256)
      .filter((sha256) => !parts.has(sha256));
    const planned = !body.dry_run && missing.length > 0;
    const phase = (section: string, items: readonly Announced[], error: object | null) => ({
      section,
      status: body.dry_run || planned ? "planned" : error ? "failed" : "complete",
      changes: items.map(({ name, sha256 }) => ({ name, action: "create", version: sha256 })),
      error,
    });
    const failed = server.failFunctions;
    const error = failed ? { ...failed, details: null, hint: null } : null;
    return Response.json({
      deploy_id: "d",
      status: body.dry_run ? "planned" : planned ? "needs_parts" : failed ? "partial" : "complete",
      missing,
      phases: [phase("migrations", body.migrations, null), phase("functions", functions, error)],
    });
  };
  const status = () => ({
    url,
    pid: 1,
    publishable_key: "sb_publishable_test",
    secret_key: SECRET_KEY,
    jwks_url: `${url}/auth/v1/.well-known/jwks.json`,
    database_url: "postgresql://x",
    version: "9.9.9",
    capabilities: { data: { status: "ok" } },
    data_dir: "/d",
    started_at: "2026-01-01T00:00:00.000Z",
  });
  const admin: Record<string, (request: Request) => Response | Promise<Response>> = {
    "GET /_admin/version": () => Response.json({ version: "9.9.9", capabilities: {} }),
    "GET /_admin/status": () => Response.json(status()),
    "GET /_admin/doctor": () =>
      Response.json({
        status: "warning",
        checks: [{ name: "disk", status: "warning", message: "Low", hint: "Free some" }],
      }),
    "GET /_admin/config": () =>
      Response.json({ values: [{ key: "server.port", value: 1, origin: "flag" }] }),
    "GET /_admin/logs": (request) =>
      new URL(request.url).searchParams.has("follow")
        ? events(LINES)
        : Response.json({ lines: LINES }),
    "GET /_admin/backup": () => new Response("backup-bytes"),
    "POST /_admin/shutdown": () => Response.json({ status: "stopping" }, { status: 202 }),
    "POST /_admin/migrate": () =>
      Response.json({
        status: "complete",
        applied: [{ area: "app", name: "0001_notes", ms: 3 }],
        pending: [],
        missing: [],
      }),
    "POST /_admin/deploy": deploy,
  };
  const handle = async (request: Request): Promise<Response> => {
    const { pathname, search } = new URL(request.url);
    const role = roleOf(request);
    const name = `${request.method} ${pathname}`;
    calls.push(`${name}${search} as ${role}`);
    const answer = answers.get(name);
    if (answer) return answer(request);
    if (pathname.startsWith("/_admin/")) {
      if (role !== "admin") return refuse(401, "admin_token_required");
      const part = /^PUT \/_admin\/deploy\/parts\/([0-9a-f]{64})$/.exec(name)?.[1];
      if (part !== undefined) {
        parts.set(part, await request.bytes());
        return new Response(null, { status: 204 });
      }
      return admin[name]?.(request) ?? refuse(404, "not_found");
    }
    if (pathname.startsWith("/fn/v1/_admin")) {
      if (role !== "key") return refuse(403, "forbidden");
      if (pathname.endsWith("/rollback")) return Response.json({ version: "abc" });
      if (pathname.endsWith("/logs")) return events([{ level: "info", message: "hi\u001b[2J" }]);
      return Response.json({ functions: [{ name: "hello", runtime: "bun", version: "abc" }] });
    }
    if (pathname === "/fn/v1/echo") return new Response(await request.bytes());
    if (pathname === "/fn/v1/broken") return refuse(500, "function_failed");
    return refuse(404, "function_not_found");
  };
  const listener = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: handle });
  const url = `http://127.0.0.1:${listener.port}`;
  const server: FakeServer = {
    url,
    parts,
    deploys,
    calls,
    answers,
    failFunctions: null,
    announce(dataDir, pid = 2 ** 22 + 1) {
      mkdirSync(dataDir, { recursive: true });
      const file = { url, pid, admin_token: ADMIN_TOKEN, version: "9.9.9", started_at: "" };
      writeFileSync(join(dataDir, "server.json"), JSON.stringify(file));
    },
    stop: () => void listener.stop(true),
  };
  return server;
}
