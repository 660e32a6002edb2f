/**
 * The identity capability on a real database, driven by a clock that only moves when told to: for
 * what depends on time (grace, expiry, limits) and on what is left in the tables and the log.
 * Requests enter as the edge would hand them over; no socket is opened.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Value } from "@sinclair/typebox/value";
import postgres, { type Sql } from "postgres";
import { type AuthParts, createAuthParts } from "../../src/capabilities/auth/auth-parts.ts";
import { type AuthState, createAuthState } from "../../src/capabilities/auth/auth-state.ts";
import { type AuthConfig, authConfig } from "../../src/capabilities/auth/config.ts";
import { authRoutes } from "../../src/capabilities/auth/routes.ts";
import type { Deps } from "../../src/core/capability.ts";
import { attachContext, type RequestContext } from "../../src/core/context.ts";
import type { AuthClient } from "../../src/core/ports/auth.ts";
import type { SavedAnswer } from "../../src/core/ports/idempotency.ts";
import type { Vault } from "../../src/core/ports/vault.ts";
import type { Project } from "../../src/core/project.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { parseDatabaseUrl, postgresJsOptions } from "../../src/postgres/url.ts";
import { readCredentials } from "../../src/shared/auth/credentials.ts";
import { createMemoryBus } from "../../src/shared/bus/memory-bus.ts";
import { createPostgresEvents } from "../../src/shared/events/postgres-events.ts";
import { createIds } from "../../src/shared/ids.ts";
import { createMemoryKv } from "../../src/shared/kv/memory-kv.ts";
import { createMemoryLeases } from "../../src/shared/leases/memory-leases.ts";
import { createMemoryRateLimiter } from "../../src/shared/limits/memory-rate-limiter.ts";
import { createInbox } from "../../src/shared/mail/inbox.ts";
import { createLogMail, type LogMail } from "../../src/shared/mail/log-mail.ts";
import { loadProject } from "../../src/shared/project.ts";
import { createProjectCache } from "../../src/shared/project-cache.ts";
import { systemRng } from "../../src/shared/rng.ts";
import { createMemoryVault } from "../../src/shared/vault/memory-vault.ts";
import { createMemoryLog, type MemoryLog } from "../support/memory-log.ts";
import { testPostgres } from "../support/postgres.ts";
import { createSimClock, type SimClock } from "../support/sim-clock.ts";

const MIGRATIONS = join(import.meta.dir, "../../migrations");
const ISSUER = "https://auth.example.test/auth/v1";

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests read into answers of many shapes
  readonly body: any;
}

export interface AuthWorld {
  readonly parts: AuthParts;
  readonly state: AuthState;
  readonly sql: Sql;
  readonly clock: SimClock;
  readonly log: MemoryLog;
  /** As it was at first; the keys of a rotation are asked of `state.deps.project`. */
  readonly project: Project;
  /** Keys of the rate limiter that were asked for. */
  readonly limited: readonly { key: string; limit: number }[];
  /** What was sent by mail, newest last. */
  readonly mail: LogMail;
  /** The next `count` questions to the limiter are refused. */
  refuse(count: number): void;
  send(method: string, path: string, options?: SendOptions): Promise<Answer>;
  close(): Promise<void>;
}

interface SendOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly bearer?: string;
  /** Of the sender; default 127.0.0.1. */
  readonly address?: string;
  /** As the request says it reached the server. Default http://localhost. */
  readonly origin?: string;
  /** Told when the answer is there, before its messages have left. */
  readonly onAnswer?: () => void;
}

/** A vault with the keys that tests name, and the rest as a first boot makes it. */
async function makeVault(): Promise<Vault> {
  const vault = createMemoryVault();
  const known = {
    issuer: ISSUER,
    publishable_key: "sb_publishable_test",
    secret_key: "sb_secret_test",
  };
  for (const [name, value] of Object.entries(known)) {
    await vault.put(DEFAULT_TENANT, `project/${name}`, value);
  }
  return vault;
}

interface WorldFacts {
  readonly development?: boolean;
  readonly publicUrl?: string;
  /** The limits are counted; otherwise only `refuse` refuses. */
  readonly limits?: boolean;
}

export async function openAuthWorld(
  overrides: Partial<AuthConfig> = {},
  facts: WorldFacts = {},
): Promise<AuthWorld> {
  const database = await (await testPostgres()).createDatabase();
  const address = postgresJsOptions(parseDatabaseUrl(database.url));
  const sql = postgres({ ...address, max: 8, onnotice: () => undefined });
  for (const area of ["system", "auth"]) {
    for (const file of readdirSync(join(MIGRATIONS, area)).sort()) {
      await sql.unsafe(readFileSync(join(MIGRATIONS, area, file), "utf8"));
    }
  }
  const clock = createSimClock();
  const log = createMemoryLog();
  const config = { ...Value.Create(authConfig), hash_memory_kib: 8192, hash_iterations: 1 };
  const { signing_algorithm: algorithm, jwt_secret: jwtSecret } = { ...config, ...overrides };
  const vault = await makeVault();
  const ids = createIds(clock, systemRng);
  const tokens = { algorithm, jwtSecret };
  const projects = createProjectCache({
    load: (tenant) => loadProject({ vault, tenant, ids, publicUrl: "", tokens }),
    bus: createMemoryBus(log),
    clock,
    log,
  });
  const scripted = scriptedLimiter();
  const { limits = false, ...server } = facts;
  const mail = createLogMail({ log, inbox: createInbox(clock, ids), development: true });
  // What waits in earnest ends by itself, so that a test need not know of it.
  const sleep: SimClock["sleep"] = (ms, signal) =>
    Promise.race([clock.sleep(ms, signal), Bun.sleep(ms)]);
  const deps = {
    log,
    clock: { ...clock, sleep },
    rng: systemRng,
    ids,
    vault,
    metrics: silentMetrics,
    databases: { for: () => ({ system: sql }) },
    events: createPostgresEvents({ for: () => ({ system: sql, direct: sql }) }, async () => {}),
    leases: createMemoryLeases(clock),
    kv: createMemoryKv(clock),
    bus: createMemoryBus(log),
    rateLimiter: limits ? createMemoryRateLimiter(clock) : scripted,
    idempotency: mapIdempotency(),
    mail,
    server: {
      version: "0.0.0-test",
      instanceId: "test",
      development: false,
      publicUrl: "",
      projectDir: null,
      ...server,
    },
    tenants: () => [DEFAULT_TENANT],
    project: projects.of,
    projects,
  } as unknown as Deps;
  const settings = { ...config, ...overrides };
  const parts = createAuthParts(settings, deps);
  const { client, orgs } = parts;
  const state = createAuthState(settings, deps, client, orgs);
  const app = authRoutes(state);
  app.compile();
  return {
    parts,
    state,
    sql,
    clock,
    log,
    project: await projects.of(DEFAULT_TENANT),
    limited: scripted.asked,
    mail,
    refuse: scripted.refuse,
    async send(method, path, options = {}) {
      const answer = await send(app, client, log, method, path, options);
      options.onAnswer?.();
      // Messages leave after the answer; here they have left.
      await state.outbox.idle();
      return answer;
    },
    async close() {
      state.hashThreads.close();
      await parts.close();
      await sql.end({ timeout: 5 });
      await database.drop();
    },
  };
}

async function send(
  app: { handle(request: Request): Promise<Response> },
  client: AuthClient,
  log: MemoryLog,
  method: string,
  path: string,
  { body, headers = {}, bearer, address = "127.0.0.1", origin = "http://localhost" }: SendOptions,
): Promise<Answer> {
  const all = new Headers(headers);
  if (bearer !== undefined) all.set("authorization", `Bearer ${bearer}`);
  const isText = typeof body === "string";
  if (body !== undefined && !isText) all.set("content-type", "application/json");
  const request = new Request(`${origin}${path}`, {
    method,
    headers: all,
    ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
  });
  const prove = (checksScopes: boolean) =>
    client.authenticate(DEFAULT_TENANT, { ...readCredentials(all), checksScopes });
  const context: Partial<RequestContext> = {
    id: "request-1",
    tenant: DEFAULT_TENANT,
    log,
    address,
    origin,
    path: new URL(request.url).pathname,
    originalPath: new URL(request.url).pathname,
    route: "unmatched",
    principal: () => prove(false),
    scopedPrincipal: () => prove(true),
  };
  attachContext(request, context as RequestContext);
  const response = await app.handle(request);
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: isJson(response) && text !== "" ? JSON.parse(text) : text || null,
  };
}

function isJson(response: Response): boolean {
  return /[/+]json\b/.test(response.headers.get("content-type") ?? "");
}

function scriptedLimiter() {
  const asked: { key: string; limit: number }[] = [];
  let refusals = 0;
  return {
    asked,
    refuse: (count: number) => {
      refusals = count;
    },
    async take(_tenant: unknown, key: string, { limit }: { limit: number }) {
      asked.push({ key, limit });
      if (refusals === 0) return { allowed: true, remaining: limit, retryAfterMs: 0 };
      refusals -= 1;
      return { allowed: false, remaining: 0, retryAfterMs: 1500 };
    },
  };
}

/** The port's contract on a map, open to inspection through the database of none. */
function mapIdempotency() {
  const kept = new Map<string, { fingerprint: string; answer: SavedAnswer | null }>();
  const at = (scope: string, key: string) => `${scope}\n${key}`;
  return {
    kept,
    async begin(_tenant: unknown, scope: string, key: string, fingerprint: string) {
      const found = kept.get(at(scope, key));
      if (!found) {
        kept.set(at(scope, key), { fingerprint, answer: null });
        return { state: "new", token: "t" };
      }
      if (found.fingerprint !== fingerprint) return { state: "mismatch" };
      return found.answer ? { state: "done", answer: found.answer } : { state: "busy" };
    },
    async complete(_t: unknown, scope: string, key: string, _token: string, answer: SavedAnswer) {
      const found = kept.get(at(scope, key));
      if (found) found.answer = answer;
    },
    async abandon(_tenant: unknown, scope: string, key: string) {
      kept.delete(at(scope, key));
    },
  };
}

const silentMetrics = {
  counter: () => ({ add: () => undefined }),
  gauge: () => ({ set: () => undefined }),
  histogram: () => ({ observe: () => undefined }),
  onCollect: () => undefined,
  render: () => "",
};

export interface SignedIn {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly userId: string;
}

export const PASSWORD = "correct horse battery";

/** Signs a person up and returns their first session. */
export async function signUp(world: AuthWorld, email: string): Promise<SignedIn> {
  const { status, body } = await world.send("POST", "/auth/v1/signup", {
    body: { email, password: PASSWORD },
  });
  if (status !== 200) throw new Error(`sign-up answered ${status}: ${JSON.stringify(body)}`);
  return signedIn(body);
}

export async function signIn(world: AuthWorld, email: string): Promise<SignedIn> {
  const { status, body } = await world.send("POST", "/auth/v1/token?grant_type=password", {
    body: { email, password: PASSWORD },
  });
  if (status !== 200) throw new Error(`sign-in answered ${status}: ${JSON.stringify(body)}`);
  return signedIn(body);
}

// biome-ignore lint/suspicious/noExplicitAny: an answer's body
function signedIn(body: any): SignedIn {
  return {
    accessToken: body.access_token,
    refreshToken: body.refresh_token,
    userId: body.user.id,
  };
}
