/** What is kept of calls that fail, are refused, or are left before their end. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { until } from "../support/until.ts";
import {
  type FunctionsDatabase,
  type FunctionsWorld,
  openFunctionsDatabase,
  startFunctions,
} from "./world.ts";

let database: FunctionsDatabase;
let world: FunctionsWorld;

beforeAll(async () => {
  database = await openFunctionsDatabase();
  world = await startFunctions(database);
});

afterAll(async () => {
  await world?.stop();
  await database?.close();
});

interface Row {
  readonly status: number;
  readonly error_code: string | null;
  readonly cold: boolean;
  readonly bytes_in: number;
  readonly peak_memory_bytes: number | null;
}

/** Its only invocation. */
const rowOf = (name: string): Promise<Row> =>
  until("the invocation is written", async () => {
    const page = await world.call(`/fn/v1/_admin/${name}/invocations`);
    return ((await page.json()) as { invocations: Row[] }).invocations[0] ?? null;
  });

const failuresOf = (name: string, code: string) =>
  world.metrics().includes(`reactor_function_failures_total{function="${name}",code="${code}"} 1`);

const ENDLESS = `export default () => new Response(new ReadableStream({
  async pull(c) { c.enqueue(new Uint8Array(1024)); await Bun.sleep(5); } }));`;

test("a failed call tells whether it was a cold start, and its memory", async () => {
  const hog = "const all = []; for (;;) all.push(new Uint8Array(1 << 20).fill(1));";
  await world.deploy("hog", `export default () => { ${hog} }`, { memory_mb: 128 });
  const answer = await world.call("/fn/v1/hog");
  expect([answer.status, answer.headers.get("X-Reactor-Cold-Start")]).toEqual([502, "true"]);
  const row = await rowOf("hog");
  expect(row).toMatchObject({ error_code: "function_out_of_memory", cold: true });
  expect(row.peak_memory_bytes).toBeGreaterThan(64 * 1024 * 1024);
});

test("a call that came to no process tells nothing of one", async () => {
  await world.deploy("broken", `throw new Error("not today"); export default () => {};`);
  const answer = await world.call("/fn/v1/broken");
  expect([answer.status, answer.headers.get("X-Reactor-Cold-Start")]).toEqual([500, null]);
  expect(await rowOf("broken")).toMatchObject({ cold: false, peak_memory_bytes: null });
});

test("an answer that fails in its middle is a failure in the metrics", async () => {
  await world.deploy("late", ENDLESS, { deadline_ms: 300 });
  const answer = await world.call("/fn/v1/late");
  expect(answer.status).toBe(200);
  await expect(answer.bytes()).rejects.toThrow();
  expect(await rowOf("late")).toMatchObject({ status: 200, error_code: "function_timeout" });
  expect(failuresOf("late", "function_timeout")).toBe(true);
});

test("a client that leaves a stream is told apart, and is no failure", async () => {
  await world.deploy("ticks", ENDLESS);
  const answer = await world.call("/fn/v1/ticks");
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  await reader.cancel();
  expect(await rowOf("ticks")).toMatchObject({ status: 200, error_code: "client_closed_request" });
  expect(failuresOf("ticks", "client_closed_request")).toBe(false);
});

test("a body that is refused unread counts nothing", async () => {
  const code = "export default async (r) => new Response((await r.bytes()).length);";
  const post = (path: string, body: Uint8Array<ArrayBuffer>) =>
    world.call(path, { method: "POST", body, headers: { "content-length": String(body.length) } });
  await world.deploy("small", code, { body_in_mb: 1 });
  expect((await post("/fn/v1/small", new Uint8Array(1_048_577))).status).toBe(413);
  expect(await rowOf("small")).toMatchObject({ error_code: "body_too_large", bytes_in: 0 });
  const received = (name: string, bytes: number) =>
    `reactor_function_received_bytes_total{function="${name}"} ${bytes}\n`;
  expect(world.metrics()).toContain(received("small", 0));
  await world.deploy("fits", code);
  for (const size of [10, 100_000]) await post("/fn/v1/fits", new Uint8Array(size));
  expect(world.metrics()).toContain(received("fits", 100_010));
});
