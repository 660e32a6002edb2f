import { expect, test } from "bun:test";
import { memoryIn, processUsage } from "./process-usage.ts";

test("memory is what the process alone has: own pages, swapped ones, tables of pages, not those of files", () => {
  const status = [
    ...[
      "Name:\tRssAnon:\t9 kB",
      "VmRSS:\t  59000 kB",
      "RssAnon:\t   4096 kB",
      "RssFile:\t  50000 kB",
    ],
    ...["RssShmem:\t    128 kB", "VmPTE:\t     64 kB", "VmSwap:\t     32 kB", "Threads:\t12"],
  ].join("\n");
  expect(memoryIn(status)).toBe((4096 + 128 + 64 + 32) * 1024);
});

test("a process that is gone uses nothing", () => {
  expect(processUsage(0x3fffffff)).toEqual({ memoryBytes: 0, threads: 0, cpuMs: 0 });
  if (process.platform === "linux")
    expect(processUsage(process.pid).memoryBytes).toBeGreaterThan(0);
});
