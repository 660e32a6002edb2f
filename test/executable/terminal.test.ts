/** A server that somebody starts in a terminal, and ends by Ctrl-C. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PrintedStatus } from "../support/executable.ts";
import { executableBench } from "../support/executable-bench.ts";
import { processTree } from "../support/process-tree.ts";
import { until } from "../support/until.ts";

const CTRL_C = "\x03";
const bench = executableBench();

/** Answers what it is answered at the URL that it is given. */
const ASKING_FUNCTION = `export default async (request: Request) =>
  new Response(await (await fetch(await request.text())).text());
`;

test("what it has started has no terminal, and calls end before Ctrl-C ends it", async () => {
  const shop = await bench.project();
  writeFileSync(join(shop, "functions/ask.ts"), ASKING_FUNCTION);
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
    const answer = fetch(`${status.url}/fn/v1/ask`, {
      method: "POST",
      headers: { apikey: status.secret_key },
      body: `http://127.0.0.1:${asked.port}/`,
    }).then((response) => response.text());
    await begun.promise;

    const [own, ...others] = processTree(server.pid);
    expect(own?.terminal).toBeGreaterThan(0);
    expect(others.length).toBeGreaterThan(3);
    const held = others.filter(({ terminal }) => terminal !== 0);
    expect(held.map(({ command }) => command)).toEqual([]);

    server.terminal?.write(CTRL_C);
    await until("the server's word", () => printed.includes("server.stopping"));
    finished.resolve();
    expect(await answer).toBe("finished");
    expect(await server.exited).toBe(0);
    expect(printed).not.toContain("runtime.process_ended");
  } finally {
    server.kill("SIGKILL");
    server.terminal?.close();
    await asked.stop(true);
  }
});
