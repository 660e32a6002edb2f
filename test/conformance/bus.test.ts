import { createMemoryBus } from "../../src/shared/bus/memory-bus.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { busConformance } from "./bus.ts";

busConformance("memory", async () => {
  const bus = createMemoryBus(createMemoryLog());
  return { bus, other: bus, cut: null, close: async () => {} };
});
