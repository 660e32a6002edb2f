/** A server that somebody starts in a terminal, and ends by Ctrl-C. */
import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PrintedStatus } from "../support/executable.ts";
import { executableBench } from "../support/executable-bench.ts";
import { SHELL_BOOTSTRAP } from "../support/lambda-program.ts";
import { processTree } from "../support/process-tree.ts";
import { until } from "../support/until.ts";

const CTRL_C = "\x03";
const bench = executableBench();

/** Answers what it is answered at the URL that it is given. */
const ASKING_FUNCTION = `export default async (request: Request) =>
  new Response(await (await fetch(await request.text())).text());
`;

/** Takes long enough that Ctrl-C comes in between. */
const SLOW_ANSWER = `sleep 2; echo '"from a program"'`;
const hasPrograms = Bun.which("curl") !== null;

function writeProgram(shop: string): void {
  const folder = join(shop, "functions/program");
  mkdirSync(folder);
  writeFileSync(join(folder, "bootstrap"), SHELL_BOOTSTRAP, { mode: 0o755 });
  writeFileSync(join(folder, "answer.sh"), SLOW_ANSWER);
}

test("what it has started has no terminal, and calls end before Ctrl-C ends it", async () => {
  const shop = await bench.project();
  writeFileSync(join(shop, "functions/ask.ts"), ASKING_FUNCTION);
  if (hasPrograms) writeProgram(shop);
  const begun = Promise.withResolvers<void>();
  const finished = Promise.withResolvers<void>();
  const asked = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch() {
      begun.resolve();
      await finished.promise;
      return new Response("finished");
    },
  });
  let printed = "";
  const server = Bun.spawn([bench.program, "serve", "--port", "0"], {
    cwd: shop,
    env: {
      PATH: "/usr/bin:/bin",
      HOME: shop,
      NO_COLOR: "1",
      REACTOR_RUNTIME__EGRESS_PRIVATE: "127.0.0.1",
    },
    terminal: {
      data: (_, bytes) => {
        printed += new TextDecoder().decode(bytes);
      },
    },
  });
  try {
    await until("the ready line", () => /^ready http/m.test(printed), 60_000);
    const printedStatus = await bench.run(shop, ["status", "--output", "json"]);
    const status = JSON.parse(printedStatus.stdout) as PrintedStatus;
    const call = async (name: string, body = "") => {
      const headers = { apikey: status.secret_key };
      const answer = await fetch(`${status.url}/fn/v1/${name}`, { method: "POST", headers, body });
      return await answer.text();
    };
    const answer = call("ask", `http://127.0.0.1:${asked.port}/`);
    const ofProgram = hasPrograms ? call("program") : "from a program";
    await begun.promise;
    const runs = () => processTree(server.pid).some(({ command }) => command === "sleep 2");
    if (hasPrograms) await until("the program's call", runs);

    const [own, ...others] = processTree(server.pid);
    expect(own?.terminal).toBeGreaterThan(0);
    expect(others.length).toBeGreaterThan(3);
    // It belongs to the machine, and holds SIGINT back itself.
    const held = others.filter((one) => one.terminal !== 0 && !one.command.includes("/unshare "));
    expect(held.map(({ command }) => command)).toEqual([]);

    server.terminal?.write(CTRL_C);
    await until("the server's word", () => printed.includes("server.stopping"));
    finished.resolve();
    expect(await answer).toBe("finished");
    expect(await ofProgram).toBe("from a program");
    expect(await server.exited).toBe(0);
    expect(printed).not.toContain("runtime.process_ended");
  } finally {
    server.kill("SIGKILL");
    server.terminal?.close();
    await asked.stop(true);
  }
});
