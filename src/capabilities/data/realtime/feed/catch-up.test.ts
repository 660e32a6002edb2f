import { describe, expect, test } from "bun:test";
import { createSimClock, settle } from "../../../../../test/support/sim-clock.ts";
import type { Principal } from "../../../../core/ports/auth.ts";
import type { Change, ChangeType } from "../change-feed.ts";
import { CatchUp } from "./catch-up.ts";
import { ChangeLog } from "./change-log.ts";
import { Distributor } from "./distributor.ts";
import type { Judge } from "./judge.ts";
import { before, formatPosition, type Position } from "./position.ts";
import { Subscription } from "./subscription.ts";

const BEGIN = before(1n);
const TYPES: ReadonlySet<ChangeType> = new Set(["INSERT"]);
const principal: Principal = { role: "r", userId: null, claims: "{}", expiresAt: Infinity };

/** Every `tables`th change is of `t0`, and so on. */
function logOf(count: number, tables: number): ChangeLog {
  const log = new ChangeLog({ bytes: 1e9, ms: 1e9 });
  log.reset("x", BEGIN);
  for (let n = 0; n < count; n++) append(log, n + 1, `t${n % tables}`);
  return log;
}

function append(log: ChangeLog, lsn: number, table: string): void {
  const shape = { schema: "public", table, columns: [] };
  const nothing = { reason: "", row: [], old: null, xid: null, committedAtMs: 0, sizeBytes: 10 };
  log.append({ ...nothing, position: { lsn: BigInt(lsn), index: 0 }, shape, type: "INSERT" }, 0);
}

function subscriber(table: string, ready: () => Promise<void> = () => Promise.resolve()) {
  const told: string[] = [];
  const gaps: string[] = [];
  const sink = {
    change: ({ id }: Change) => told.push(id),
    gap: (reason: string) => gaps.push(reason),
    ended: () => undefined,
    ready,
  };
  const subscription = new Subscription({
    ...{ interest: { principal, schema: "public", table, types: TYPES, filters: [] }, sink },
    ...{ filters: { plain: [], sql: [] }, identity: { principal } },
  });
  return { subscription, told, gaps };
}

/** Lets everybody see everything, and counts how often it was asked. */
function openJudge() {
  const asked: number[] = [];
  const judge: Pick<Judge, "handOut"> = {
    async handOut(_incarnation, changes, candidatesOf) {
      asked.push(changes.length);
      const wanted = changes.map((change) => ({ change, to: candidatesOf(change) }));
      await Promise.resolve();
      for (const { change, to } of wanted) {
        const id = formatPosition(change.position);
        for (const one of to) one.change({ id } as Change);
      }
    },
  };
  return { judge, asked };
}

function catchUpOn(log: ChangeLog) {
  const arrived: Subscription[] = [];
  const { judge, asked } = openJudge();
  const catchUp = new CatchUp({
    ...{ log, judge, begun: (): Position => log.covered },
    arrived: (subscription) => arrived.push(subscription),
  });
  return { catchUp, arrived, asked };
}

describe("subscribers that come back", () => {
  test("together are told together, and nothing is asked for other tables' changes", async () => {
    const { catchUp, arrived, asked } = catchUpOn(logOf(10_000, 50));
    const all = Array.from({ length: 40 }, () => subscriber("t0"));
    for (const { subscription } of all) catchUp.add(subscription, BEGIN);
    await settle(20_000);
    expect(arrived).toHaveLength(40);
    for (const { told } of all) expect(told).toEqual(all[0]?.told ?? []);
    expect(all[0]?.told).toHaveLength(200);
    // The first may go ahead of the others, which came while it was told.
    expect(asked.length).toBeLessThanOrEqual(2);
  });

  test("from different places are each told what they missed, once and in order", async () => {
    const { catchUp, arrived } = catchUpOn(logOf(3_000, 2));
    const all = [2_999, 10, 1_500, 2_000, 2_400].map((lsn) => ({ lsn, ...subscriber("t0") }));
    for (const { subscription, lsn } of all) {
      catchUp.add(subscription, { lsn: BigInt(lsn), index: 0 });
    }
    await settle(20_000);
    expect(arrived).toHaveLength(5);
    for (const { told, lsn } of all) {
      const missed = Array.from({ length: 3_000 }, (_, n) => n + 1)
        .filter((n) => n > lsn && n % 2 === 1)
        .map((n) => formatPosition({ lsn: BigInt(n), index: 0 }));
      expect(told).toEqual(missed);
    }
  });

  test("wait neither for one that does not read nor for one that was away for long", async () => {
    const { catchUp, arrived, asked } = catchUpOn(logOf(20_000, 1));
    const long = subscriber("t0");
    const stuck = subscriber("t0", () => new Promise<void>(() => undefined));
    const near = subscriber("t0");
    catchUp.add(long.subscription, BEGIN);
    catchUp.add(stuck.subscription, BEGIN);
    catchUp.add(near.subscription, { lsn: 19_990n, index: 0 });
    for (let turns = 0; arrived.length === 0; turns++) {
      expect(turns).toBeLessThan(10_000);
      await Promise.resolve();
    }
    expect(arrived).toEqual([near.subscription]);
    expect(near.told).toHaveLength(10);
    expect(asked.length).toBeLessThan(10);
    await settle(20_000);
    expect(long.told).toHaveLength(20_000);
    expect(stuck.told).toHaveLength(200);
    expect([...catchUp]).toEqual([stuck.subscription]);
  });

  test("from before the window are told of the gap, and those that have left of nothing", async () => {
    const log = logOf(100, 1);
    log.evict(2e9, { lsn: 50n, index: 0 });
    const { catchUp, asked } = catchUpOn(log);
    const late = subscriber("t0");
    const left = subscriber("t0");
    catchUp.add(late.subscription, BEGIN);
    catchUp.add(left.subscription, BEGIN);
    catchUp.remove(left.subscription);
    left.subscription.close();
    await settle(20_000);
    expect(late.gaps).toEqual(["the window has moved on"]);
    expect(late.told).toHaveLength(50);
    expect([left.told, left.gaps]).toEqual([[], []]);
    expect(asked).toEqual([50]);
  });
});

test("a log that begins anew with smaller positions is told to everybody, behind a gap", async () => {
  const log = new ChangeLog({ bytes: 1e9, ms: 1e9 });
  const ending = new AbortController();
  const distributor = new Distributor({
    ...{ log, judge: openJudge().judge, clock: createSimClock(), backlogBytes: 1e9 },
    signal: ending.signal,
  });
  const running = distributor.run();
  log.reset("x", before(1_000n));
  const live = subscriber("t0");
  const resumed = subscriber("t0", () => new Promise<void>(() => undefined));
  distributor.add(live.subscription, before(1_000n), false);
  distributor.add(resumed.subscription, before(2_000n), true);
  log.reset("y", before(5n));
  append(log, 6, "t0");
  distributor.notify();
  await settle(20_000);
  for (const { gaps, told } of [live, resumed]) {
    expect(gaps).toEqual(["the feed was interrupted"]);
    expect(told).toEqual([formatPosition({ lsn: 6n, index: 0 })]);
  }
  ending.abort(new Error("over"));
  distributor.notify();
  await expect(running).rejects.toThrow("over");
});
