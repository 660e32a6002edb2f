import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ManagedUserPool, PoolState } from "../../src/postgres/wire/user-pool.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { until } from "../support/until.ts";
import { ask, failure, one, openPool, openWireDatabase, texts } from "./wire-database.ts";

const database = await openWireDatabase(`
  create table written (body text);
  create function wait_for(key int) returns text language plpgsql as
    $$ begin perform pg_advisory_lock(key); perform pg_advisory_unlock(key); return 'waited'; end $$;
`);
afterAll(() => database.close());

/** Holds an advisory lock, so that `wait_for(key)` runs until it is released. */
async function holdLock(key: number): Promise<() => Promise<void>> {
  const session = await database.sql.reserve();
  await session`select pg_advisory_lock(${key})`;
  return async () => {
    await session`select pg_advisory_unlock(${key})`;
    session.release();
  };
}

function waiting(key: number): Promise<unknown> {
  return until(`a query waits for lock ${key}`, async () => {
    const [row] = await database.sql`
      select 1 from pg_locks where locktype = 'advisory' and objid = ${key} and not granted`;
    return row;
  });
}

const waitFor = (key: number, rest = {}) =>
  ask("select wait_for($1::int)", { params: [String(key)], ...rest });

describe("the statement timeout", () => {
  test("cancels the statement of the very query that names it", async () => {
    const pool = database.pool({ limits: { size: 1 } });
    const slow = failure(pool.query(ask("select pg_sleep(60)", { timeoutMs: 50 })));
    expect(await slow).toMatchObject({ code: "57014" });
    expect(await one(pool, "select current_setting('statement_timeout')")).toBe("15s");
  });

  test("is the pool's when the query names none, and 0 is no timeout", async () => {
    const pool = database.pool({ limits: { size: 1, statementTimeoutMs: 50 } });
    expect(await failure(pool.query(ask("select pg_sleep(60)")))).toMatchObject({ code: "57014" });
    const setting = "select current_setting('statement_timeout')";
    expect(await one(pool, setting, { timeoutMs: 0 })).toBe("0");
  });
});

describe("an abort signal", () => {
  test("cancels the running query, and only that one", async () => {
    const release = await holdLock(1);
    const pool = database.pool({ limits: { size: 1, depth: 8 } });
    await one(pool, "select 'after'");
    const controller = new AbortController();
    const cancelled = failure(pool.query(waitFor(1, { signal: controller.signal })));
    await waiting(1);
    const after = Array.from({ length: 20 }, () => one(pool, "select 'after'"));
    controller.abort(new Error("the caller left"));
    expect(await cancelled).toMatchObject({ message: "the caller left" });
    expect(new Set(await Promise.all(after))).toEqual(new Set(["after"]));
    await release();
  });

  test("never cancels a neighbour in the pipeline, in 200 tries", async () => {
    const pool = database.pool({ limits: { size: 1, depth: 8 } });
    const statement = "select sum(i)::text from generate_series(1, 20000) i";
    await one(pool, statement);
    for (let round = 0; round < 200; round += 1) {
      const controller = new AbortController();
      const reason = new Error("left");
      const aborted = pool
        .query(ask(statement, { signal: controller.signal }))
        .catch((error: unknown) => error);
      const neighbours = [one(pool, statement), one(pool, statement)];
      await Promise.resolve();
      controller.abort(reason);
      const outcome = await aborted;
      // It may have been done before the cancel came; nothing else is allowed.
      if (outcome !== reason) expect(outcome).toMatchObject({ tag: "SELECT 1" });
      expect(await Promise.all(neighbours)).toEqual(["200010000", "200010000"]);
    }
  });

  test("cancels a query that waits its turn in the pipeline when the turn comes", async () => {
    const release = await holdLock(3);
    const pool = database.pool({ limits: { size: 1, depth: 8 } });
    await one(pool, "select 1");
    // A prepared, quick kind: so that it is pipelined behind.
    await database.sql`create function gate() returns text language sql as 'select ''open'''`;
    await one(pool, "select gate()");
    await database.sql`create or replace function gate() returns text language sql as 'select wait_for(3)'`;
    const first = one(pool, "select gate()");
    const controller = new AbortController();
    const second = failure(
      pool.query(
        ask("insert into written values ('no') returning pg_sleep(60)", {
          signal: controller.signal,
        }),
      ),
    );
    await waiting(3);
    expect(pool.stats()).toMatchObject({ inFlight: 2, queued: 0 });
    controller.abort(new Error("left"));
    await release();
    expect(await first).toBe("waited");
    expect(await second).toMatchObject({ message: "left" });
    expect(await one(pool, "select count(*) from written where body = 'no'")).toBe("0");
  });

  test("takes a waiting query out of the queue, and refuses one that comes aborted", async () => {
    const release = await holdLock(4);
    const pool = database.pool({ limits: { size: 1, depth: 1 } });
    const first = pool.query(waitFor(4));
    await waiting(4);
    const controller = new AbortController();
    const queued = failure(pool.query(ask("select 1", { signal: controller.signal })));
    expect(pool.stats().queued).toBe(1);
    controller.abort(new Error("left"));
    expect(await queued).toMatchObject({ message: "left" });
    expect(pool.stats().queued).toBe(0);
    const late = failure(pool.query(ask("select 1", { signal: controller.signal })));
    expect(await late).toMatchObject({ message: "left" });
    await release();
    await first;
  });
});

describe("a full pool", () => {
  test("refuses what exceeds the queue with 503 and Retry-After", async () => {
    const release = await holdLock(5);
    const pool = database.pool({ limits: { size: 1, depth: 1, queueLimit: 3 } });
    const running = pool.query(waitFor(5));
    await waiting(5);
    const queued = [1, 2, 3].map(() => one(pool, "select 'done'"));
    const refused = await failure(pool.query(ask("select 1")));
    expect(refused).toMatchObject({
      code: "pool_saturated",
      status: 503,
      headers: { "Retry-After": "1" },
    });
    expect(pool.stats()).toEqual({ limit: 1, connections: 1, idle: 0, queued: 3, inFlight: 1 });
    await release();
    await running;
    expect(await Promise.all(queued)).toEqual(["done", "done", "done"]);
  });

  test("lets nobody wait for longer than the limit", async () => {
    const release = await holdLock(6);
    const pool = database.pool({ limits: { size: 1, depth: 1, acquireTimeoutMs: 50 } });
    const running = pool.query(waitFor(6));
    await waiting(6);
    expect(await failure(pool.query(ask("select 1")))).toMatchObject({ code: "pool_saturated" });
    await release();
    await running;
  });

  test("keeps a slow query from holding up the quick ones", async () => {
    const release = await holdLock(7);
    const pool = database.pool({ limits: { size: 2, depth: 8 } });
    await Promise.all([one(pool, "select 'quick'"), one(pool, "select 'quick'")]);
    const slow = pool.query(waitFor(7));
    await waiting(7);
    const quick = Array.from({ length: 100 }, () => one(pool, "select 'quick'"));
    expect(await Promise.all(quick)).toHaveLength(100);
    await release();
    await slow;
  });
});

describe("quick queries", () => {
  /** By it nothing takes any time, so that every kind seen once is quick. */
  const still = { ...systemClock, monotonic: () => 0 };
  const limits = { size: 4, depth: 4, quickReaders: 1 };
  const backends = async (pool: ManagedUserPool, count: number, readOnly: boolean) => {
    const asked = Array.from({ length: count }, () =>
      one(pool, "select pg_backend_pid()", { readOnly }),
    );
    return new Set(await Promise.all(asked)).size;
  };

  test("reads travel on one connection, up to four times the depth", async () => {
    const pool = database.pool({ limits, clock: still });
    await backends(pool, 1, true);
    expect(await backends(pool, 16, true)).toBe(1);
    expect(pool.stats().connections).toBe(1);
    await backends(pool, 4 * 17, true);
    await until("another connection", () => pool.stats().connections > 1);
    expect(await backends(pool, 16, true)).toBe(1);
  });

  test("writes travel on several, and reach the disk together", async () => {
    const pool = database.pool({ limits, clock: still });
    await backends(pool, 1, false);
    await backends(pool, 16, false);
    await until("all connections", () => pool.stats().connections === 4);
    expect(await backends(pool, 16, false)).toBe(4);
  });

  test("reads go elsewhere where those before them have waited", async () => {
    let nowMs = 0;
    const pool = database.pool({ limits, clock: { ...still, monotonic: () => nowMs } });
    await backends(pool, 1, false);
    await backends(pool, 16, false);
    await until("all connections", () => pool.stats().connections === 4);
    await backends(pool, 1, true);
    await database.sql`create function door() returns text language sql as 'select ''open'''`;
    await one(pool, "select door()", { readOnly: true });
    const release = await holdLock(10);
    await database.sql`create or replace function door() returns text language sql as 'select wait_for(10)'`;
    const first = one(pool, "select door()", { readOnly: true });
    await waiting(10);
    nowMs = 6;
    expect(await backends(pool, 4, true)).toBeGreaterThan(0);
    await release();
    expect(await first).toBe("waited");
  });
});

describe("a lost connection", () => {
  const terminate = () => database.sql`
    select pg_terminate_backend(pid) from pg_stat_activity
     where usename = 'authenticator' and datname = current_database()`;

  test("fails a write under way as connection_lost, and the pool comes back", async () => {
    const release = await holdLock(8);
    const pool = database.pool({ limits: { size: 1 } });
    const states: PoolState[] = [];
    pool.onStateChange((state) => states.push(state));
    const lost = failure(pool.query(waitFor(8)));
    await waiting(8);
    await terminate();
    const error = await lost;
    expect(error).toMatchObject({ code: "connection_lost", status: 503 });
    expect(error["cause"]).toMatchObject({ code: "57P01" });
    expect(await one(pool, "select 'back'")).toBe("back");
    expect(states).toEqual(["up", "down", "up"]);
    await release();
  });

  test("runs a read-only query again", async () => {
    const release = await holdLock(9);
    const pool = database.pool({ limits: { size: 1 } });
    const reading = one(pool, "select wait_for(9)", { readOnly: true });
    await waiting(9);
    await terminate();
    await waiting(9);
    await release();
    expect(await reading).toBe("waited");
  });

  test("costs queries that were waiting nothing", async () => {
    const release = await holdLock(10);
    const pool = database.pool({ limits: { size: 1, depth: 1 } });
    const lost = failure(pool.query(waitFor(10)));
    await waiting(10);
    const queued = [1, 2, 3].map(() => one(pool, "select 'later'"));
    await terminate();
    expect(await lost).toMatchObject({ code: "connection_lost" });
    expect(await Promise.all(queued)).toEqual(["later", "later", "later"]);
    await release();
  });
});

describe("a server that cannot be reached", () => {
  test("fails the waiting query as database_unavailable, and later ones succeed", async () => {
    const dir = mkdtempSync(join(tmpdir(), "reactor-wire-"));
    const pool = openPool(`postgresql://authenticator@/x?host=${dir}`, {
      limits: { acquireTimeoutMs: 100 },
    });
    const error = await failure(pool.query(ask("select 1")));
    expect(error).toMatchObject({ code: "database_unavailable", status: 503 });
    expect(error["cause"]).toMatchObject({ code: "ENOENT" });
    expect(pool.state()).toBe("down");
    await pool.close();
    rmSync(dir, { recursive: true });
  });

  test("says at once when it refuses the login", async () => {
    const pool = openPool(database.userUrl.replace(/@\/[^?]*/, "@/no_such_database"));
    const error = await failure(pool.query(ask("select 1")));
    expect(error).toMatchObject({ code: "database_unavailable" });
    expect(error["cause"]).toMatchObject({ code: "3D000" });
    await pool.close();
  });

  test("or that talks nonsense, or not at all, ends in database_unavailable", async () => {
    const dir = mkdtempSync(join(tmpdir(), "reactor-wire-"));
    const answers = ["HTTP/1.1 400 Bad Request\r\n\r\n", "", "R\0\0\0\x08\0\0\0\x09"];
    let connections = 0;
    const server = createServer((socket: Socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => socket.end(answers[connections++ % answers.length] ?? ""));
    });
    await new Promise<void>((resolve) => server.listen(join(dir, ".s.PGSQL.5432"), resolve));
    for (const _ of answers) {
      const pool = openPool(`postgresql://a@/x?host=${dir}`, { limits: { acquireTimeoutMs: 100 } });
      expect(await failure(pool.query(ask("select 1")))).toMatchObject({
        code: "database_unavailable",
      });
      await pool.close();
    }
    server.close();
    rmSync(dir, { recursive: true });
  });
});

test("plaintext smuggled in before the TLS handshake is refused (CVE-2021-23222)", async () => {
  const server = createServer((socket: Socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.write("SR\0\0\0\x08\0\0\0\0"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  const pool = openPool(`postgresql://a:b@127.0.0.1:${port}/x?sslmode=require`);
  const error = await failure(pool.query(ask("select 1")));
  expect(error["cause"]).toMatchObject({ code: "protocol_violation" });
  await pool.close();
  server.close();
});

describe("prepared statements", () => {
  test("are prepared anew when the result type changed or the server forgot them", async () => {
    const pool = database.pool({ limits: { size: 1 } });
    await database.sql`create table shape (a int)`;
    await database.sql`insert into shape values (1)`;
    expect((await pool.query(ask("select * from shape"))).columns).toEqual(["a"]);
    await database.sql`alter table shape add b text default 'b'`;
    const changed = await pool.query(ask("select * from shape"));
    expect(changed.columns).toEqual(["a", "b"]);
    expect(texts(changed)).toEqual([["1", "b"]]);
    await pool.query(ask("deallocate all"));
    expect(texts(await pool.query(ask("select * from shape")))).toEqual([["1", "b"]]);
  });

  test("stay within the bound, and the server's too", async () => {
    const pool = database.pool({ limits: { size: 1, statementCacheSize: 10 } });
    for (let at = 0; at < 50; at += 1) expect(await one(pool, `select ${at}`)).toBe(String(at));
    expect(Number(await one(pool, "select count(*) from pg_prepared_statements"))).toBeLessThan(13);
    expect(await one(pool, "select 0")).toBe("0");
  });

  test("that fail to parse harm no query beside them", async () => {
    const pool = database.pool({ limits: { size: 1, depth: 8 } });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 100 }, (_, at) => one(pool, at % 3 ? "select 'fine'" : "select nope")),
    );
    const fine = outcomes.filter((outcome) => outcome.status === "fulfilled");
    expect(fine).toHaveLength(66);
  });

  test("are not used when the pool says so", async () => {
    const pool = database.pool({ prepared: false, limits: { size: 1 } });
    expect(await one(pool, "select count(*) from pg_prepared_statements where name <> ''")).toBe(
      "0",
    );
    expect(await one(pool, "select current_user", { role: "anon" })).toBe("anon");
  });
});

describe("closing", () => {
  test("lets queries under way end, refuses new ones and leaves no connection", async () => {
    const release = await holdLock(11);
    const pool = database.pool({ limits: { size: 1, depth: 1 } });
    const running = one(pool, "select wait_for(11)");
    await waiting(11);
    const queued = one(pool, "select 'queued'");
    const closed = pool.close();
    expect(await failure(pool.query(ask("select 1")))).toMatchObject({
      code: "database_unavailable",
    });
    await release();
    expect(await running).toBe("waited");
    expect(await queued).toBe("queued");
    await closed;
    expect(pool.stats().inFlight).toBe(0);
    await until("the connection is gone", () => pool.stats().connections === 0);
  });

  test("cuts off what outlives the budget", async () => {
    const release = await holdLock(12);
    const pool = database.pool({ limits: { size: 1 } });
    const running = failure(pool.query(waitFor(12)));
    await waiting(12);
    await pool.close(20);
    expect(await running).toMatchObject({ code: "connection_lost" });
    await release();
  });
});
