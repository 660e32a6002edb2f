/** A server that somebody starts in a terminal, and ends by Ctrl-C. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PrintedStatus } from "../support/executable.ts";
import { executableBench } from "../support/executable-bench.ts";
import { processTree } from "../support/process-tree.ts";
import { until } from "../support/until.ts";

const CTRL_C = "\x03";
const bench = executableBench();

const SLOW_FUNCTION = `export default async () => {
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  return new Response("finished");
};
`;

/** The device of its controlling terminal (proc_pid_stat(5)), 0 for none. */
function terminalOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[4]);
}

test("what it has started has no terminal, and calls end before Ctrl-C ends it", async () => {
  const shop = await bench.project();
  writeFileSync(join(shop, "functions/slow.ts"), SLOW_FUNCTION);
  let printed = "";
  const server = Bun.spawn([bench.program, "serve", "--port", "0"], {
    cwd: shop,
    env: { PATH: "/usr/bin:/bin", HOME: shop, NO_COLOR: "1" },
    terminal: {
      data: (_, bytes) => {
        printed += new TextDecoder().decode(bytes);
      },
    },
  });
  try {
    await until("the ready line", () => /^ready http/m.test(printed), 60_000);
    const asked = await bench.run(shop, ["status", "--output", "json"]);
    const status = JSON.parse(asked.stdout) as PrintedStatus;
    const headers = { apikey: status.secret_key };
    const call = () => fetch(`${status.url}/fn/v1/slow`, { headers }).then((r) => r.text());
    expect(await call()).toBe("finished");

    const [own, ...others] = processTree(server.pid);
    expect(terminalOf(own?.pid ?? 0)).not.toBe(0);
    expect(others.length).toBeGreaterThan(3);
    const held = others.filter(({ pid }) => terminalOf(pid) !== 0);
    expect(held.map(({ command }) => command)).toEqual([]);

    const answer = call();
    await Bun.sleep(300);
    server.terminal?.write(CTRL_C);
    expect(await answer).toBe("finished");
    expect(await server.exited).toBe(0);
    expect(printed).not.toContain("runtime.process_ended");
  } finally {
    server.kill("SIGKILL");
    server.terminal?.close();
  }
});
