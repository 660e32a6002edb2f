/** Whatever happens to the server, its function processes go with it, spinning ones included. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../support/until.ts";

const dir = mkdtempSync(join(tmpdir(), "rx-parent-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A server in miniature: it starts a blank, a spinning function and a WASM host, and says who they are. */
const PARENT = `
  import { createFixture } from ${JSON.stringify(join(import.meta.dir, "runtime-fixture.ts"))};
  import { guest } from ${JSON.stringify(join(import.meta.dir, "guests.ts"))};
  const fixture = await createFixture({ prewarmWasm: true });
  const spin = fixture.bunSpec("spin", "export default () => { console.log('spinning'); setTimeout(() => { for (;;) {} }, 30); return new Response('') }");
  await fixture.invoke(spin);
  const loop = fixture.wasmSpec("loop", guest('(func (export "loop") (call $log_warn (call $input_offset)) (loop $l (br $l)))'));
  void fixture.invoke(loop, { init: { method: "POST", body: "looping" } }).catch(() => {});
  await fixture.line((l) => l.message === "looping");
  console.log(JSON.stringify(fixture.runtimes.processes().map((p) => p.pid)));
  await new Promise(() => setInterval(() => {}, 1000));
`;

function isAlive(pid: number): boolean {
  try {
    const state = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.[0];
    return state !== "Z";
  } catch {
    return false;
  }
}

test("kill -9 of the server leaves no function process", async () => {
  const file = join(dir, "parent.ts");
  writeFileSync(file, PARENT);
  const env = { PATH: "", TMPDIR: dir };
  const parent = Bun.spawn([process.execPath, file], { env, stdout: "pipe", stderr: "inherit" });
  const reader = parent.stdout.getReader();
  const { value } = await reader.read();
  const pids = JSON.parse(new TextDecoder().decode(value)) as number[];
  expect(pids.length).toBeGreaterThanOrEqual(3);
  expect(pids.every(isAlive)).toBe(true);
  parent.kill("SIGKILL");
  await parent.exited;
  await until("all children are gone", () => !pids.some(isAlive));
}, 60_000);
