/** The sink on real descriptors: nothing is lost at exit, a stuck reader does not block. */
import { afterAll, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { systemClock } from "../../src/shared/clock.ts";
import { fileSink } from "../../src/shared/log/log-sink.ts";

const dir = mkdtempSync(join(tmpdir(), "reactor-log-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const source = (path: string) => JSON.stringify(resolve(import.meta.dir, "../../src", path));

test("lines arrive in order, and flush waits for them", async () => {
  const path = join(dir, "out");
  const fd = openSync(path, "w");
  const sink = fileSink(systemClock, fd);
  for (let i = 0; i < 2000; i++) {
    sink.write(`line ${i}`);
    if (i % 500 === 0) await Bun.sleep(0);
  }
  await sink.flush();
  await sink.flush();
  closeSync(fd);
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  expect(lines).toEqual(Array.from({ length: 2000 }, (_, i) => `line ${i}`));
});

test("what was logged just before process.exit is written", async () => {
  const script = join(dir, "exit.ts");
  writeFileSync(
    script,
    `import { systemClock } from ${source("shared/clock.ts")};
     import { fileSink } from ${source("shared/log/log-sink.ts")};
     const sink = fileSink(systemClock);
     for (let i = 0; i < 5000; i++) sink.write("line " + i);
     process.exit(3);`,
  );
  const child = Bun.spawn([process.execPath, script], { stderr: "pipe", stdout: "ignore" });
  const text = await new Response(child.stderr).text();
  expect(await child.exited).toBe(3);
  expect(text.trimEnd().split("\n").length).toBe(5000);
});

test("a reader that never reads does not hold the process up, and losses are bounded", async () => {
  const script = join(dir, "stuck.ts");
  writeFileSync(
    script,
    `import { systemClock } from ${source("shared/clock.ts")};
     import { fileSink } from ${source("shared/log/log-sink.ts")};
     const sink = fileSink(systemClock);
     const line = "x".repeat(1000);
     for (let i = 0; i < 20_000; i++) { sink.write(line); if (i % 100 === 0) await Bun.sleep(0); }
     process.stdout.write("alive");
     process.kill(process.pid, "SIGKILL");`,
  );
  const child = Bun.spawn([process.execPath, script], { stderr: "pipe", stdout: "pipe" });
  expect(await new Response(child.stdout).text()).toBe("alive");
  await child.exited;
});
