import { expect, test } from "bun:test";
import { LazyAbort } from "../lazy-abort.ts";
import type { FullRuntimeOptions } from "../options.ts";
import { LaneSet } from "./lane-set.ts";

test("whoever waits for a host that cannot be started is told so of the own function", async () => {
  const started = Promise.withResolvers<never>();
  const pool = { take: () => started.promise };
  const options = { wasmHosts: 1 } as FullRuntimeOptions;
  const lanes = new LaneSet(options, pool, () => undefined);
  const abort = new LazyAbort();
  const names = ["resize", "vowels"];
  const told = Promise.allSettled(names.map((name) => lanes.take(name, abort)));
  started.reject(new Error("no process"));
  const wanted = names.map((name) => ({
    status: "rejected",
    reason: { code: "function_unavailable", message: expect.stringContaining(`"${name}"`) },
  }));
  expect(await told).toMatchObject(wanted);
});
