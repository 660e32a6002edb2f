/** A few seconds of `bun run campaign soak`. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { install } from "../support/executable.ts";
import { soakFunctions } from "../support/function-soak.ts";

setDefaultTimeout(120_000);
const installation = await install();
afterAll(() => installation.remove());

test("deploys, crashes and overrun deadlines under load: every answer is right, nothing stays behind", async () => {
  const report = await soakFunctions({
    ...{ installation, seconds: 12, deployEverySeconds: 2, seed: 7 },
  });
  expect(report.faults).toEqual([]);
  expect(report.left).toEqual([]);
  expect(report.deploys).toBeGreaterThan(1);
  for (const name of ["answers", "released", "streams", "crashes", "spins"]) {
    expect(report.calls[name]).toBeGreaterThan(0);
  }
});
