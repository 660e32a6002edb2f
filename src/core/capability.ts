/**
 * The contract every capability keeps: a value the server can configure, migrate, mount, document
 * and stop without knowing what it does. The list of them is `server/list.ts`.
 */
import type { Static, TObject } from "@sinclair/typebox";
import type { AnyElysia } from "elysia";
import type { ReactorError } from "./errors.ts";
import type { Finding, Health } from "./health.ts";
import type { MigrationFile } from "./migration.ts";
import type { Bus } from "./ports/bus.ts";
import type { Clock } from "./ports/clock.ts";
import type { Databases } from "./ports/database.ts";
import type { Events } from "./ports/events.ts";
import type { IdempotencyStore } from "./ports/idempotency.ts";
import type { Ids } from "./ports/ids.ts";
import type { PortName, Ports } from "./ports/index.ts";
import type { Kv } from "./ports/kv.ts";
import type { Leases } from "./ports/leases.ts";
import type { Logger } from "./ports/log.ts";
import type { Mail } from "./ports/mail.ts";
import type { Metrics, Traffic } from "./ports/metrics.ts";
import type { Policies } from "./ports/policies.ts";
import type { RateLimiter } from "./ports/rate-limiter.ts";
import type { Rng } from "./ports/rng.ts";
import type { Vault } from "./ports/vault.ts";
import type { Project } from "./project.ts";
import type { Service } from "./service.ts";
import type { TenantCtx } from "./tenant.ts";

/** Where a capability's plugin is reached. */
export interface MountPoint {
  /** Prefix without a trailing slash, e.g. `/data/v1`. The plugin declares full paths under it. */
  readonly path: `/${string}`;
  /** Host pattern for host-based routing (sites); absent = any host. */
  readonly host?: string;
}

/** Facts of the server a capability may depend on. */
export interface ServerFacts {
  /** Random per process start; the holder name in leases. */
  readonly instanceId: string;
  readonly version: string;
  /** `reactor dev`: verbose errors to developers, no caching of code. */
  readonly development: boolean;
  /** Absolute. */
  readonly dataDir: string;
  /** Absolute folder of the project (reactor.toml, functions/, migrations/); null when there is none. */
  readonly projectDir: string | null;
  /** Private folder (0700) for sockets, absolute and short (<= 60 bytes). */
  readonly runtimeDir: string;
  /** The `[[functions]]`, `[[jobs]]`, `[[sites]]` lists of reactor.toml, validated only as tables. */
  readonly lists: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
  /** `server.public_url` without a slash at its end; empty when there is none. */
  readonly publicUrl: string;
  /** Path of the internal Unix-socket listener that serves the whole surface to our own children. */
  readonly gatewaySocket: string;
}

/** How a project is read anew. */
export interface Projects {
  /** At most once in five seconds: for a signing key that is not known here. */
  lookAgain(tenant: TenantCtx): Promise<Project>;
  /** Because this server changed it; the other servers are told. */
  changed(tenant: TenantCtx): Promise<Project>;
}

/** Built once by the server and handed to all; nobody makes their own. */
export interface Deps {
  readonly server: ServerFacts;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly traffic: Traffic;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly ids: Ids;
  readonly databases: Databases;
  readonly events: Events;
  readonly bus: Bus;
  readonly leases: Leases;
  readonly kv: Kv;
  readonly rateLimiter: RateLimiter;
  readonly idempotency: IdempotencyStore;
  readonly vault: Vault;
  readonly mail: Mail;
  /** What callers may do beyond tables. */
  readonly policies: Policies;
  /** Tenants this server serves now; background passes loop over it. */
  tenants(): readonly TenantCtx[];
  /** Identity of the tenant's installation. Cached; cheap. */
  project(tenant: TenantCtx): Promise<Project>;
  readonly projects: Projects;
  /** A port named in `needs`, provided by another capability or a remote adapter. */
  port<N extends PortName>(name: N): Ports[N];
}

/** How a capability's answers to other origins differ from what `[server.cors]` says. */
export interface MountedCors {
  /** The path below which it holds; one of the mounts. */
  readonly path: `/${string}`;
  /** Null: those of `[server.cors]`. Named ones may send cookies; empty: any, without. */
  origins(tenant: TenantCtx): readonly string[] | null;
  readonly methods: readonly string[];
  /** Request headers that are allowed whether or not a preflight asks for them. */
  readonly requestHeaders: { readonly first: readonly string[]; readonly last: readonly string[] };
  /** Answer headers that scripts may read, beside those that Reactor always exposes. */
  readonly exposed: readonly string[];
  /** Of a preflight's answer. */
  readonly preflightStatus: 200 | 204;
}

/** How errors read below a path, where the server refuses what its capability never sees. */
export interface MountedErrors {
  /** One of the mounts. */
  readonly path: `/${string}`;
  told(error: ReactorError): ReactorError;
}

export interface Mounted {
  /** Routes, with full paths. */
  readonly plugin: AnyElysia;
  /** What it provides to others. */
  readonly ports?: Partial<Ports>;
  /** Started after everything is mounted, stopped in reverse. */
  readonly services: readonly Service[];
  /** Must answer within the signal's deadline. */
  health(signal: AbortSignal): Promise<Health>;
  /** What `reactor doctor` looks at in it, beside its health. */
  findings?(): Promise<readonly Finding[]>;
  /** Reads anew what it keeps of the database (SIGUSR1), while it goes on serving. */
  refresh?(): Promise<void>;
  /** Goes on with another configuration of its section (SIGUSR2). Throws for one it cannot use. */
  reconfigure?(config: never): Promise<void>;
  readonly cors?: MountedCors;
  readonly errors?: MountedErrors;
  /** After services have stopped. Idempotent. */
  close(): Promise<void>;
}

export interface Capability<Name extends string = string, Schema extends TObject = TObject> {
  /** Folder, SQL schema, log field, metric label. */
  readonly name: Name;
  /** Table in reactor.toml; differs from `name` where a project list has that name. */
  readonly section: string;
  readonly mounts: readonly MountPoint[];
  /** Defaults and descriptions; the configuration reference is made from it. */
  readonly config: Schema;
  readonly migrations: readonly MigrationFile[];
  readonly needs: readonly PortName[];
  readonly provides: readonly PortName[];
  /** Builds state. No listening, no loops. Leaves nothing open when it throws. */
  mount(config: Static<Schema>, deps: Deps): Promise<Mounted>;
}

/** Keeps the schema's type for `mount` and widens the result for the list. */
export function defineCapability<const Name extends string, Schema extends TObject>(
  capability: Capability<Name, Schema>,
): Capability {
  return capability as unknown as Capability;
}
