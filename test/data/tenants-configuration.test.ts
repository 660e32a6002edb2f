/** Two tenants in one process: what a database says of its configuration counts for its own requests. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import postgres, { type Sql } from "postgres";
import type { TenantCtx } from "../../src/core/tenant.ts";
import { parseDatabaseUrl, postgresJsOptions } from "../../src/postgres/url.ts";
import { type DataWorld, openDataWorld } from "./data-world.ts";

const OTHER: TenantCtx = { id: "other" };
let world: DataWorld;
let other: Sql;

beforeAll(async () => {
  world = await openDataWorld({}, [OTHER]);
  const { ownerUrl } = world.databases.for(OTHER);
  other = postgres({ ...postgresJsOptions(parseDatabaseUrl(ownerUrl)), max: 1 });
  const [row] = await other<{ name: string }[]>`select current_database() as name`;
  await other.unsafe(
    `alter role authenticator in database "${row?.name}" set pgrst.db_max_rows = '2'`,
  );
});
afterAll(async () => {
  await other.end({ timeout: 5 });
  await world.close();
});

test("each has its own", async () => {
  const rows = async (tenant?: TenantCtx) => {
    const response = await world.ask("/artists", tenant ? { tenant } : {});
    return ((await response.json()) as unknown[]).length;
  };
  expect(await rows(OTHER)).toBe(2);
  expect(await rows()).toBeGreaterThan(2);
  expect(await rows(OTHER)).toBe(2);
});
