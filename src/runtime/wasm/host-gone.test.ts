import { expect, test } from "bun:test";
import { DEFAULT_LIMITS } from "../../../test/runtime/runtime-call.ts";
import type { FunctionSpec } from "../../core/ports/function-runtime.ts";
import { crashOf, HostGone } from "./host-gone.ts";

const spec = { name: "mine", limits: DEFAULT_LIMITS } as FunctionSpec;
const exit = { code: null, signal: "SIGKILL", killed: { kind: "memory" } } as const;

test("memory is charged to the call that was running", () => {
  expect(crashOf(spec, new HostGone(exit, true, true))).toMatchObject({
    ...{ status: 502, code: "function_out_of_memory" },
  });
});

test("who waited meanwhile is told that it was not its own doing", () => {
  expect(crashOf(spec, new HostGone(exit, false, true))).toMatchObject({
    ...{ status: 502, code: "function_crashed" },
    details: "The process it shares with others was killed: memory while this call waited",
  });
});
