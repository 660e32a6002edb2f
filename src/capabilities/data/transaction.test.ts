import { expect, test } from "bun:test";
import { NO_PREFERENCES } from "./parse/prefer.ts";
import type { Asking } from "./request-settings.ts";
import type { DataRoom } from "./room.ts";
import type { DatabaseFunction } from "./schema/schema.ts";
import { shopSchema } from "./schema/shop-schema.fixture.ts";
import { durationMs, transactionOf } from "./transaction.ts";

const room = {
  ...{ config: { db_tx_end: "commit" }, databases: { for: () => ({ login: "authenticator" }) } },
  ...{ searchPaths: new Map(), hoisted: new Set(), before: [], appSettings: [] },
} as unknown as DataRoom;
const asking = {
  ...{ principal: { role: "anon", userId: null, claims: "{}" }, method: "GET", schema: "public" },
  ...{ headers: new Headers({ "x-key": "k" }), context: { path: "/data/v1/clients" } },
} as unknown as Asking;
const called = { settings: [] } as unknown as DatabaseFunction;

test("what reads tables shares a transaction, where no code leaves traces; calls never do", () => {
  const shares = (sharesTransactions: boolean, fn?: DatabaseFunction) => {
    const prepared = { preferences: NO_PREFERENCES, ...(fn ? { fn } : {}) };
    const schema = { ...shopSchema, sharesTransactions };
    return transactionOf(room, asking, schema, prepared).sharesTransaction ?? false;
  };
  expect([shares(true), shares(false), shares(true, called)]).toEqual([true, false, false]);
});

test("a function that is called is told all of the request, tables only what code looks at", () => {
  const told = (observed: string[], fn?: DatabaseFunction) => {
    const schema = { ...shopSchema, observed: new Set(observed) };
    const prepared = { preferences: NO_PREFERENCES, ...(fn ? { fn } : {}) };
    const names = transactionOf(room, asking, schema, prepared).settings.map(([name]) => name);
    return names.filter((name) => /^request\.(?!jwt)/.test(name));
  };
  const all = ["request.method", "request.path", "request.headers", "request.cookies"];
  expect(told([])).toEqual([]);
  expect(told(["request.cookies", "request.method"])).toEqual([
    "request.method",
    "request.cookies",
  ]);
  expect(told([], called)).toEqual(all);
});

test("durations are read as PostgreSQL writes them", () => {
  const cases = [
    ["0", 0],
    ["250", 250],
    ["250ms", 250],
    ["1.5s", 1_500],
    [" 2 min ", 120_000],
    ["1h", 3_600_000],
    ["1d", 86_400_000],
    ["1500us", 2],
    [".5s", 500],
  ] as const;
  for (const [text, ms] of cases) expect([text, durationMs(text)]).toEqual([text, ms]);
  for (const text of ["", "fast", "-1", "1 year", "1S", "5s;", "0x10"]) {
    expect([text, durationMs(text)]).toEqual([text, null]);
  }
});
