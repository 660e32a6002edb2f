/**
 * Channels without a server: the real code on a real database, sockets that a test holds in its hand,
 * a clock that moves when told to, and tokens that say in plain text who somebody is.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Value } from "@sinclair/typebox/value";
import postgres, { type Sql } from "postgres";
import { type DataConfig, dataConfig } from "../../src/capabilities/data/config.ts";
import type { ChangeFeed } from "../../src/capabilities/data/realtime/change-feed.ts";
import {
  type ChannelRoom,
  createChannelRoom,
} from "../../src/capabilities/data/realtime/channels/room.ts";
import { Session } from "../../src/capabilities/data/realtime/channels/session.ts";
import { MessageSeal } from "../../src/capabilities/data/realtime/feed/message-seal.ts";
import { coreErrors } from "../../src/core/errors.ts";
import type { AuthClient, Principal } from "../../src/core/ports/auth.ts";
import type { Bus } from "../../src/core/ports/bus.ts";
import type { Clock } from "../../src/core/ports/clock.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { createDatabases } from "../../src/postgres/databases.ts";
import { parseDatabaseUrl, postgresJsOptions } from "../../src/postgres/url.ts";
import { createMemoryBus } from "../../src/shared/bus/memory-bus.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { createIds } from "../../src/shared/ids.ts";
import { createMetrics } from "../../src/shared/metrics.ts";
import { systemRng } from "../../src/shared/rng.ts";
import { createMemoryLog, type MemoryLog } from "../support/memory-log.ts";
import { silentLog, testPostgres } from "../support/postgres.ts";
import { until } from "../support/until.ts";

const SEAL_KEY = systemRng.bytes(32);
const ROOT = join(import.meta.dir, "../..");
const SQL_FILES = ["migrations/system/0001_roles.sql", "migrations/data/0001_realtime.sql"];

export const USER = "00000000-0000-4000-8000-000000000001";
export const OTHER = "00000000-0000-4000-8000-000000000002";

/** A token is `role.user.expires`, the last in milliseconds since the epoch, or empty. */
export function tokenOf(role: string, userId = "", expiresAt: number | "" = ""): string {
  return `${role}.${userId}.${expiresAt}`;
}

export function principalOf(token: string): Principal {
  const [role = "anon", userId = "", expires = ""] = token.split(".");
  return {
    role,
    userId: userId === "" ? null : userId,
    claims: JSON.stringify({ role, ...(userId === "" ? {} : { sub: userId }) }),
    expiresAt: expires === "" ? Number.POSITIVE_INFINITY : Number(expires),
  };
}

const auth: AuthClient = {
  authenticate(_tenant, { bearer }) {
    if (bearer === null) return principalOf("anon");
    if (bearer.startsWith("bad")) throw coreErrors.bad_credential("The token was refused: planted");
    return principalOf(bearer);
  },
};

/** A frame as the client reads it. */
export interface Heard {
  readonly joinRef: unknown;
  readonly ref: unknown;
  readonly topic: string;
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server says, tests look into it
  readonly payload: any;
}

export interface HandSocket {
  readonly session: Session;
  readonly heard: Heard[];
  readonly closed: { code: number; reason: string } | null;
  /** What the kernel would not take yet: bytes counted, nothing delivered. */
  isStuck: boolean;
  /** @param frame text as it is, or the members of a version 2.0.0 array */
  send(frame: string | Uint8Array | readonly unknown[]): void;
  /** Sends a join and resolves with its answer. */
  join(topic: string, config?: object, token?: string): Promise<Heard>;
  /** The first frame not yet taken that fits; waits for it. */
  take(event: string, topic?: string): Promise<Heard>;
  close(): void;
}

export interface ChannelWorld {
  readonly sql: Sql;
  readonly room: ChannelRoom;
  readonly log: MemoryLog;
  connect(options?: { token?: string }): HandSocket;
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly config?: Partial<DataConfig>;
  readonly clock?: Clock;
  readonly feed?: ChangeFeed | null;
  readonly bus?: Bus;
  /** Another server on the same database. */
  readonly beside?: ChannelWorld & { readonly databaseUrl: string };
}

export async function openChannelWorld(options: WorldOptions = {}) {
  const server = await testPostgres();
  const database = options.beside ? null : await server.createDatabase();
  const url = options.beside?.databaseUrl ?? database?.url ?? "";
  const sql = postgres({
    ...postgresJsOptions(parseDatabaseUrl(url)),
    max: 2,
    onnotice: () => undefined,
  });
  if (database) {
    for (const file of SQL_FILES) await sql.unsafe(readFileSync(join(ROOT, file), "utf8"));
  }
  const userUrl = url.replace(/^(postgres(?:ql)?:\/\/)[^@/]*@/, "$1authenticator@");
  const databases = createDatabases({
    urlFor: () => ({ ownerUrl: url, directUrl: url, userUrl }),
    clock: systemClock,
    rng: systemRng,
    log: silentLog,
  });
  const clock = options.clock ?? systemClock;
  const log = createMemoryLog();
  const room = createChannelRoom(
    {
      bus: options.bus ?? createMemoryBus(silentLog),
      clock,
      databases,
      ids: createIds(systemClock, systemRng),
      log,
      metrics: createMetrics(),
    },
    {
      config: { ...Value.Create(dataConfig), ...options.config } as DataConfig,
      auth,
      openSeal: async () => new MessageSeal(SEAL_KEY, systemRng),
      served: () => ({
        searchPath: "public, extensions",
        schemas: ["public", "more"],
        settings: [["app.settings.greeting", "hello"]],
      }),
      feed: options.feed ?? null,
    },
  );
  return {
    databaseUrl: url,
    sql,
    room,
    log,
    connect: ({ token = "anon" }: { token?: string } = {}) => connect(room, token),
    async close() {
      await room.close();
      await databases.close();
      await sql.end({ timeout: 5 });
      await database?.drop();
    },
  };
}

function readHeard(data: string | Uint8Array): Heard {
  if (typeof data === "string") {
    const [joinRef, ref, topic, event, payload] = JSON.parse(data);
    return { joinRef, ref, topic, event, payload };
  }
  const [, topicSize = 0, eventSize = 0, metaSize = 0, encoding] = data;
  const text = (from: number, size: number) =>
    new TextDecoder().decode(data.subarray(from, from + size));
  const metaAt = 5 + topicSize + eventSize;
  const body = data.subarray(metaAt + metaSize);
  return {
    joinRef: null,
    ref: null,
    topic: text(5, topicSize),
    event: "broadcast",
    payload: {
      type: "broadcast",
      event: text(5 + topicSize, eventSize),
      payload: encoding === 1 ? JSON.parse(new TextDecoder().decode(body)) : body,
      ...(metaSize === 0 ? {} : { meta: JSON.parse(text(metaAt, metaSize)) }),
    },
  };
}

function connect(room: ChannelRoom, token: string): HandSocket {
  const heard: Heard[] = [];
  let closed: HandSocket["closed"] = null;
  let buffered = 0;
  let refs = 0;
  const session = new Session(room, {
    tenant: DEFAULT_TENANT,
    version: 2,
    principal: principalOf(token),
    credentials: { bearer: token, apikey: null },
    headers: "{}",
  });
  const socket = {
    send(data: string | Uint8Array) {
      if (hand.isStuck) {
        buffered += data.length;
        return -1;
      }
      heard.push(readHeard(data));
      return data.length;
    },
    close(code = 1000, reason = "") {
      closed = { code, reason };
    },
    get bufferedBytes() {
      return buffered;
    },
  };
  const hand: HandSocket = {
    session,
    heard,
    get closed() {
      return closed;
    },
    isStuck: false,
    send(frame) {
      const isText = typeof frame === "string" || frame instanceof Uint8Array;
      session.message(socket, isText ? frame : JSON.stringify(frame));
    },
    async join(topic, config = {}, access_token) {
      refs += 1;
      const ref = `j${refs}`;
      hand.send([
        ref,
        ref,
        topic,
        "phx_join",
        { config, ...(access_token ? { access_token } : {}) },
      ]);
      return await until(`the answer to ${topic}`, () => heard.find((h) => h.ref === ref));
    },
    async take(event, topic) {
      const at = await until(`${event} in ${JSON.stringify(heard)}`, () => {
        const found = heard.findIndex((h) => h.event === event && (!topic || h.topic === topic));
        return found < 0 ? null : { found };
      });
      return heard.splice(at.found, 1)[0] as Heard;
    },
    close: () => session.close(),
  };
  room.sessionsOf(DEFAULT_TENANT).add(session);
  session.open(socket);
  return hand;
}
