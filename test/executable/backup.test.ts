/** A backup taken while rows are written, and what comes of it elsewhere. */
import { expect, test } from "bun:test";
import { readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RunningExecutable } from "../support/executable.ts";
import { executableBench } from "../support/executable-bench.ts";
import { JournalLoad, journalFaults, makeJournalProject, readJournal } from "../support/journal.ts";

const bench = executableBench();

async function hello({ url, status }: RunningExecutable): Promise<unknown> {
  const headers = { apikey: status.secret_key };
  const response = await fetch(`${url}/fn/v1/hello`, { method: "POST", headers, body: "{}" });
  return response.json();
}

/** A backup under load: the file, and what the server had acknowledged before it was asked for. */
async function backupUnderLoad(server: RunningExecutable, project: string) {
  const load = new JournalLoad(server);
  await load.reached(200);
  const before = load.acknowledged();
  const file = join(project, "shop.backup");
  const { code, stdout, stderr } = await bench.run(project, ["backup", file]);
  await load.stop();
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, data: { file } });
  return { file, before, sent: load.sent() };
}

test("taken under load it restores to a consistent state with the rows, functions and keys of then", async () => {
  const project = await bench.project();
  makeJournalProject(project);
  const server = await bench.start(project, ["serve", "--port", "0"]);
  const { file, before, sent } = await backupUnderLoad(server, project);
  expect(statSync(file).mode & 0o077).toBe(0);
  await server.stop();
  const elsewhere = join(bench.folder(), "restored");
  const restored = await bench.run(project, ["restore", file, "--data-dir", elsewhere]);
  expect(restored.code).toBe(0);
  const next = await bench.start(bench.folder(), ["serve", "--port", "0", "--data-dir", elsewhere]);
  const found = await readJournal(next.status.database_url);
  expect(journalFaults(found, before, sent)).toEqual([]);
  expect(next.status.secret_key).toBe(server.status.secret_key);
  expect(next.status.publishable_key).toBe(server.status.publishable_key);
  expect(await hello(next)).toEqual({ message: "Hello, world!" });
});

test("a damaged, a cut and a foreign file are refused with exit 4 and leave no data folder to start on", async () => {
  const project = await bench.project();
  const server = await bench.start(project, ["serve", "--port", "0"]);
  const good = join(project, "good.backup");
  expect((await bench.run(project, ["backup", good])).code).toBe(0);
  await server.stop();
  const bytes = readFileSync(good);
  const middle = Math.floor(bytes.length / 2);
  const damaged = Buffer.from(bytes);
  damaged[middle] = (damaged[middle] ?? 0) ^ 0xff;
  const files = { damaged, cut: bytes, foreign: Buffer.from("not a backup at all") };
  for (const [name, content] of Object.entries(files)) {
    const file = join(project, `${name}.backup`);
    writeFileSync(file, content);
    if (name === "cut") truncateSync(file, middle);
    const dataDir = join(project, `data-${name}`);
    const { code } = await bench.run(project, ["restore", file, "--data-dir", dataDir]);
    expect({ name, code }).toEqual({ name, code: 4 });
  }
});

test("a folder that holds something is not written over", async () => {
  const project = await bench.project();
  const server = await bench.start(project, ["serve", "--port", "0"]);
  const file = join(project, "a.backup");
  expect((await bench.run(project, ["backup", file])).code).toBe(0);
  expect((await bench.run(project, ["backup", file])).code).toBe(1);
  const { code } = await bench.run(project, ["restore", file, "--data-dir", server.dataDir]);
  expect(code).toBe(1);
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
});
