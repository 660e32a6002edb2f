import { describe, expect, test } from "bun:test";
import { createSimClock } from "../../../../test/support/sim-clock.ts";
import type { Databases } from "../../../core/ports/database.ts";
import type { Logger } from "../../../core/ports/log.ts";
import { DEFAULT_TENANT } from "../../../core/tenant.ts";
import type { CatalogRows } from "./catalog-rows.ts";
import { ALL_OBSERVED } from "./observed-settings.ts";
import { SchemaCache } from "./schema-cache.ts";

const NOTHING: CatalogRows = {
  ...{ tables: [], keys: [], foreignKeys: [], viewRules: [], computed: [], functions: [] },
  ...{ representations: [], mediaHandlers: [], roles: [], descriptions: [], timezones: [] },
  hasPostgis: false,
  code: { ofTriggers: [], others: [], mayShare: true },
};
const silent = () => undefined;
const log = { info: silent, warn: silent, error: silent, debug: silent } as unknown as Logger;

/** A database whose catalogue takes so long to read. */
function cacheOver(loadMs: number) {
  const clock = createSimClock();
  let loads = 0;
  const begin = async () => {
    loads += 1;
    await clock.sleep(loadMs);
    return NOTHING;
  };
  let notify: (payload: string) => void = silent;
  const listen = async (_: string, onNotify: typeof notify) => {
    notify = onNotify;
    return { unlisten: silent };
  };
  const databases = {
    for: () => ({ system: { begin }, direct: { listen }, login: "" }),
  } as unknown as Databases;
  const cache = new SchemaCache(
    { databases, clock, log },
    {
      scopeOf: async () => ({ schemas: [], extraSearchPath: [] }),
      channel: () => "pgrst",
      ...{ onReloadConfig: silent, onLoaded: silent, onFailed: silent },
    },
  );
  /** Whether a failing query has the schema read again. */
  const repairs = async () => {
    const before = loads;
    const repairing = cache.repair(DEFAULT_TENANT);
    await clock.advance(loadMs);
    await repairing;
    return loads > before;
  };
  /** Names that code in the database is believed to look at; null before the first load. */
  const observed = () => cache.peek(DEFAULT_TENANT)?.schema.observed.size ?? null;
  const shares = () => cache.peek(DEFAULT_TENANT)?.schema.sharesTransactions ?? null;
  return { clock, repairs, observed, shares, notify: (payload: string) => notify(payload) };
}

test("from a change until it has been read, code may look at everything, and no reads share a transaction", async () => {
  const { clock, repairs, observed, shares, notify } = cacheOver(50);
  expect(observed()).toBeNull();
  await repairs();
  expect(observed()).toBe(0);
  expect(shares()).toBe(true);
  notify("reload schema");
  expect(observed()).toBe(ALL_OBSERVED.size);
  expect(shares()).toBe(false);
  await clock.advance(25);
  notify("reload schema");
  await clock.advance(25);
  // Read while it changed once more.
  expect(observed()).toBe(ALL_OBSERVED.size);
  await clock.advance(50);
  expect(observed()).toBe(0);
  expect(shares()).toBe(true);
});

describe("failing queries have the schema read again", () => {
  test.each([
    [50, 900, false],
    [50, 1_000, true],
    [2_000, 17_000, false],
    [2_000, 20_000, true],
  ])("where it takes %p ms, %p ms after the last time: %p", async (loadMs, afterMs, isRead) => {
    const { clock, repairs } = cacheOver(loadMs);
    expect(await repairs()).toBe(true);
    await clock.advance(afterMs - loadMs);
    expect(await repairs()).toBe(isRead);
  });
});
