/**
 * A load whose every acknowledgement is remembered, for the tests that kill, restore and count: rows
 * of the table `entry`, each under a key of its own, written over HTTP. A trigger writes each of them
 * a second time into `ledger` in the same transaction, so that half of one shows.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { parseDatabaseUrl, postgresJsOptions } from "../../src/postgres/url.ts";
import type { PrintedStatus } from "./executable.ts";
import { until } from "./until.ts";

const MIGRATION = `create table public.entry (
  key text primary key,
  batch text not null,
  amount integer not null
);
create table public.ledger (
  key text primary key references public.entry,
  amount integer not null
);
alter table public.entry enable row level security;
alter table public.ledger enable row level security;
create policy "anybody with an account writes" on public.entry
  for insert to authenticated with check (true);
grant insert on public.entry to authenticated;

create function public.keep_ledger() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
  insert into public.ledger values (new.key, new.amount);
  return new;
end $$;
create trigger keep_ledger after insert on public.entry
  for each row execute function public.keep_ledger();
`;

const WORKERS = 12;
const BATCH_ROWS = 4;
const AFTER_FAILURE_MS = 20;
const CALL_TIMEOUT_MS = 10_000;
const ACKNOWLEDGED_DEADLINE_MS = 60_000;

/** Writes the tables into a project as its next migration. */
export function makeJournalProject(project: string): void {
  mkdirSync(join(project, "migrations"), { recursive: true });
  writeFileSync(join(project, "migrations/0009_journal.sql"), MIGRATION);
}

/** Where to write: read before each call, so that a server may come back elsewhere. */
export interface JournalServer {
  readonly url: string;
  readonly status: Pick<PrintedStatus, "publishable_key">;
}

/** Writes from when it is made until stopped. One request in four is a batch: all of it or nothing. */
export class JournalLoad {
  server: JournalServer;
  /** Answers by status; 0 for a connection that failed. */
  readonly answers = new Map<number, number>();
  readonly #acknowledged = new Set<string>();
  readonly #sent = new Set<string>();
  readonly #workers: Promise<void>[];
  #token: Promise<string> | undefined;
  #next = 0;
  #isOver = false;

  constructor(server: JournalServer) {
    this.server = server;
    this.#workers = Array.from({ length: WORKERS }, () => this.#work());
  }

  acknowledged(): ReadonlySet<string> {
    return new Set(this.#acknowledged);
  }

  /** Every key that was ever sent. */
  sent(): ReadonlySet<string> {
    return new Set(this.#sent);
  }

  get count(): number {
    return this.#acknowledged.size;
  }

  async reached(count: number): Promise<void> {
    await until(`${count} rows`, () => this.count >= count, ACKNOWLEDGED_DEADLINE_MS);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#workers);
  }

  /** One request; true when it was acknowledged. */
  writeOnce(): Promise<boolean> {
    const batch = `b${this.#next++}`;
    const rows = this.#next % 4 === 0 ? BATCH_ROWS : 1;
    const keys = Array.from({ length: rows }, (_, row) => `${batch}.${row}`);
    return this.#send(batch, keys);
  }

  async #work(): Promise<void> {
    while (!this.#isOver) {
      if (!(await this.writeOnce())) await Bun.sleep(AFTER_FAILURE_MS);
    }
  }

  async #send(batch: string, keys: readonly string[]): Promise<boolean> {
    const rows = keys.map((key, amount) => ({ key, batch, amount }));
    for (const key of keys) this.#sent.add(key);
    const status = await this.#post(JSON.stringify(rows)).catch(() => 0);
    this.answers.set(status, (this.answers.get(status) ?? 0) + 1);
    if (status !== 201) return false;
    for (const key of keys) this.#acknowledged.add(key);
    return true;
  }

  async #post(body: string): Promise<number> {
    this.#token ??= this.#signUp();
    const token = await this.#token.catch((error: unknown) => {
      this.#token = undefined;
      throw error;
    });
    const response = await fetch(`${this.server.url}/data/v1/entry`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body,
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
    await response.arrayBuffer();
    return response.status;
  }

  async #signUp(): Promise<string> {
    const { url, status } = this.server;
    const response = await fetch(`${url}/auth/v1/signup`, {
      method: "POST",
      headers: { apikey: status.publishable_key, "content-type": "application/json" },
      body: JSON.stringify({ email: "writer@example.com", password: "correct horse battery" }),
    });
    if (!response.ok) throw new Error(`sign-up: ${response.status} ${await response.text()}`);
    return ((await response.json()) as { access_token: string }).access_token;
  }
}

/** What the database holds: key -> batch of `entry`, and the keys of `ledger`. */
export interface FoundJournal {
  readonly entries: ReadonlyMap<string, string>;
  readonly ledger: ReadonlySet<string>;
}

export async function readJournal(databaseUrl: string): Promise<FoundJournal> {
  const sql = postgres({ ...postgresJsOptions(parseDatabaseUrl(databaseUrl)), max: 1 });
  try {
    return await sql.begin("isolation level repeatable read", async (tx) => {
      const entries = await tx<{ key: string; batch: string }[]>`select key, batch from entry`;
      const ledger = await tx<{ key: string }[]>`
        select ledger.key from ledger join entry using (key, amount)`;
      return {
        entries: new Map(entries.map(({ key, batch }) => [key, batch])),
        ledger: new Set(ledger.map(({ key }) => key)),
      };
    });
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/**
 * What is wrong with what was found, in sentences: rows that were acknowledged and are not there, rows
 * nobody sent, halves of transactions. Empty when nothing is.
 */
export function journalFaults(
  { entries, ledger }: FoundJournal,
  acknowledged: ReadonlySet<string>,
  sent: ReadonlySet<string>,
): string[] {
  const keys = [...entries.keys()];
  const batches = Map.groupBy(entries, ([, batch]) => batch);
  const whole = (batch: string) => batches.get(batch)?.length === batchSize(batch, sent);
  const faults = {
    lost: [...acknowledged].filter((key) => !entries.has(key)),
    "never sent": keys.filter((key) => !sent.has(key)),
    "without a ledger": keys.filter((key) => !ledger.has(key)),
    "in part": [...batches.keys()].filter((batch) => !whole(batch)),
  };
  return Object.entries(faults)
    .filter(([, found]) => found.length > 0)
    .map(([what, found]) => `${found.length} ${what}: ${found.slice(0, 5).join(", ")}`);
}

function batchSize(batch: string, sent: ReadonlySet<string>): number {
  let size = 0;
  while (sent.has(`${batch}.${size}`)) size++;
  return size;
}
