import { afterAll, expect, test } from "bun:test";
import { parseDatabaseUrl } from "../../src/postgres/url.ts";
import { copyOut } from "../../src/postgres/wire/copy-out.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { systemRng } from "../../src/shared/rng.ts";
import { until } from "../support/until.ts";
import { failure, openWireDatabase } from "./wire-database.ts";

const database = await openWireDatabase();
afterAll(() => database.close());

const options = { address: parseDatabaseUrl(database.url), clock: systemClock, rng: systemRng };
const BACKUP = "BASE_BACKUP (LABEL 'test', CHECKPOINT 'fast', WAL true)";

const walSenders = async () =>
  (await database.sql`select 1 from pg_stat_activity where backend_type = 'walsender'`).length;

test("streams a whole base backup, at the reader's pace", async () => {
  const kinds = new Set<string>();
  let sizeBytes = 0;
  let chunks = 0;
  for await (const chunk of copyOut(options, BACKUP)) {
    kinds.add(String.fromCharCode(chunk[0] ?? 0));
    sizeBytes += chunk.length;
    chunks += 1;
    if (chunks % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  // "n" begins an archive, "d" is data (PostgreSQL documentation, BASE_BACKUP).
  expect(kinds.has("n") && kinds.has("d")).toBe(true);
  expect(sizeBytes).toBeGreaterThan(10_000_000);
  await until("the session ends", async () => (await walSenders()) === 0);
});

test("leaving the loop early, or the signal, ends the session", async () => {
  for await (const _ of copyOut(options, BACKUP)) break;
  const controller = new AbortController();
  const read = async () => {
    for await (const _ of copyOut({ ...options, signal: controller.signal }, BACKUP)) {
      controller.abort(new Error("enough"));
    }
  };
  const error = await failure(read());
  expect(error).toMatchObject({ code: "connection_lost" });
  expect(error["cause"]).toMatchObject({ message: "enough" });
  await until("the sessions end", async () => (await walSenders()) === 0);
});

test("an error of the command arrives as PgError", async () => {
  const read = async () => {
    for await (const _ of copyOut(options, "BASE_BACKUP (NONSENSE)")) throw new Error("data");
  };
  expect(await failure(read())).toMatchObject({ name: "PgError", code: "42601" });
});
