import { afterAll, beforeAll, expect, test } from "bun:test";
import postgres from "postgres";
import { migrationSet } from "../../src/postgres/migration-plan.ts";
import { parseDatabaseUrl, postgresJsOptions } from "../../src/postgres/url.ts";
import { prepareTenants } from "../../src/server/boot/prepare-tenant.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { createIds } from "../../src/shared/ids.ts";
import { systemRng } from "../../src/shared/rng.ts";
import { tenantsByHost } from "../../src/shared/tenants.ts";
import { createPostgresVault } from "../../src/shared/vault/postgres-vault.ts";
import { silentLog, type TestDatabase, testPostgres } from "../support/postgres.ts";

const ROOT = `${import.meta.dir}/../../migrations/system`;
const one = { id: "one" };
const two = { id: "two" };
let databases: Record<string, TestDatabase>;

beforeAll(async () => {
  const server = await testPostgres();
  databases = { one: await server.createDatabase(), two: await server.createDatabase() };
});
afterAll(() => Promise.all(Object.values(databases).map((database) => database.drop())));

async function systemSet() {
  const names = ["0001_roles", "0002_shared", "0003_schema_watch", "0007_vault_roots"];
  const files = names.map(async (name) => ({
    name,
    sql: await Bun.file(`${ROOT}/${name}.sql`).text(),
  }));
  return migrationSet("system", await Promise.all(files));
}

async function databaseBehind(url: string): Promise<string> {
  const sql = postgres({ ...postgresJsOptions(parseDatabaseUrl(url)), max: 1 });
  const [row] = await sql<{ name: string; user: string }[]>`
    select current_database() as name, current_user as user`;
  await sql.end();
  return `${row?.name} as ${row?.user}`;
}

test("each tenant is prepared on its own database, and asked for by its own URLs", async () => {
  const masterKey = systemRng.bytes(32);
  const urlsOf = await prepareTenants({
    sets: [await systemSet()],
    clock: systemClock,
    log: silentLog,
    ids: createIds(systemClock, systemRng),
    tenants: tenantsByHost({ "one.test": one, "two.test": two }),
    database: {
      embedded: null,
      urlsFor: ({ id }) => {
        const url = databases[id]?.url ?? "";
        return { ownerUrl: url, directUrl: url, userUrl: null };
      },
    },
    openVault: (handles) =>
      createPostgresVault({
        databases: handles,
        master: { kind: "key", key: masterKey, file: null },
        rng: systemRng,
        log: silentLog,
      }),
  });
  for (const tenant of [one, two]) {
    const { ownerUrl, directUrl, userUrl } = urlsOf(tenant);
    const name = databases[tenant.id]?.name;
    expect(await databaseBehind(ownerUrl)).toBe(`${name} as postgres`);
    expect(await databaseBehind(directUrl)).toBe(`${name} as postgres`);
    expect(await databaseBehind(userUrl)).toBe(`${name} as authenticator`);
  }
  expect(() => urlsOf({ id: "nobody" })).toThrow("was not prepared");
});
