/** Deploy, call, deploy again, go back: through the port and the routes, with real processes. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  InvocationRows,
  type NewInvocation,
} from "../../src/capabilities/functions/invocation-rows.ts";
import { insertInvocations, trimRecords } from "../../src/capabilities/functions/store-records.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { createMemoryBus } from "../../src/shared/bus/memory-bus.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { until } from "../support/until.ts";
import {
  type FunctionsDatabase,
  type FunctionsWorld,
  openFunctionsDatabase,
  startFunctions,
} from "./world.ts";

const says = (text: string) => `export default () => new Response(${JSON.stringify(text)});`;
const bytesTool = readFileSync(
  join(import.meta.dir, "../fixtures/project/functions/bytes-tool/bytes-tool.wasm"),
);

let database: FunctionsDatabase;
let world: FunctionsWorld;

beforeAll(async () => {
  database = await openFunctionsDatabase();
  world = await startFunctions(database, { poll_ms: 100, versions_kept: 2, log_lines_kept: 100 });
});

afterAll(async () => {
  await world?.stop();
  await database?.close();
});

const text = async (path: string, from = world) => (await from.call(path)).text();

describe("a function's life", () => {
  test("deploy, call, deploy again, go back step by step", async () => {
    const first = await world.deploy("life", says("one"));
    expect(first.action).toBe("create");
    expect(await text("/fn/v1/life")).toBe("one");
    const second = await world.deploy("life", says("two"));
    expect(second.action).toBe("update");
    expect(await text("/fn/v1/life")).toBe("two");
    await world.deploy("life", says("three"));
    const back = await world.call("/fn/v1/_admin/life/rollback", { method: "POST" });
    expect(await back.json()).toMatchObject({ name: "life", version: second.version });
    expect(await text("/fn/v1/life")).toBe("two");
    await world.call("/fn/v1/_admin/life/rollback", { method: "POST" });
    expect(await text("/fn/v1/life")).toBe("one");
    const further = await world.call("/fn/v1/_admin/life/rollback", { method: "POST" });
    expect([further.status, ((await further.json()) as { code: string }).code]).toEqual([
      409,
      "nothing_to_roll_back",
    ]);
  });

  test("an answer names function, version, cold start and duration", async () => {
    const { version } = await world.deploy("named", says("hi"));
    const cold = await world.call("/fn/v1/named");
    const warm = await world.call("/fn/v1/named");
    const seen = (answer: Response) =>
      ["X-Reactor-Function", "X-Reactor-Version", "X-Reactor-Cold-Start"].map((name) =>
        answer.headers.get(name),
      );
    expect(seen(cold)).toEqual(["named", version, "true"]);
    expect(seen(warm)).toEqual(["named", version, "false"]);
    expect(warm.headers.get("X-Reactor-Duration-Ms")).toMatch(/^\d+(\.\d+)?$/);
  });

  test("the same deploy again changes nothing; a setting alone makes a new version", async () => {
    const code = says("same");
    const first = await world.deploy("same", code);
    expect(await world.deploy("same", code)).toEqual({ ...first, action: "unchanged" });
    const changed = await world.deploy("same", code, { env: { A: "1" } });
    expect(changed.action).toBe("update");
    expect(changed.version).not.toBe(first.version);
    const described = await world.deploy("same", code, { env: { A: "1" }, description: "Same" });
    expect(described).toEqual({ ...changed, action: "update" });
  });

  test("a rollback by the beginning of a version, an unknown one and a short one", async () => {
    const { version } = await world.deploy("chosen", says("one"));
    await world.deploy("chosen", says("two"));
    const rollback = (wanted: string) =>
      world.call("/fn/v1/_admin/chosen/rollback", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ version: wanted }),
      });
    expect((await rollback("0".repeat(64))).status).toBe(404);
    expect((await rollback(version.slice(0, 4))).status).toBe(404);
    expect((await rollback(version.slice(0, 12))).status).toBe(200);
    expect(await text("/fn/v1/chosen")).toBe("one");
  });

  test("redeploying under load drops nothing and mixes nothing up", async () => {
    await world.deploy("busy", says("v0"));
    let running = true;
    const answers: string[] = [];
    const callers = Array.from({ length: 8 }, async () => {
      while (running) {
        const answer = await world.call("/fn/v1/busy");
        answers.push(`${answer.status} ${await answer.text()}`);
      }
    });
    for (let n = 1; n <= 5; n += 1) {
      await world.deploy("busy", says(`v${n}`));
      await until(`an answer of v${n}`, () => answers.includes(`200 v${n}`));
    }
    running = false;
    await Promise.all(callers);
    expect(answers.filter((answer) => !/^200 v[0-5]$/.test(answer))).toEqual([]);
    expect(await text("/fn/v1/busy")).toBe("v5");
  });

  test("old processes end after a redeploy", async () => {
    // Blank processes come and go; those that serve a function are what is asked for.
    const assigned = async () => {
      const { details } = await world.mounted.health(AbortSignal.timeout(1_000));
      return Number(details?.["assigned"]);
    };
    // Processes of other tests may still be ending.
    let others = Number.POSITIVE_INFINITY;
    await until("nothing else changes", async () => {
      const before = others;
      others = await assigned();
      return others === before;
    });
    await world.deploy("ending", says("one"));
    await text("/fn/v1/ending");
    expect(await assigned()).toBeLessThanOrEqual(others + 1);
    await world.deploy("ending", says("two"));
    await text("/fn/v1/ending");
    await until("only the new version has a process", async () => (await assigned()) <= others + 1);
    await world.call("/fn/v1/_admin/ending", { method: "DELETE" });
    await until("the function's process has ended", async () => (await assigned()) <= others);
    expect((await world.call("/fn/v1/ending")).status).toBe(404);
  });

  test("a deleted function is gone with its versions and can be made again", async () => {
    const { version } = await world.deploy("gone", says("one"));
    expect((await world.call("/fn/v1/_admin/gone", { method: "DELETE" })).status).toBe(204);
    expect((await world.call("/fn/v1/gone")).status).toBe(404);
    expect((await world.call("/fn/v1/_admin/gone", { method: "DELETE" })).status).toBe(404);
    const again = { name: "gone", action: "create", version };
    expect(await world.deploy("gone", says("one"))).toMatchObject(again);
    expect(await text("/fn/v1/gone")).toBe("one");
    expect((await world.call("/fn/v1/_admin/gone/rollback", { method: "POST" })).status).toBe(409);
  });

  test("prune removes what a project no longer has, and only when asked to", async () => {
    await world.deploy("kept", says("kept"));
    expect(await world.deployer.prune?.(DEFAULT_TENANT, ["kept"])).toEqual([]);
    const other = await openFunctionsDatabase();
    const pruning = await startFunctions(other, { prune: true });
    try {
      await pruning.deploy("kept", says("kept"));
      const { version } = await pruning.deploy("stale", says("stale"));
      expect(await pruning.deployer.prune?.(DEFAULT_TENANT, ["kept"])).toEqual([
        { name: "stale", action: "remove", version },
      ]);
      expect(await pruning.deployer.names(DEFAULT_TENANT)).toEqual(["kept"]);
    } finally {
      await pruning.stop();
      await other.close();
    }
  });
});

describe("what is kept", () => {
  test("a version cannot be changed behind the server's back", async () => {
    await world.deploy("fixed", says("one"));
    const change = world.sql`update functions.versions set entry = 'x' where name = 'fixed'`;
    await expect(change.execute()).rejects.toThrow("immutable");
  });

  test("code lies in the cache, whole and private, and is brought again when it is lost", async () => {
    await world.deploy("cached", says("cached"));
    await text("/fn/v1/cached");
    const dir = join(world.dataDir, "functions");
    const files = readdirSync(dir);
    expect(files.every((file) => /^[0-9a-f]{64}\.(js|wasm)$/.test(file))).toBe(true);
    expect(files.every((file) => (statSync(join(dir, file)).mode & 0o777) === 0o600)).toBe(true);
  });

  test("values of the environment are never told, names are", async () => {
    await world.deploy("secretive", says("x"), { env: { API_KEY: "sesame" } });
    const pages = await Promise.all(
      ["", "/secretive", "/secretive/versions"].map((path) => text(`/fn/v1/_admin${path}`)),
    );
    expect(pages.join()).not.toContain("sesame");
    expect(JSON.parse(pages[1] ?? "{}")).toMatchObject({ env_names: ["API_KEY"] });
  });

  test("the sweep keeps the newest versions, the active one, and no orphaned code", async () => {
    const versions: string[] = [];
    for (const n of ["1", "2", "3", "4"]) {
      versions.push((await world.deploy("swept", says(n))).version);
    }
    await world.call("/fn/v1/_admin/swept/rollback", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ version: versions[0] }),
    });
    await world.sql`update functions.code set created_at = now() - interval '2 hours'`;
    await trimRecords(world.sql, { logLines: 1, invocations: 1, versions: 2 });
    const left = await world.sql<{ version: string }[]>`
      select version from functions.versions where name = 'swept'`;
    expect(left.map((row) => row.version).sort()).toEqual(
      [versions[0], versions[2], versions[3]].map(String).sort(),
    );
    const [orphans] = await world.sql<{ count: number }[]>`
      select count(*)::int as count from functions.code c where not exists (
        select from functions.versions v where v.code_sha256 = c.sha256)`;
    expect(orphans?.count).toBe(0);
    expect(await text("/fn/v1/swept")).toBe("1");
  });

  const call = (more: Partial<NewInvocation>): NewInvocation => ({
    ...{ name: "odd", version: "v", shared: false, request_id: "r", method: "GET", status: 200 },
    ...{ duration_ms: 0.5, cold: false, bytes_in: 0, bytes_out: 0, peak_memory_bytes: null },
    ...{ error_code: null, at: Date.UTC(2026, 0, 2, 3, 4), ...more },
  });
  const insert = (told: readonly NewInvocation[]) => {
    const rows = new InvocationRows();
    for (const one of told) rows.add(one);
    return insertInvocations({ system: world.sql, copyIn: database.copyIn }, rows);
  };

  test("the sweep looks for a function's bound once, not for each of its calls", async () => {
    await world.deploy("busy", says("busy"));
    await insert(
      Array.from({ length: 500 }, (_, n) => call({ name: "busy", request_id: `r${n}` })),
    );
    const looks = await world.sql.begin(async (tx) => {
      // As for a table of which nothing is known yet.
      await tx`set local enable_nestloop = off`;
      await trimRecords(tx as never, { logLines: 1, invocations: 2, versions: 2 });
      const [row] = await tx<{ looks: number }[]>`
        select (seq_scan + idx_scan)::int as looks from pg_stat_xact_user_tables
        where relid = 'functions.invocations'::regclass`;
      return row?.looks ?? 0;
    });
    const left = await world.sql<{ request_id: string }[]>`
      select request_id from functions.invocations where name = 'busy' order by id`;
    expect(left.map((row) => row.request_id)).toEqual(["r498", "r499"]);
    expect(looks).toBeLessThan(100);
  });

  test("an invocation is kept as it was told, whatever its texts hold", async () => {
    const texts = ['"', "\\", "{a,b}", "NULL", "\\N", "", "ä\t\n", "x".repeat(90), "é".repeat(90)];
    const rows = texts.map((text, n) => ({
      ...call({ version: `v${n}`, shared: n % 2 === 0, request_id: `odd-${n}`, method: text }),
      ...{ status: 200 + n, duration_ms: n + 0.5, cold: n % 2 === 1, bytes_in: n === 0 ? null : n },
      ...{ bytes_out: 5_000_000_000, error_code: n === 0 ? null : text },
      at: Date.UTC(2026, 0, 2, 3, 4, n, 123),
    }));
    await insert(rows);
    const kept = await world.sql`
      select name, version, shared, request_id, method, status, duration_ms, cold,
        bytes_in::float8 as bytes_in, bytes_out::float8 as bytes_out, peak_memory_bytes, error_code, at
      from functions.invocations where name = 'odd' order by id`;
    const told = kept.map(({ at, ...rest }) => ({ ...rest, at: (at as Date).getTime() }));
    expect(told as never).toEqual(rows as never);
  });

  test("invocations of two servers have ids of their own, each batch in its order", async () => {
    const batch = (method: string, size: number) =>
      Array.from({ length: size }, (_, n) => call({ name: "many", method, status: n % 1000 }));
    await Promise.all([
      insert(batch("A", 2_000)),
      insert(batch("B", 2_000)),
      insert(batch("C", 3)),
    ]);
    await insert(batch("D", 1));
    const kept = await world.sql<{ method: string; status: number }[]>`
      select method, status from functions.invocations where name = 'many' order by id`;
    expect(kept.at(-1)?.method).toBe("D");
    for (const method of ["A", "B"]) {
      const statuses = kept.filter((row) => row.method === method).map(({ status }) => status);
      expect(statuses).toEqual(Array.from({ length: 2_000 }, (_, n) => n % 1000));
    }
    expect(kept).toHaveLength(4_004);
  });

  test("a batch that is written twice has other ids the second time", async () => {
    const rows = new InvocationRows();
    for (const request_id of ["one", "two"]) rows.add(call({ name: "twice", request_id }));
    const into = { system: world.sql, copyIn: database.copyIn };
    await insertInvocations(into, rows);
    await insertInvocations(into, rows);
    const kept = await world.sql<{ request_id: string }[]>`
      select request_id from functions.invocations where name = 'twice' order by id`;
    expect(kept.map((row) => row.request_id)).toEqual(["one", "two", "one", "two"]);
  });

  test("an invocation that cannot be stored is told from a database that is away", async () => {
    await expect(insert([call({ method: "\0" })])).rejects.toMatchObject({ code: "22021" });
    await insert([call({ name: "after" })]);
    const kept = await world.sql`select 1 from functions.invocations where name = 'after'`;
    expect(kept).toHaveLength(1);
  });
});

describe("two servers on one database", () => {
  test("a change made on one is taken up by the other, with notifications and without", async () => {
    const told = await startFunctions(database, { poll_ms: 600_000 });
    const deaf = await startFunctions(
      database,
      { poll_ms: 100 },
      createMemoryBus(createMemoryLog()),
    );
    try {
      await world.deploy("shared", says("one"));
      for (const other of [told, deaf]) {
        await until(
          "the other server has it",
          async () => (await text("/fn/v1/shared", other)) === "one",
        );
      }
      await world.deploy("shared", says("two"));
      for (const other of [told, deaf]) {
        await until(
          "the other server follows",
          async () => (await text("/fn/v1/shared", other)) === "two",
        );
      }
    } finally {
      await told.stop();
      await deaf.stop();
    }
  });

  test("a WASM function's code reaches a server that never saw the deploy", async () => {
    await world.deploy("bytes-tool", bytesTool);
    const late = await startFunctions(database);
    try {
      const answer = await late.call("/fn/v1/bytes-tool", { method: "POST", body: "abc" });
      expect(await answer.text()).toBe("cba");
      rmSync(join(late.dataDir, "functions"), { recursive: true });
    } finally {
      await late.stop();
    }
  });
});
