/** Calls a module through the Extism SDK as `sdk.ts` orders, and writes a line for each answer. */
import { appendFileSync, readFileSync } from "node:fs";
import createPlugin, { type CallContext } from "@extism/extism";
import type { SdkOrder } from "./sdk.ts";

const [orderFile = "", answerFile = ""] = process.argv.slice(2);
const order = JSON.parse(readFileSync(orderFile, "utf8")) as SdkOrder;
const logs: [string, string][] = [];
const logger = Object.fromEntries(
  ["debug", "info", "warn", "error", "log", "trace"].map((level) => [
    level,
    (text: unknown) => void logs.push([level, String(text)]),
  ]),
) as unknown as Console;

/** In the ABI, and missing in this release of the SDK. */
const missing = {
  log_trace: (context: CallContext, at: bigint) => logger.debug(context.read(at)?.string()),
  get_log_level: () => 1,
};

const plugin = await createPlugin(
  { wasm: [{ data: new Uint8Array(readFileSync(order.module)) }] },
  {
    config: { ...order.config },
    logger,
    useWasi: order.wasi,
    enableWasiOutput: true,
    runInWorker: order.hosts !== null,
    allowedHosts: [...(order.hosts ?? [])],
    functions: { "extism:host/env": missing },
  },
);
for (const { name, input } of order.calls) {
  logs.length = 0;
  let answer: object;
  try {
    const output = await plugin.call(name, new Uint8Array(Buffer.from(input, "hex")));
    answer = { output: Buffer.from(output?.bytes() ?? []).toString("hex") };
  } catch (error) {
    answer = { error: error instanceof Error ? error.message : String(error) };
  }
  appendFileSync(answerFile, `${JSON.stringify({ ...answer, logs })}\n`);
}
await plugin.close();
