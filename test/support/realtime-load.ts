/**
 * Subscribers, writers and servers that are killed, with a journal of what was committed and a model of
 * who may see it: finds changes that were neither told nor missed with a word, and rows that nobody
 * should have been told. Used by the realtime campaign and, small, by its test.
 */
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { connect as connectTcp, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServerFile } from "../../src/server/data-folder.ts";
import { connect } from "../postgres/wire-database.ts";
import { ServerProcess } from "../server/server-process.ts";
import { testPostgres } from "./postgres.ts";
import { createSeededRng, type SeededRng } from "./seeded-rng.ts";
import { until } from "./until.ts";

/** `open-policies` shows everything to everybody, `deaf` loses an event: both must be found. */
export type RealtimePlant = "open-policies" | "deaf";

export interface RealtimeOptions {
  readonly subscribers: number;
  /** One table each. */
  readonly policies: number;
  readonly writers: number;
  /** Committed changes between two kills, at least. */
  readonly changesPerRound: number;
  /** Kills of a server. */
  readonly rounds: number;
  /** Share of the readers that stop reading now and then. */
  readonly slowShare: number;
  readonly seed: number;
  readonly plant: RealtimePlant | null;
  onRound?(text: string): void;
}

export interface RealtimeReport {
  readonly committed: number;
  readonly told: number;
  readonly repeated: number;
  readonly gaps: number;
  /** Readers that a server gave up because they did not read. */
  readonly cutOff: number;
  readonly reconnects: number;
  /** In sentences; empty when the promises were kept. */
  readonly faults: readonly string[];
}

interface Row {
  readonly owner: number;
  readonly team: number;
  readonly level: number;
  readonly shared: boolean;
}

const TEAMS = 10;
const LEVELS = 5;
const SECRET = "realtime-campaign-secret-of-32-bytes";
const SETTLE_MS = 120_000;
/** The kernel holds a few megabytes for a connection that nobody reads. */
const BURST_ROWS = 16;
const BURST_ROW_BYTES = 128 * 1024;
const BURSTS_MAX = 12;
/** So long a burst may take until it is told. */
const BURST_MS = 3_000;
/** All bursts of two rounds, so that nobody is told of a gap. */
const WINDOW_BYTES = 128 * 1024 * 1024;
/** Of a writer, between two rows: while a round waits for changes, and else. */
const PAUSE_MS = { busy: 5, idle: 200 };

/** What each kind of policy means, in SQL and here. */
const KINDS: readonly { readonly sql: string; sees(user: number, row: Row): boolean }[] = [
  { sql: "owner = (select auth.uid())", sees: (user, row) => row.owner === user },
  {
    sql: "exists (select from members m where m.who = (select auth.uid()) and m.team = %.team)",
    sees: (user, row) => user % TEAMS === row.team,
  },
  { sql: "shared or owner = auth.uid()", sees: (user, row) => row.shared || row.owner === user },
  {
    sql: "level <= (auth.jwt() ->> 'level')::int",
    sees: (user, row) => row.level <= user % LEVELS,
  },
  { sql: "true", sees: () => true },
];
/** Kinds that can show a row to its owner alone. */
const PERSONAL_KINDS: readonly number[] = [0, 2];
const kindOf = (table: number) => KINDS[table % KINDS.length] ?? { sql: "true", sees: () => true };
const uuidOf = (user: number) => `00000000-0000-4000-8000-${String(user).padStart(12, "0")}`;

function tokenOf(user: number): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { sub: uuidOf(user), role: "authenticated", level: user % LEVELS };
  const head = `${part({ alg: "HS256", typ: "JWT" })}.${part({ ...claims, exp: 4_000_000_000 })}`;
  return `${head}.${createHmac("sha256", SECRET).update(head).digest("base64url")}`;
}

/** One subscriber: comes back where it was whenever its connection ends. */
class Reader {
  readonly user: number;
  readonly table: number;
  readonly seen = new Set<string>();
  isReady = false;
  gaps = 0;
  reconnects = 0;
  repeated = 0;
  readonly #urlOf: () => string | null;
  #socket: Socket | null = null;
  #lastId: string | null = null;
  #text = "";
  #isOver = false;

  constructor(user: number, table: number, urlOf: () => string | null) {
    this.user = user;
    this.table = table;
    this.#urlOf = urlOf;
    this.#open();
  }

  /** On a connection anew: one that has carried much is given more room by the kernel. */
  reconnect(): void {
    this.isReady = false;
    this.#socket?.destroy();
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  close(): void {
    this.#isOver = true;
    this.#socket?.destroy();
  }

  #open(): void {
    if (this.#isOver) return;
    const url = this.#urlOf();
    if (url === null) {
      setTimeout(() => this.#open(), 100);
      return;
    }
    const { hostname, port } = new URL(url);
    const socket = connectTcp({ host: hostname, port: Number(port) });
    this.#socket = socket;
    this.#text = "";
    const last = this.#lastId === null ? "" : `Last-Event-ID: ${this.#lastId}\r\n`;
    socket.on("connect", () =>
      socket.write(
        `GET /data/v1/t${this.table}/subscribe HTTP/1.1\r\nHost: localhost\r\n` +
          `Authorization: Bearer ${tokenOf(this.user)}\r\n${last}\r\n`,
      ),
    );
    socket.on("data", (chunk) => this.#read(chunk.toString("latin1")));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      if (this.#isOver) return;
      this.reconnects += 1;
      setTimeout(() => this.#open(), 100 + (this.user % 200));
    });
  }

  /** Frames of the chunked coding are lines of their own here, which no event has. */
  #read(text: string): void {
    this.#text += text;
    if (this.#text.startsWith("HTTP/1.1 ") && !this.#text.startsWith("HTTP/1.1 200")) {
      if (this.#text.includes("\r\n\r\n")) this.#socket?.destroy();
      return;
    }
    const blocks = this.#text.split("\n\n");
    this.#text = blocks.pop() ?? "";
    for (const block of blocks) this.#take(block);
  }

  #take(block: string): void {
    if (block.includes("retry: ")) this.isReady = true;
    const id = /^id: (\S+)$/m.exec(block)?.[1];
    const name = /^event: (\S+)$/m.exec(block)?.[1];
    const data = /^data: (.*)$/m.exec(block)?.[1];
    if (name === "end") {
      this.#socket?.destroy();
      return;
    }
    if (name === "gap") this.gaps += 1;
    if (id !== undefined) this.#lastId = id;
    if ((name !== "insert" && name !== "update") || data === undefined) return;
    const { id: row, v } = (JSON.parse(data) as { new: { id: number; v: number } }).new;
    const key = `${row}.${v}`;
    if (this.seen.has(key)) this.repeated += 1;
    this.seen.add(key);
  }
}

class Writers {
  /** By table: every committed version, with its row. */
  readonly journal: Map<string, Row>[];
  committed = 0;
  readonly #options: RealtimeOptions;
  readonly #sql: ReturnType<typeof connect>;
  readonly #rng: SeededRng;
  readonly #running: Promise<void>[];
  #isOver = false;
  #target = 0;
  #nextId = 1;

  constructor(options: RealtimeOptions, url: string, rng: SeededRng) {
    this.#options = options;
    this.#sql = connect(url);
    this.#rng = rng;
    this.journal = Array.from({ length: options.policies }, () => new Map());
    this.#running = Array.from({ length: options.writers }, () => this.#write());
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
    await this.#sql.end({ timeout: 5 });
  }

  async #write(): Promise<void> {
    while (!this.#isOver) {
      const table = this.#rng.below(this.#options.policies);
      const id = this.#nextId++;
      const row: Row = {
        owner: this.#rng.below(this.#options.subscribers),
        team: this.#rng.below(TEAMS),
        level: this.#rng.below(LEVELS),
        shared: this.#rng.below(4) === 0,
      };
      const versions = 1 + this.#rng.below(3);
      await this.#sql`insert into ${this.#sql(`t${table}`)}
        values (${id}, ${uuidOf(row.owner)}, ${row.team}, ${row.level}, ${row.shared}, 1)`;
      this.#note(table, `${id}.1`, row);
      for (let v = 2; v <= versions; v++) {
        await this.#sql`update ${this.#sql(`t${table}`)} set v = ${v} where id = ${id}`;
        this.#note(table, `${id}.${v}`, row);
      }
      await Bun.sleep(this.committed < this.#target ? PAUSE_MS.busy : PAUSE_MS.idle);
    }
  }

  /** Resolves when so many more changes have been committed. */
  async write(changes: number): Promise<void> {
    this.#target = this.committed + changes;
    await until("writes", () => this.committed >= this.#target, SETTLE_MS);
  }

  /** Rows that only this reader may see. */
  async burst({ user: owner, table }: Reader): Promise<void> {
    const row: Row = { owner, team: 0, level: 0, shared: false };
    const ids = Array.from({ length: BURST_ROWS }, () => this.#nextId++);
    for (const id of ids) {
      await this.#sql`insert into ${this.#sql(`t${table}`)}
        values (${id}, ${uuidOf(owner)}, 0, 0, false, 1, repeat('x', ${BURST_ROW_BYTES}))`;
      this.#note(table, `${id}.1`, row);
    }
  }

  #note(table: number, key: string, row: Row): void {
    this.journal[table]?.set(key, row);
    this.committed += 1;
  }
}

function schemaSql({ policies, subscribers, plant }: RealtimeOptions): string {
  const tables = Array.from({ length: policies }, (_, n) => {
    const using = plant === "open-policies" ? "true" : kindOf(n).sql.replaceAll("%", `t${n}`);
    return `create table t${n} (id int primary key, owner uuid, team int, level int, shared bool, v int, pad text);
      alter table t${n} enable row level security;
      create policy p on t${n} for select to authenticated using (${using});`;
  });
  return `create table members (who uuid, team int, primary key (who, team));
    insert into members select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, n % ${TEAMS}
      from generate_series(0, ${subscribers - 1}) n;
    alter table members enable row level security;
    create policy own on members for select to authenticated using (who = auth.uid());
    ${tables.join("\n")} notify pgrst, 'reload schema'`;
}

/** Two servers on one database. */
class Servers {
  readonly #folder = mkdtempSync(join(tmpdir(), "reactor-realtime-"));
  readonly #env: Record<string, string>;
  readonly #processes: ServerProcess[] = [];
  /** Null while one is not there. */
  readonly files: (ServerFile | null)[] = [null, null];

  constructor(databaseUrl: string, rng: SeededRng) {
    this.#env = {
      REACTOR_DATABASE__URL: databaseUrl,
      REACTOR_VAULT__KEY: Buffer.from(rng.bytes(32)).toString("base64"),
      REACTOR_DATA__JWT_SECRET: SECRET,
      REACTOR_DATA__REALTIME_MAX_BUFFERED_BYTES: "65536",
      REACTOR_DATA__REALTIME_WINDOW_BYTES: String(WINDOW_BYTES),
      REACTOR_LOG__LEVEL: "warn",
    };
  }

  async start(nth: number): Promise<void> {
    const dataDir = join(this.#folder, String(nth));
    const args = ["serve", "--only", "auth,data", "--data-dir", dataDir, "--port", "0"];
    const started = new ServerProcess(args, this.#folder, dataDir, this.#env);
    this.#processes[nth] = started;
    this.files[nth] = await started.ready();
  }

  async kill(nth: number): Promise<void> {
    this.files[nth] = null;
    this.#processes[nth]?.kill("SIGKILL");
    await this.#processes[nth]?.ended();
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map((_, nth) => this.kill(nth)));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** For this reader, as long as it is there. */
  urlFor(reader: number): string | null {
    return (this.files[reader % 2] ?? this.files.find((file) => file !== null))?.url ?? null;
  }

  async knowTables(): Promise<void> {
    const headers = { authorization: `Bearer ${tokenOf(0)}` };
    await until("the schema", async () => {
      const urls = this.files.map((file) => `${file?.url}/data/v1/t0?limit=1`);
      const answers = await Promise.all(urls.map((url) => fetch(url, { headers })));
      return answers.every((answer) => answer.ok);
    });
  }

  async subscriptions(): Promise<number> {
    // They have other work.
    await Bun.sleep(50);
    const counts = await Promise.all(this.files.map((file) => subscriptionsOf(file)));
    return counts.reduce((all, count) => all + count, 0);
  }
}

/** Of two servers on one database one is killed each round. */
export async function realtimeLoad(options: RealtimeOptions): Promise<RealtimeReport> {
  const rng = createSeededRng(options.seed);
  const database = await (await testPostgres()).createDatabase();
  const servers = new Servers(database.url, rng);
  const sql = connect(database.url);
  const readers: Reader[] = [];
  let writers: Writers | null = null;
  let cutOff = 0;
  try {
    await servers.start(0);
    await servers.start(1);
    await sql.unsafe(schemaSql(options));
    await servers.knowTables();
    await subscribeAll(options, servers, readers);
    options.onRound?.(`${readers.length} subscribers`);
    writers = new Writers(options, database.url, rng);
    const slow = readers.filter(() => rng.float() < options.slowShare);
    for (let round = 0; round < options.rounds; round++) {
      cutOff += await runRound({ options, servers, readers, slow, writers, victim: round % 2 });
      options.onRound?.(`round ${round + 1}: ${writers.committed} changes committed`);
    }
    await writers.stop();
    return { ...(await check(options, readers, writers)), cutOff };
  } finally {
    for (const reader of readers) reader.close();
    await writers?.stop().catch(() => undefined);
    await servers.close();
    await sql`select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = current_database()`.catch(
      () => undefined,
    );
    await sql.end({ timeout: 5 });
    await database.drop().catch(() => undefined);
  }
}

async function subscribeAll(options: RealtimeOptions, servers: Servers, readers: Reader[]) {
  const areReady = () => readers.every((one) => one.isReady);
  for (let n = 0; n < options.subscribers; n++) {
    readers.push(new Reader(n, n % options.policies, () => servers.urlFor(n)));
    if (n % 50 === 49) await until("subscribers", areReady, 60_000);
  }
  await until("the subscribers", areReady, 60_000);
}

interface Round {
  readonly options: RealtimeOptions;
  readonly servers: Servers;
  readonly readers: readonly Reader[];
  readonly slow: readonly Reader[];
  readonly writers: Writers;
  /** Which server is killed. */
  readonly victim: number;
}

/** How many readers were cut off. */
async function runRound({ options, servers, readers, slow, writers, victim }: Round) {
  // One on each server.
  const stalled = [0, 1].flatMap((parity) =>
    slow
      .filter(({ table }) => PERSONAL_KINDS.includes(table % KINDS.length))
      .filter(({ user }) => user % 2 === parity)
      .slice(0, 1),
  );
  await caughtUp(stalled, writers);
  for (const one of stalled) one.reconnect();
  await until("the stalled", () => stalled.every((one) => one.isReady), SETTLE_MS);
  const areAll = async () => (await servers.subscriptions()) === readers.length;
  await until("all subscribers", areAll, SETTLE_MS);
  for (const one of slow) one.pause();
  await writers.write(options.changesPerRound);
  await cutOffAll(stalled, writers, servers);
  await servers.kill(victim);
  for (const one of slow) one.resume();
  await writers.write(options.changesPerRound / 2);
  await servers.start(victim);
  return stalled.length;
}

/** Writes for readers that do not read until their servers have given them up. */
async function cutOffAll(stalled: readonly Reader[], writers: Writers, servers: Servers) {
  const left = (await servers.subscriptions()) - stalled.length;
  const areCutOff = async () => (await servers.subscriptions()) <= left;
  const ended = (waitMs: number) => until("the end of the stalled", areCutOff, waitMs);
  for (let bursts = 0; bursts < BURSTS_MAX; bursts++) {
    await Promise.all(stalled.map((one) => writers.burst(one)));
    if (await ended(BURST_MS).catch(() => false)) return;
  }
  await ended(SETTLE_MS);
}

async function subscriptionsOf(file: ServerFile | null): Promise<number> {
  if (file === null) return 0;
  const headers = { authorization: `Bearer ${file.admin_token}` };
  const text = await (await fetch(`${file.url}/metrics`, { headers })).text();
  return Number(/^reactor_realtime_subscriptions (\d+)/m.exec(text)?.[1]);
}

/** What a reader may see and has not been told. */
function missingOf({ table, user, seen }: Reader, journal: Writers["journal"]): string[] {
  return [...(journal[table] ?? [])]
    .filter(([key, row]) => !seen.has(key) && kindOf(table).sees(user, row))
    .map(([key]) => key);
}

/** All have been told what was committed, or that something is missing. */
async function caughtUp(
  readers: readonly Reader[],
  { journal }: Writers,
  waitMs = SETTLE_MS,
): Promise<void> {
  const isTold = (reader: Reader) => reader.gaps > 0 || missingOf(reader, journal).length === 0;
  await until("everything told", () => readers.every(isTold), waitMs);
}

async function check(
  options: RealtimeOptions,
  readers: readonly Reader[],
  writers: Writers,
): Promise<Omit<RealtimeReport, "cutOff">> {
  const { journal, committed } = writers;
  if (options.plant === "deaf") {
    const [one] = readers.filter((reader) => reader.seen.size > 0);
    one?.seen.delete([...one.seen][0] ?? "");
  }
  const waitMs = options.plant === "deaf" ? 5_000 : SETTLE_MS;
  await caughtUp(readers, writers, waitMs).catch(() => undefined);
  const faults: string[] = [];
  for (const reader of readers) {
    const missing = missingOf(reader, journal);
    if (missing.length > 0 && reader.gaps === 0) {
      faults.push(`user ${reader.user} on t${reader.table} silently missed ${missing.slice(0, 3)}`);
    }
    const rows = journal[reader.table] ?? new Map<string, Row>();
    const { sees } = kindOf(reader.table);
    const forbidden = [...reader.seen].filter((key) => {
      const row = rows.get(key);
      return row === undefined || !sees(reader.user, row);
    });
    if (forbidden.length > 0) {
      faults.push(`user ${reader.user} on t${reader.table} was shown ${forbidden.slice(0, 3)}`);
    }
  }
  const sum = (of: (reader: Reader) => number) => readers.reduce((all, one) => all + of(one), 0);
  return {
    committed,
    told: sum((one) => one.seen.size),
    repeated: sum((one) => one.repeated),
    gaps: sum((one) => one.gaps),
    reconnects: sum((one) => one.reconnects),
    faults,
  };
}
