/** What the wire client makes of answers that stop short, that take long, or that never come. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { UserQuery } from "../../src/core/ports/database.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { until } from "../support/until.ts";
import { ask, failure, one, openPool, openWireDatabase } from "./wire-database.ts";

const database = await openWireDatabase(`
  create function open_gate(key int) returns text language sql as 'select ''open''';
  create function closed_gate(key int) returns text language sql as
    'select pg_advisory_xact_lock_shared(key)::text || ''open''';
`);
afterAll(() => database.close());

/**
 * Makes a function `gate` that is known to be quick, and then waits until the returned function is
 * called.
 */
async function closeGate(key: number, know: () => Promise<unknown>): Promise<() => Promise<void>> {
  const gate = (which: string) =>
    database.sql.unsafe(
      `create or replace function gate() returns text language sql as 'select ${which}_gate(${key})'`,
    );
  await gate("open");
  await know();
  const session = await database.sql.reserve();
  await session`select pg_advisory_lock(${key})`;
  await gate("closed");
  return async () => {
    await session`select pg_advisory_unlock(${key})`;
    session.release();
  };
}

/** The backend that waits at the gate, and when its transaction began. */
function waiting(key: number): Promise<{ pid: number; since: string }> {
  return until("a query waits at the gate", async () => {
    const [row] = await database.sql<{ pid: number; since: string }[]>`
      select l.pid, a.xact_start::text as since from pg_locks l join pg_stat_activity a using (pid)
       where l.locktype = 'advisory' and l.objid = ${key} and not l.granted`;
    return row;
  });
}

test("an answer that ends before its statements did ends the connection, and is nobody's", async () => {
  const dir = mkdtempSync(join(tmpdir(), "reactor-wire-"));
  const ready = "Z\0\0\0\x05I";
  const server = createServer((socket: Socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => {
      socket.write(`R\0\0\0\x08\0\0\0\0${ready}`);
      socket.on("data", () => socket.write(ready));
    });
  });
  await new Promise<void>((resolve) => server.listen(join(dir, ".s.PGSQL.5432"), resolve));
  const pool = openPool(`postgresql://a@/x?host=${dir}`, { limits: { size: 1 } });
  const error = await failure(pool.query(ask("select 1")));
  expect(error).toMatchObject({
    code: "connection_lost",
    cause: { code: "protocol_violation" },
  });
  await pool.close(0);
  server.close();
  rmSync(dir, { recursive: true });
});

describe("reads that share a transaction", () => {
  const shared: Partial<UserQuery> = {
    ...{ readOnly: true, sharesTransaction: true, timeoutMs: 60_000 },
  };
  /** A pool that looks for silence when it is told to, by a clock that stands. */
  function stillPool() {
    let nowMs = 0;
    let check: () => void = () => undefined;
    const every = (_: number, run: () => void) => {
      check = run;
      return () => undefined;
    };
    const clock = { ...systemClock, monotonic: () => nowMs, every };
    const pool = database.pool({ limits: { size: 1 }, clock });
    const checkAt = (ms: number) => {
      nowMs = ms;
      check();
      nowMs = 0;
    };
    const look = () => one(pool, "select concat_ws('|', pg_backend_pid(), now(), gate())", shared);
    return { look, checkAt };
  }

  test("have the time of all of them: the server answers with the last", async () => {
    const { look, checkAt } = stillPool();
    const open = await closeGate(31, look);
    const looking = Promise.all([look(), look(), look()]);
    const { pid, since } = await waiting(31);
    checkAt(180_000);
    await open();
    const answer = `${pid}|${since}|open`;
    expect(await looking).toEqual([answer, answer, answer]);
  });

  test("and no longer: then the first is cancelled, and the others run again", async () => {
    const { look, checkAt } = stillPool();
    const open = await closeGate(32, look);
    const looking = [look(), look(), look()] as const;
    const first = failure(looking[0]);
    await waiting(32);
    checkAt(180_501);
    expect(await first).toMatchObject({ code: "57014" });
    await open();
    const [, ...others] = looking;
    for (const answer of await Promise.all(others)) expect(answer).toEndWith("|open");
  });

  test("run elsewhere where the server is silent for long after that", async () => {
    const { look, checkAt } = stillPool();
    const open = await closeGate(34, look);
    const looking = Promise.all([look(), look(), look()]);
    const { pid } = await waiting(34);
    checkAt(185_001);
    await open();
    for (const answer of await looking) expect(answer).not.toStartWith(`${pid}|`);
  });
});

test("a read that was aborted is not sent again when its connection is lost", async () => {
  const pool = database.pool({ limits: { size: 1, depth: 8 } });
  const open = await closeGate(33, () => one(pool, "select gate()"));
  const first = failure(pool.query(ask("select gate()")));
  const controller = new AbortController();
  const { signal } = controller;
  const aborted = failure(pool.query(ask("select 'late'", { readOnly: true, signal })));
  const { pid } = await waiting(33);
  expect(pool.stats()).toMatchObject({ inFlight: 2, queued: 0 });
  controller.abort(new Error("left"));
  await database.sql`select pg_terminate_backend(${pid})`;
  expect(await aborted).toMatchObject({ message: "left" });
  expect(await first).toMatchObject({ code: "connection_lost" });
  await open();
});
