/** The audit log is as long as it was asked to be, and what is young stays whatever the clocks say. */
import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { trimAuditLog } from "../../src/capabilities/auth/admin/trim-audit.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { startTestServer } from "../support/server.ts";
import { type AuthWorld, openAuthWorld } from "./auth-world.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

const DAY_MS = 24 * 3_600_000;
const KEEP_DAYS = 90;
let world: AuthWorld;

beforeAll(async () => {
  world = await openAuthWorld({ audit_keep_days: KEEP_DAYS });
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.sql`delete from auth.audit_log_entries`;
});

const write = (at: Date, count: number) => world.sql`
  insert into auth.audit_log_entries (id, payload, created_at)
  select gen_random_uuid(), '{"action": "login"}', ${at} from generate_series(1, ${count})`;
const actions = async () =>
  (
    await world.sql<{ action: string; payload: { traits?: Record<string, unknown> } }[]>`
      select payload ->> 'action' as action, payload from auth.audit_log_entries order by 1`
  ).map(({ action, payload }) => ({ action, traits: payload.traits }));
const trim = () => trimAuditLog(world.state, DEFAULT_TENANT);
/** By whichever clock is behind, the world's or the database's: that one counts. */
async function daysAgo(days: number): Promise<Date> {
  const [row] = await world.sql<{ now: Date }[]>`select now()`;
  const now = Math.min(world.clock.now(), row?.now.getTime() ?? 0);
  return new Date(now - days * DAY_MS);
}

test("what is too old goes, in batches, and that it went is written down once", async () => {
  await write(await daysAgo(KEEP_DAYS + 1), 2500);
  await write(await daysAgo(KEEP_DAYS - 1), 3);
  expect(await trim()).toBe(2500);
  const today = Math.floor(world.clock.now() / DAY_MS);
  const before = new Date((today - KEEP_DAYS) * DAY_MS).toISOString();
  const trimmed = { action: "audit_trimmed", traits: { count: 2500, before } };
  expect(await actions()).toEqual([
    expect.objectContaining(trimmed),
    ...Array.from({ length: 3 }, () => expect.objectContaining({ action: "login" })),
  ]);
  expect(await trim()).toBe(0);
  expect(await actions()).toHaveLength(4);
});

test("a server whose clock has run ahead removes nothing that is young", async () => {
  const [row] = await world.sql<{ now: Date }[]>`select now()`;
  const now = row?.now ?? new Date();
  await write(new Date(now.getTime() - (KEEP_DAYS - 1) * DAY_MS), 2);
  await world.clock.advance(now.getTime() + 5 * 365 * DAY_MS - world.clock.now());
  expect(await trim()).toBe(0);
  expect(await actions()).toHaveLength(2);
});

test("0 keeps all of it, and less than a month is refused", async () => {
  await write(new Date(0), 2);
  const state = { ...world.state, config: { ...world.state.config, audit_keep_days: 0 } };
  expect(await trimAuditLog(state, DEFAULT_TENANT)).toBe(0);
  expect(await actions()).toHaveLength(2);
  const short = startTestServer({ config: { auth: { audit_keep_days: 29 } } });
  await expect(short).rejects.toMatchObject({ code: "config_invalid" });
});
