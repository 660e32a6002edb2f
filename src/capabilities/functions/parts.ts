/**
 * What the operations of this capability work with, made once at mount: configuration, runtimes, and
 * the state of each tenant. Operations take it as their first argument; nothing is global.
 */
import { join } from "node:path";
import type { Sql } from "postgres";
import type { Deps } from "../../core/capability.ts";
import type { FunctionLogLine, FunctionSpec } from "../../core/ports/function-runtime.ts";
import { StartupError } from "../../core/startup-error.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { createRuntimes, type Runtimes } from "../../runtime/index.ts";
import { type IpRange, parseRange } from "../../shared/ip-address.ts";
import { LruMap } from "../../shared/lru-map.ts";
import { PerTenant } from "../../shared/per-tenant.ts";
import { answerHostCall } from "./answer-host-call.ts";
import { CodeCache } from "./code-cache.ts";
import type { FunctionsConfig } from "./config.ts";
import { type ActiveFunction, specOf } from "./function-version.ts";
import { type InvocationMetrics, invocationMetrics } from "./invocation-metrics.ts";
import { LogFeed } from "./log-feed.ts";
import { RecordWriter } from "./record-writer.ts";
import { Registry } from "./registry.ts";
import { readChangeMark, readFunctions } from "./store.ts";
import { insertInvocations, insertLogLines } from "./store-records.ts";

/** Bus topics. */
export const CHANGED_TOPIC = "functions";
export const LOGGED_TOPIC = "functions.logs";

const VERSIONS_REMEMBERED = 10_000;

export interface TenantState {
  readonly registry: Registry;
  readonly records: RecordWriter;
  readonly feed: LogFeed;
}

/** Aborted when it ends; a new one begins with the next start. */
export interface Lifetime {
  end: AbortController;
}

export interface FunctionsParts {
  readonly config: FunctionsConfig;
  readonly deps: Deps;
  readonly runtimes: Runtimes;
  readonly code: CodeCache;
  readonly metrics: InvocationMetrics;
  /** Ends log tails at shutdown. */
  readonly tails: Lifetime;
  sql(tenant: TenantCtx): Sql;
  state(tenant: TenantCtx): TenantState;
  /** What the runtime is given: one value for all calls of a version, which it knows again. */
  spec(tenant: TenantCtx, found: ActiveFunction, codePath: string): FunctionSpec;
}

export function createParts(config: FunctionsConfig, deps: Deps): FunctionsParts {
  const owners = new LruMap<string, TenantCtx>(VERSIONS_REMEMBERED);
  const specs = new WeakMap<ActiveFunction, FunctionSpec>();
  const sql = (tenant: TenantCtx) => deps.databases.for(tenant).system;
  const runtimes = createRuntimes({
    clock: deps.clock,
    ids: deps.ids,
    logger: deps.log,
    dir: join(deps.server.runtimeDir, "fn"),
    gateway: () => ({ socket: deps.server.gatewaySocket, url: null }),
    openRanges: openRanges(config),
    async serviceKey(spec) {
      const tenant = owners.get(spec.version);
      if (!tenant) throw new Error("The function is not known");
      return (await deps.project(tenant)).secretKey;
    },
    async hostCalls(spec, request) {
      const tenant = owners.get(spec.version);
      // A version that was pushed out of memory is nobody's until its next call.
      if (!tenant) return new Response("The function is not known", { status: 404 });
      return await answerHostCall(deps.kv, tenant, spec, request);
    },
    onLog: (line) => {
      const tenant = owners.get(line.version);
      if (tenant) states.of(tenant).records.addLine(storable(line, deps.clock.now()));
    },
  });
  const states = new PerTenant((tenant) => createState(tenant, deps, runtimes, sql));
  return {
    config,
    deps,
    runtimes,
    code: new CodeCache(join(deps.server.dataDir, "functions"), deps.ids),
    metrics: invocationMetrics(deps.metrics, runtimes),
    tails: { end: new AbortController() },
    sql,
    state: (tenant) => states.of(tenant),
    spec(tenant, found, codePath) {
      const known = specs.get(found);
      if (known) return known;
      const spec = specOf(found, codePath, config);
      specs.set(found, spec);
      // Whose function writes log lines under this version.
      owners.set(spec.version, tenant);
      return spec;
    },
  };
}

/** @throws StartupError `config_invalid` for what is no address or range. */
function openRanges({ egress_private }: FunctionsConfig): IpRange[] {
  return egress_private.map((text) => {
    const range = parseRange(text);
    if (range) return range;
    throw new StartupError({
      code: "config_invalid",
      message: `runtime.egress_private: "${text}" is no address or range`,
      hint: 'List addresses or CIDR ranges, as in ["10.0.0.5", "192.168.7.0/24"]',
      exitCode: 2,
    });
  });
}

function createState(
  tenant: TenantCtx,
  deps: Deps,
  runtimes: Runtimes,
  sql: FunctionsParts["sql"],
): TenantState {
  const log = deps.log.with({ tenant: tenant.id });
  const source = {
    read: () => readFunctions(sql(tenant)),
    mark: () => readChangeMark(sql(tenant)),
  };
  const retire = ({ name, version }: { name: string; version: string }) => {
    for (const runtime of [runtimes.bun, runtimes.wasm]) {
      runtime.retire(name, version).catch((error: unknown) => {
        log.error("functions.retire_failed", { function: name, version, error });
      });
    }
  };
  const sink = {
    invocations: (rows: Parameters<typeof insertInvocations>[1]) =>
      insertInvocations(sql(tenant), rows),
    async logLines(lines: Parameters<typeof insertLogLines>[1]) {
      await insertLogLines(sql(tenant), lines);
      const names = [...new Set(lines.map((line) => line.name))];
      await deps.bus.publish(tenant, LOGGED_TOPIC, names.join(","));
    },
  };
  return {
    registry: new Registry(source, retire),
    records: new RecordWriter(sink, log),
    feed: new LogFeed(),
  };
}

function storable(line: FunctionLogLine, now: number) {
  return {
    name: line.function,
    version: line.version,
    request_id: line.requestId,
    level: line.level,
    message: line.message,
    at: new Date(now).toISOString(),
  };
}
