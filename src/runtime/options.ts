/** What both runtimes are made with, and the defaults. The functions capability fills it from `[runtime]`. */
import type { Clock } from "../core/ports/clock.ts";
import type { FunctionLogLine, FunctionSpec } from "../core/ports/function-runtime.ts";
import type { Ids } from "../core/ports/ids.ts";
import type { Logger } from "../core/ports/log.ts";
import { selfSources } from "../core/self.ts";
import type { IpRange } from "../shared/ip-address.ts";
import type { ChildWorld } from "./child.ts";
import { createBodyShare } from "./flow.ts";
import { type Cgroups, openCgroups, systemCgroups } from "./jail/cgroups.ts";
import { type JailPlan, planJail } from "./jail/jail-plan.ts";
import type { AwsCredentials } from "./lambda/sigv4.ts";

/**
 * Answers what only a function may ask, by path: `GET|PUT|DELETE /kv/={key}`, `GET /kv?prefix=`,
 * `GET /secrets/{name}`.
 */
export type HostCalls = (spec: FunctionSpec, request: Request) => Promise<Response>;

/** The secret key of the function's own tenant, for functions with the rights of a service. */
export type ServiceKey = (spec: FunctionSpec) => Promise<string>;

/** How functions on AWS are reached where their own environment does not say it. */
export interface LambdaSettings {
  readonly region: string | null;
  readonly credentials: AwsCredentials | null;
  /** Origin that stands for AWS, for emulators; null = AWS. */
  readonly endpoint: string | null;
}

export interface RuntimeOptions {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** Folder for sockets and the children's own folders; made at start, closed to others, removed at stop. At most 90 bytes. */
  readonly dir: string;
  /** Default: no function has the rights of a service. */
  readonly serviceKey?: ServiceKey;
  /** Default: nothing is there to be asked. */
  readonly hostCalls?: HostCalls;
  /** Default: AWS itself, nothing known. */
  readonly lambda?: LambdaSettings;
  /** Private ranges that functions may reach. Default none. */
  readonly openRanges?: readonly IpRange[];
  /** Default: all that this machine can give. */
  readonly jail?: JailPlan;
  /** Groups of the kernel for the children. Default: where the server was given a tree of its own. */
  readonly cgroups?: Cgroups | null;
  /** Every line a function writes, already bounded. Must not throw. */
  readonly onLog: (line: FunctionLogLine) => void;
  /** Asked at assignment: how a function's `reactor.fetch` reaches this server. */
  readonly gateway: () => { readonly socket: string | null; readonly url: string | null };
  /** How many have come to the server so far, for whatever: long bodies leave room for others. */
  readonly requests: () => number;
  /** Blank Bun runners held ready. Default 1; 0 saves 5 to 8 MB and costs a process start per first call. */
  readonly blanks?: number;
  /** Processes that run WASM at the same time, 1 or more. Default: processors, at least 2. */
  readonly wasmHosts?: number;
  /** True: the first WASM host is started by `start()`. Default false: by the first call. */
  readonly prewarmWasm?: boolean;
  /** A WASM host without calls for this long is ended. Default 10 min. */
  readonly idleMs?: number;
  /** An instance is replaced after so many calls. Default 1,000,000: warm code is worth keeping. */
  readonly callsPerProcess?: number;
  /** How long a replaced instance may finish its calls. Default 30 s. */
  readonly drainMs?: number;
}

export type FullRuntimeOptions = Required<RuntimeOptions> &
  Pick<ChildWorld, "nextNumber" | "bodies">;

export function withDefaults(options: RuntimeOptions): FullRuntimeOptions {
  let children = 0;
  return {
    nextNumber: () => ++children,
    bodies: createBodyShare(options.clock, options.requests),
    blanks: 1,
    wasmHosts: Math.max(2, navigator.hardwareConcurrency),
    prewarmWasm: false,
    idleMs: 600_000,
    callsPerProcess: 1_000_000,
    drainMs: 30_000,
    openRanges: [],
    lambda: { region: null, credentials: null, endpoint: null },
    serviceKey: () => Promise.reject(new Error("This server has no secret key to lend")),
    hostCalls: async () => new Response(null, { status: 404 }),
    cgroups: defaultCgroups(options.logger),
    jail: planJail([options.dir, process.execPath, ...selfSources()]),
    ...options,
  };
}

function defaultCgroups(log: Logger): Cgroups | null {
  const places = systemCgroups();
  return places && openCgroups(places, log);
}
