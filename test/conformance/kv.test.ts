import { createMemoryKv } from "../../src/shared/kv/memory-kv.ts";
import { createSimClock } from "../support/sim-clock.ts";
import { kvConformance } from "./kv.ts";

kvConformance("memory", async () => {
  const clock = createSimClock();
  return { kv: createMemoryKv(clock), clock, close: async () => {} };
});
