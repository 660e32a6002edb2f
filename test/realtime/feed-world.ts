/**
 * A database with the system's schema, and change feeds on it as several servers would have them: they
 * share leases and a bus, and nothing else. Callers are principals, so that a test chooses role and
 * claims freely.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Value } from "@sinclair/typebox/value";
import postgres, { type Sql } from "postgres";
import { type DataConfig, dataConfig } from "../../src/capabilities/data/config.ts";
import type {
  Change,
  ChangeInterest,
  ChangeSink,
  ChangeType,
} from "../../src/capabilities/data/realtime/change-feed.ts";
import {
  createChangeFeed,
  type ManagedChangeFeed,
} from "../../src/capabilities/data/realtime/feed/create-change-feed.ts";
import type { FeedSubscription } from "../../src/capabilities/data/realtime/feed/tenant-feed.ts";
import { parseRowFilterText } from "../../src/capabilities/data/realtime/parse-row-filter.ts";
import { Rooms, type RoomsDeps } from "../../src/capabilities/data/rooms.ts";
import type { Principal } from "../../src/core/ports/auth.ts";
import type { Bus } from "../../src/core/ports/bus.ts";
import type { Leases } from "../../src/core/ports/leases.ts";
import type { Logger } from "../../src/core/ports/log.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { createDatabases } from "../../src/postgres/databases.ts";
import { parseLsn } from "../../src/postgres/replication/lsn.ts";
import { parseDatabaseUrl, postgresJsOptions } from "../../src/postgres/url.ts";
import { createMemoryBus } from "../../src/shared/bus/memory-bus.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { createMemoryLeases } from "../../src/shared/leases/memory-leases.ts";
import { createMetrics } from "../../src/shared/metrics.ts";
import { systemRng } from "../../src/shared/rng.ts";
import { createMemoryVault } from "../../src/shared/vault/memory-vault.ts";
import { asUser } from "../postgres/wire-database.ts";
import { silentLog, testPostgres } from "../support/postgres.ts";
import { until } from "../support/until.ts";

const ROOT = join(import.meta.dir, "../..");
const SYSTEM_SQL = [
  "migrations/system/0001_roles.sql",
  "migrations/system/0002_shared.sql",
  "migrations/system/0003_schema_watch.sql",
  "migrations/data/0002_realtime_triggers.sql",
  "migrations/data/0003_realtime_triggers_bounded.sql",
];

export interface Asking {
  readonly table: string | null;
  readonly schema?: string;
  readonly role?: string;
  /** Becomes `sub`; role `authenticated` unless another is named. */
  readonly user?: string;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly expiresAt?: number;
  readonly types?: readonly ChangeType[];
  /** `column=operator.value`. */
  readonly filters?: readonly string[];
  readonly columns?: readonly string[];
  readonly after?: string;
  /** Holds a resumed window up. */
  readonly ready?: () => Promise<void>;
}

export function principalFor({ role, user, claims, expiresAt }: Omit<Asking, "table">): Principal {
  const actual = role ?? (user === undefined ? "anon" : "authenticated");
  return {
    role: actual,
    userId: user ?? null,
    claims: JSON.stringify({
      ...(user === undefined ? {} : { sub: user }),
      role: actual,
      ...claims,
    }),
    expiresAt: expiresAt ?? Number.POSITIVE_INFINITY,
  };
}

type Told = { readonly change: Change } | { readonly gap: string; readonly id: string };

/** What one subscriber was told, in order. */
export class Listener implements ChangeSink {
  readonly told: Told[] = [];
  endReason: string | null = null;
  subscription!: FeedSubscription;
  readonly ready: () => Promise<void>;

  constructor(ready: () => Promise<void> = async () => undefined) {
    this.ready = ready;
  }

  change(change: Change): void {
    this.told.push({ change });
  }

  gap(reason: string, id: string): void {
    this.told.push({ gap: reason, id });
  }

  ended(reason: string): void {
    this.endReason = reason;
  }

  get changes(): Change[] {
    return this.told.flatMap((one) => ("change" in one ? [one.change] : []));
  }

  get gaps(): string[] {
    return this.told.flatMap((one) => ("gap" in one ? [one.gap] : []));
  }

  /** `INSERT {record}`, `DELETE {old}`. */
  get short(): string[] {
    return this.changes.map(({ type, record, oldRecord }) => `${type} ${record ?? oldRecord}`);
  }

  /** Resolves when it was told of so many changes. */
  async heard(count: number): Promise<Change[]> {
    await until(`${count} changes`, () => this.changes.length >= count);
    return this.changes;
  }
}

export interface TestFeed {
  readonly feed: ManagedChangeFeed;
  readonly rooms: Rooms;
  subscribe(asking: Asking): Promise<Listener>;
  /** As at the end of a server; the slot stays. */
  stop(): Promise<void>;
}

export interface FeedWorld {
  readonly sql: Sql;
  readonly url: string;
  readonly bus: Bus;
  readonly leases: Leases;
  /** Another server. */
  server(options?: { config?: Partial<DataConfig>; log?: Logger; bus?: Bus }): TestFeed;
  /** Resolves when everything committed so far was told to this listener's server. */
  settle(...listeners: readonly Listener[]): Promise<void>;
  close(): Promise<void>;
}

/** @param setup SQL that makes the tables. */
export async function openFeedWorld(
  setup: string,
  common: Partial<DataConfig> = {},
): Promise<FeedWorld> {
  const database = await (await testPostgres()).createDatabase();
  const sql = postgres({
    ...postgresJsOptions(parseDatabaseUrl(database.url)),
    max: 4,
    onnotice: () => undefined,
  });
  for (const file of SYSTEM_SQL) await sql.unsafe(readFileSync(join(ROOT, file), "utf8"));
  await sql.unsafe(`${setup}; create table public.settled (n int primary key);
    alter table public.settled enable row level security;`);
  const leases = createMemoryLeases(systemClock);
  const bus = createMemoryBus(silentLog);
  const vault = createMemoryVault();
  const stops: (() => Promise<void>)[] = [];
  let servers = 0;
  let marks = 0;
  return {
    sql,
    url: database.url,
    bus,
    leases,
    server({ config = {}, log = silentLog, bus: ownBus = bus } = {}) {
      const databases = createDatabases({
        urlFor: () => ({
          ...{ ownerUrl: database.url, directUrl: database.url },
          userUrl: asUser(database.url, "authenticator"),
        }),
        ...{ clock: systemClock, rng: systemRng, log: silentLog },
      });
      const shared = { databases, clock: systemClock, log, metrics: createMetrics(), vault };
      const settings = { ...Value.Create(dataConfig), ...common, ...config };
      const rooms = new Rooms(settings, {
        ...shared,
        server: { development: false },
      } as unknown as RoomsDeps);
      const feed = createChangeFeed({
        ...{ ...shared, bus: ownBus, leases, rng: systemRng },
        server: { instanceId: `server-${++servers}` },
        roomOf: (tenant) => rooms.of(tenant),
      });
      let isStopped = false;
      const stop = async () => {
        if (isStopped) return;
        isStopped = true;
        await feed.service.stop(5_000);
        await rooms.close();
        await databases.close();
      };
      stops.push(stop);
      return { feed, rooms, stop, subscribe: (asking) => subscribe(feed, asking) };
    },
    async settle(...listeners) {
      marks += 1;
      await sql`insert into public.settled values (${marks})`;
      const [row] = await sql<{ lsn: string }[]>`select pg_current_wal_flush_lsn()::text as lsn`;
      const lsn = parseLsn(row?.lsn ?? "");
      const lsnOf = ({ subscription }: Listener) =>
        BigInt(`0x${subscription.position().split("-")[1]}`);
      await until("everything was told", () => listeners.every((one) => lsnOf(one) >= lsn));
    },
    async close() {
      for (const stop of stops) await stop();
      await until("the slot is free", () =>
        sql`select pg_drop_replication_slot(slot_name) from pg_replication_slots
            where database = current_database()`.then(
          () => true,
          () => false,
        ),
      );
      await sql.end({ timeout: 5 });
      await database.drop();
    },
  };
}

async function subscribe(feed: ManagedChangeFeed, asking: Asking): Promise<Listener> {
  const { table, schema = "public", types, filters = [], columns, after, ready } = asking;
  const interest: ChangeInterest = {
    principal: principalFor(asking),
    schema,
    table,
    types: new Set(types ?? ["INSERT", "UPDATE", "DELETE"]),
    filters: filters.map((text) => parseRowFilterText(text, 100)),
    ...(columns ? { columns } : {}),
  };
  const listener = new Listener(ready);
  listener.subscription = await feed.subscribe(DEFAULT_TENANT, interest, listener, after);
  return listener;
}
