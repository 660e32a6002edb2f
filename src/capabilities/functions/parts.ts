/**
 * What the operations of this capability work with, made once at mount: configuration, runtimes, and
 * the state of each tenant. Operations take it as their first argument; nothing is global.
 */
import { join } from "node:path";
import type { Sql } from "postgres";
import type { Deps } from "../../core/capability.ts";
import { readEgressHosts } from "../../core/egress-hosts.ts";
import type { FunctionLogLine } from "../../core/ports/function-runtime.ts";
import { StartupError } from "../../core/startup-error.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { createRuntimes, type LambdaSettings, type Runtimes } from "../../runtime/index.ts";
import { type IpRange, parseRange } from "../../shared/ip-address.ts";
import { LruMap } from "../../shared/lru-map.ts";
import { PerTenant } from "../../shared/per-tenant.ts";
import { answerHostCall } from "./answer-host-call.ts";
import { answerSecretCall } from "./answer-secret-call.ts";
import { CodeCache } from "./code-cache.ts";
import type { FunctionsConfig } from "./config.ts";
import { functionsErrors } from "./errors.ts";
import { FunctionSpecs, type SpecSource } from "./function-specs.ts";
import { type InvocationMetrics, invocationMetrics } from "./invocation-metrics.ts";
import { LogFeed } from "./log-feed.ts";
import { RecordWriter } from "./record-writer.ts";
import { Registry } from "./registry.ts";
import { openEnv } from "./sealed-env.ts";
import { readChangeMark, readCode, readFunctions } from "./store.ts";
import { insertInvocations, insertLogLines } from "./store-records.ts";
import { VariableValues } from "./variable-values.ts";

/** Bus topics. */
export const CHANGED_TOPIC = "functions";
export const LOGGED_TOPIC = "functions.logs";

const VERSIONS_REMEMBERED = 10_000;

export interface TenantState {
  readonly registry: Registry;
  readonly records: RecordWriter;
  readonly feed: LogFeed;
  readonly values: VariableValues;
  /** What runtimes are given of each version. */
  readonly specs: FunctionSpecs;
  /** Functions of the server's own project that could not be deployed. */
  keptBack: number;
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
}

export function createParts(given: FunctionsConfig, deps: Deps): FunctionsParts {
  const config = { ...given, egress: egressHosts(given) };
  // Whose function writes log lines under a version.
  const owners = new LruMap<string, TenantCtx>(VERSIONS_REMEMBERED);
  const sql = (tenant: TenantCtx) => deps.databases.for(tenant).system;
  const runtimes = createRuntimes({
    clock: deps.clock,
    ids: deps.ids,
    logger: deps.log,
    dir: join(deps.server.runtimeDir, "fn"),
    gateway: () => ({ socket: deps.server.gatewaySocket, url: null }),
    requests: () => deps.traffic.begun(),
    openRanges: openRanges(config),
    lambda: lambdaSettings(config),
    async serviceKey(spec) {
      const tenant = owners.get(spec.version);
      if (!tenant) throw new Error("The function is not known");
      return (await deps.project(tenant)).secretKey;
    },
    async hostCalls(spec, request) {
      const tenant = owners.get(spec.version);
      // A version that was pushed out of memory is nobody's until its next call.
      if (!tenant) return new Response("The function is not known", { status: 404 });
      const secret = await answerSecretCall(states.of(tenant), spec, request);
      return secret ?? (await answerHostCall(deps.kv, tenant, spec, request));
    },
    onLog: (line) => {
      const tenant = owners.get(line.version);
      if (tenant) states.of(tenant).records.addLine(storable(line, deps.clock.now()));
    },
  });
  const code = new CodeCache(join(deps.server.dataDir, "functions"), deps.ids);
  const states = new PerTenant((tenant) =>
    createState({ tenant, config, deps, runtimes, code, owners, sql: sql(tenant) }),
  );
  return {
    config,
    deps,
    runtimes,
    code,
    metrics: invocationMetrics(deps.metrics, runtimes),
    tails: { end: new AbortController() },
    sql,
    state: (tenant) => states.of(tenant),
  };
}

/** @throws StartupError `config_invalid` for half of a key, an endpoint that is no origin */
export function lambdaSettings({ lambda }: FunctionsConfig): LambdaSettings {
  const { region, access_key_id, secret_access_key, session_token, endpoint } = lambda;
  if ((access_key_id === "") !== (secret_access_key === "")) {
    throw lambdaInvalid("access_key_id and secret_access_key go together");
  }
  if (endpoint !== "" && !/^https?:\/\/[^/?#@]+$/.test(endpoint)) {
    throw lambdaInvalid("endpoint must be an origin, as in http://127.0.0.1:4566");
  }
  const credentials = {
    accessKeyId: access_key_id,
    secretAccessKey: secret_access_key,
    sessionToken: session_token || null,
  };
  return {
    region: region || null,
    credentials: access_key_id === "" ? null : credentials,
    endpoint: endpoint || null,
  };
}

function lambdaInvalid(message: string): StartupError {
  const hint = "See [runtime.lambda] in docs/configuration.md";
  const text = `runtime.lambda: ${message}`;
  return new StartupError({ code: "config_invalid", message: text, hint, exitCode: 2 });
}

/** As requests name them. @throws StartupError `config_invalid` for what is no host */
export function egressHosts({ egress }: Pick<FunctionsConfig, "egress">): string[] {
  const read = readEgressHosts(egress);
  if ("hosts" in read) return read.hosts;
  throw new StartupError({
    code: "config_invalid",
    message: `runtime.egress must be ${read.fault}`,
    hint: 'List hosts, as in ["api.example.com", "*.example.com"]',
    exitCode: 2,
  });
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

interface StateOptions {
  readonly tenant: TenantCtx;
  readonly config: FunctionsConfig;
  readonly deps: Deps;
  readonly runtimes: Runtimes;
  readonly code: CodeCache;
  readonly owners: LruMap<string, TenantCtx>;
  readonly sql: Sql;
}

function createState(options: StateOptions): TenantState {
  const { tenant, config, deps, runtimes, sql } = options;
  const log = deps.log.with({ tenant: tenant.id });
  const source = { read: () => readFunctions(sql), mark: () => readChangeMark(sql) };
  const retire = ({ name, version }: { name: string; version: string }) => {
    for (const runtime of [runtimes.bun, runtimes.wasm, runtimes.lambda]) {
      runtime.retire(name, version).catch((error: unknown) => {
        log.error("functions.retire_failed", { function: name, version, error });
      });
    }
  };
  const sink = {
    invocations: (rows: Parameters<typeof insertInvocations>[1]) =>
      insertInvocations(deps.databases.for(tenant), rows),
    async logLines(lines: Parameters<typeof insertLogLines>[1]) {
      await insertLogLines(sql, lines);
      const names = [...new Set(lines.map((line) => line.name))];
      await deps.bus.publish(tenant, LOGGED_TOPIC, names.join(","));
    },
  };
  const values = new VariableValues(deps.vault, tenant);
  return {
    registry: new Registry(source, retire),
    records: new RecordWriter(sink, log),
    feed: new LogFeed(),
    values,
    keptBack: 0,
    specs: new FunctionSpecs({
      config,
      values,
      log,
      openEnv: ({ name }, version) => openEnv(deps.vault, tenant, name, version),
      codePath: codePaths(options),
    }),
  };
}

function codePaths({ tenant, code, owners, sql }: StateOptions): SpecSource["codePath"] {
  return ({ name }, version) => {
    owners.set(version.version, tenant);
    return code.pathOf(version, async () => {
      const bytes = await readCode(sql, version.codeSha256);
      if (!bytes) throw functionsErrors.code_missing(name, version.codeSha256);
      return bytes;
    });
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
