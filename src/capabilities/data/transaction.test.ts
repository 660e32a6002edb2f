import { expect, test } from "bun:test";
import { durationMs } from "./transaction.ts";

test("durations are read as PostgreSQL writes them", () => {
  const cases = [
    ["0", 0],
    ["250", 250],
    ["250ms", 250],
    ["1.5s", 1_500],
    [" 2 min ", 120_000],
    ["1h", 3_600_000],
    ["1d", 86_400_000],
    ["1500us", 2],
    [".5s", 500],
  ] as const;
  for (const [text, ms] of cases) expect([text, durationMs(text)]).toEqual([text, ms]);
  for (const text of ["", "fast", "-1", "1 year", "1S", "5s;", "0x10"]) {
    expect([text, durationMs(text)]).toEqual([text, null]);
  }
});
