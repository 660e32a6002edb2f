import { expect, test } from "bun:test";
import { engineReason } from "./engine-reason.ts";

test.each([
  [
    new Error("Out of bounds memory access (evaluating 'this.#run(exportName)')"),
    "Out of bounds memory access",
  ],
  [
    new Error(
      "WebAssembly.Module doesn't parse at byte 10: too short (evaluating 'new WebAssembly.Module(bytes)')",
    ),
    "It doesn't parse at byte 10: too short",
  ],
  [new Error("The plug-in's own (words)"), "The plug-in's own (words)"],
  [Object.create(null), "The module threw an exception"],
])("%p", (error, reason) => {
  expect(engineReason(error)).toBe(reason);
});
