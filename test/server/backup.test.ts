/** A backup of a server at work: one file that holds all of it as it was at one moment, or nothing. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDirect } from "../../src/postgres/databases.ts";
import { restore } from "../../src/server/host/restore.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { silentLog } from "../support/postgres.ts";
import { until } from "../support/until.ts";
import { processBench, type ServerProcess } from "./server-process.ts";

setDefaultTimeout(120_000);
const bench = processBench();
const folder = mkdtempSync(join(tmpdir(), "reactor-backup-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Status {
  readonly database_url: string;
  readonly secret_key: string;
  readonly publishable_key: string;
}

async function statusOf(server: ServerProcess): Promise<Status & { url: string; token: string }> {
  const { url, admin_token: token } = await server.ready();
  const answer = await fetch(`${url}/_admin/status`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return { ...((await answer.json()) as Status), url, token };
}

const ACCOUNTS = 20;
const TABLES = `create table public.accounts (id int primary key, amount int not null);
insert into public.accounts select n, 1000 from generate_series(1, ${ACCOUNTS}) n;
create table public.transfers (id int primary key);`;

/** Moves money between accounts, each move with its row, on several connections until told to end. */
function transferForever(databaseUrl: string) {
  const acknowledged: number[] = [];
  let next = 0;
  let isOver = false;
  const work = async () => {
    const sql = openDirect(databaseUrl, silentLog);
    while (!isOver) {
      const id = next++;
      const [from, to] = [1 + (id % ACCOUNTS), 1 + ((id * 7 + 3) % ACCOUNTS)].sort((l, r) => l - r);
      await sql.begin(async (tx) => {
        await tx`update public.accounts set amount = amount - 1 where id = ${from ?? 1}`;
        await tx`insert into public.transfers values (${id})`;
        await tx`update public.accounts set amount = amount + 1 where id = ${to ?? 1}`;
      });
      acknowledged.push(id);
    }
    await sql.end();
  };
  const done = Promise.all([work(), work(), work()]);
  return {
    acknowledged,
    async end() {
      isOver = true;
      await done;
    },
  };
}

/** Made once: a server at work, its backup, and what it had acknowledged before that was asked for. */
let made: Promise<{ bytes: Buffer; before: readonly number[]; status: Status }> | undefined;
function backupUnderLoad() {
  made ??= (async () => {
    const server = bench.serve({ toml: '[log]\nlevel = "info"\n' });
    const status = await statusOf(server);
    const sql = openDirect(status.database_url, silentLog);
    await sql.unsafe(TABLES);
    await sql.end();
    const load = transferForever(status.database_url);
    await until("a load", () => load.acknowledged.length > 100, 60_000);
    const before = [...load.acknowledged];
    const answer = await fetch(`${status.url}/_admin/backup`, {
      headers: { authorization: `Bearer ${status.token}` },
    });
    expect(answer.status).toBe(200);
    const bytes = Buffer.from(await answer.arrayBuffer());
    await load.end();
    expect(load.acknowledged.length).toBeGreaterThan(before.length);
    expect((await server.stop()).code).toBe(0);
    return { bytes, before, status };
  })();
  return made;
}

let count = 0;
function restoreBytes(bytes: Uint8Array, dataDir = join(folder, `restored-${++count}`)) {
  const file = join(folder, `${count}.backup`);
  writeFileSync(file, bytes);
  const request = { file, dataDir, env: {}, clock: systemClock, onStep: () => undefined };
  return restore(request).finally(() => rmSync(file));
}

describe("a backup taken under load", () => {
  test("restores to one moment of it, and serves with the same keys", async () => {
    const { bytes, before, status } = await backupUnderLoad();
    const cwd = bench.folder();
    const report = await restoreBytes(bytes, join(cwd, ".reactor"));
    expect(report.migrations).toBeGreaterThan(3);
    expect(readFileSync(report.configuration ?? "", "utf8")).toContain('level = "info"');
    const server = bench.serve({ cwd });
    const restored = await statusOf(server);
    expect(restored.secret_key).toBe(status.secret_key);
    expect(restored.publishable_key).toBe(status.publishable_key);
    const sql = openDirect(restored.database_url, silentLog);
    const [sum] = await sql`select sum(amount)::int as amount from public.accounts`;
    const rows = await sql<{ id: number }[]>`select id from public.transfers`;
    await sql.end();
    expect(sum?.["amount"]).toBe(1000 * ACCOUNTS);
    const found = new Set(rows.map(({ id }) => id));
    expect(before.filter((id) => !found.has(id))).toEqual([]);
    const answer = await fetch(`${restored.url}/fn/v1/_admin`, {
      headers: { apikey: status.secret_key },
    });
    expect(answer.status).toBe(200);
    expect((await server.stop()).code).toBe(0);
  });

  test("with one byte changed anywhere is refused, and nothing of it is kept", async () => {
    const { bytes } = await backupUnderLoad();
    const ends = [0, 1, 4, 5, 100, bytes.length - 1, bytes.length - 20, bytes.length - 60];
    const inside = Array.from({ length: 16 }, (_, n) =>
      Math.floor((bytes.length * (n + 0.5)) / 16),
    );
    for (const at of [...ends, ...inside]) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      const dataDir = join(folder, `changed-${at}`);
      const outcome = await restoreBytes(changed, dataDir).then(
        () => "accepted",
        (error: { code?: string; exitCode?: number }) => `${error.code} ${error.exitCode}`,
      );
      expect({ at, outcome }).toEqual({ at, outcome: "backup_damaged 4" });
      expect(existsSync(dataDir)).toBe(false);
    }
  });

  test("cut off anywhere, or with something after it, is refused", async () => {
    const { bytes } = await backupUnderLoad();
    const cuts = [0, 1, 40, bytes.length >> 1, bytes.length - 100, bytes.length - 1];
    const damaged = [
      ...cuts.map((at) => bytes.subarray(0, at)),
      Buffer.concat([bytes, Buffer.from("x")]),
    ];
    for (const content of damaged) {
      await expect(restoreBytes(content)).rejects.toMatchObject({ code: "backup_damaged" });
    }
  });

  test("is not restored over anything; an empty folder stays when it is refused", async () => {
    const { bytes } = await backupUnderLoad();
    const full = join(folder, "full");
    mkdirSync(full);
    writeFileSync(join(full, "mine"), "mine");
    await expect(restoreBytes(bytes, full)).rejects.toMatchObject({
      code: "data_folder_not_empty",
    });
    expect(readdirSync(full)).toEqual(["mine"]);
    const empty = join(folder, "empty");
    mkdirSync(empty);
    await expect(restoreBytes(bytes.subarray(0, 1000), empty)).rejects.toMatchObject({
      code: "backup_damaged",
    });
    expect(readdirSync(empty)).toEqual([]);
  });
});
