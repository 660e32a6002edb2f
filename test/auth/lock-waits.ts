/** For tests of two at once: how many queries of a world's database wait for a lock. */
import { until } from "../support/until.ts";
import type { AuthWorld } from "./auth-world.ts";

/** Asked outside of any transaction: inside one PostgreSQL goes on answering what it did first. */
export function untilWaiting({ sql }: AuthWorld, count: number): Promise<boolean> {
  return until(`${count} wait for a lock`, async () => {
    const waiting = await sql`
      select 1 from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`;
    return waiting.length >= count;
  });
}
