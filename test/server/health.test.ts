/** `/health` while the database comes and goes. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedPostgres } from "../../src/postgres/embedded/start-embedded-postgres.ts";
import type { EmbeddedPostgres } from "../../src/postgres/embedded/types.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { ensurePacked, silentLog } from "../support/postgres.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { adminOf } from "./admin-client.ts";

ensurePacked();
const folder = mkdtempSync(join(tmpdir(), "reactor-health-"));
const start = () =>
  startEmbeddedPostgres({
    dataDir: join(folder, "data"),
    clock: systemClock,
    log: silentLog,
    env: { home: process.env["HOME"], xdgRuntimeDir: process.env["XDG_RUNTIME_DIR"] },
  });

let postgres: EmbeddedPostgres;
let server: TestServer;
beforeAll(async () => {
  postgres = await start();
  server = await startTestServer({ databaseUrl: postgres.ownerUrl });
  const sql = "create table public.notes (id int); grant select on public.notes to service_role;";
  await adminOf(server).json("POST", "/migrate", { migrations: [{ name: "0001_notes", sql }] });
}, 90_000);
afterAll(async () => {
  await server.stop();
  await postgres.stop(10_000);
  rmSync(folder, { recursive: true, force: true });
});

interface Report {
  readonly status: string;
  readonly version: string;
  readonly parts: Readonly<Record<string, { readonly status: string }>>;
}

async function health() {
  const answer = await fetch(`${server.url}/health`);
  const { headers, status } = answer;
  return {
    code: status,
    cache: headers.get("cache-control"),
    ...((await answer.json()) as Report),
  };
}

async function readNotes(): Promise<number> {
  const headers = { apikey: server.secretKey };
  return (await fetch(`${server.url}/data/v1/notes`, { headers })).status;
}

describe("health", () => {
  test("names every part, to anybody, and is never cached", async () => {
    const report = await health();
    expect(report).toMatchObject({ code: 200, status: "ok", cache: "no-store" });
    expect(Object.keys(report.parts).sort()).toEqual(["auth", "data", "database", "functions"]);
    expect(Object.values(report.parts).map(({ status }) => status)).toEqual([
      "ok",
      "ok",
      "ok",
      "ok",
    ]);
  });

  test("is 503 while the database is away, names it, tells nothing secret, and recovers", async () => {
    expect(await until("rows to be read", async () => (await readNotes()) === 200)).toBe(true);
    await postgres.stop(10_000);
    const down = await until("health to fail", async () => {
      const report = await health();
      return report.code === 503 ? report : null;
    });
    expect(down.status).toBe("failed");
    expect(down.parts["database"]?.status).toBe("failed");
    expect(JSON.stringify(down)).not.toMatch(/socket|postgres@|ECONN|ENOENT/);
    expect(await readNotes()).toBe(503);
    // What needs no database goes on.
    expect((await fetch(`${server.url}/openapi.json`)).status).toBe(200);
    postgres = await start();
    const up = await until("health to be well again", async () => {
      const report = await health();
      return report.code === 200 ? report : null;
    });
    expect(up.parts["database"]?.status).toBe("ok");
    expect(await until("rows to be read again", async () => (await readNotes()) === 200)).toBe(
      true,
    );
  });
});
