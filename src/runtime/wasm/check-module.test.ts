import { expect, test } from "bun:test";
import type { ReactorError } from "../../core/errors.ts";
import { capMemory, PAGE_BYTES } from "./cap-memory.ts";
import { checkModule } from "./check-module.ts";

/** A module from its sections: id, then content bytes. */
function wasm(...sections: [number, number[]][]): Uint8Array<ArrayBuffer> {
  const body = sections.flatMap(([id, content]) => [id, content.length, ...content]);
  return new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...body]);
}
const text = (value: string) => [value.length, ...Buffer.from(value)];

const TYPE: [number, number[]] = [1, [1, 0x60, 0, 1, 0x7f]];
const FUNCTION: [number, number[]] = [3, [1, 0]];
const CODE: [number, number[]] = [10, [1, 4, 0, 0x41, 0, 0x0b]];
const RUN: [number, number[]] = [7, [1, ...text("run"), 0, 0]];
const importOf = (module: string, name: string, kind: number[]): [number, number[]] => [
  2,
  [1, ...text(module), ...text(name), ...kind],
];

function refusal(bytes: Uint8Array<ArrayBuffer>): ReactorError {
  try {
    checkModule(bytes);
  } catch (error) {
    return error as ReactorError;
  }
  throw new Error("it was accepted");
}

test("a module with a callable export is accepted and described", () => {
  const extism = importOf("extism:host/env", "input_length", [0, 0]);
  const afterImport: [number, number[]] = [7, [1, ...text("run"), 0, 1]];
  expect(checkModule(wasm(TYPE, extism, FUNCTION, afterImport, CODE))).toEqual({
    callable: ["run"],
    imports: ["extism:host/env.input_length"],
  });
});

test("what is no WebAssembly, or does not validate, is refused with the engine's reason", () => {
  const refused = refusal(new Uint8Array(Buffer.from("hello")));
  expect(refused).toMatchObject({ status: 422, code: "invalid_function" });
  const wrong: [number, number[]] = [10, [1, 4, 0, 0x42, 0, 0x0b]];
  expect(refusal(wasm(TYPE, FUNCTION, RUN, wrong)).details).toContain("WebAssembly.Module");
});

test.each([
  [
    "an imported memory",
    wasm(TYPE, importOf("env", "memory", [2, 0, 1]), FUNCTION, RUN, CODE),
    "imports the memory env.memory",
  ],
  ["a 64-bit memory", wasm(TYPE, FUNCTION, [5, [1, 4, 1]], RUN, CODE), "Memory64"],
  ["two memories", wasm(TYPE, FUNCTION, [5, [2, 0, 1, 0, 1]], RUN, CODE), "more than one memory"],
  [
    "an import nobody has",
    wasm(TYPE, importOf("env", "abort", [0, 0]), FUNCTION, RUN, CODE),
    "function env.abort",
  ],
  [
    "an unknown Extism function",
    wasm(TYPE, importOf("extism:host/env", "teleport", [0, 0]), FUNCTION, RUN, CODE),
    "extism:host/env.teleport",
  ],
  ["nothing to call", wasm(TYPE, FUNCTION, CODE), "exports no function"],
])("%s is refused", (_what, bytes, reason) => {
  expect(refusal(bytes).details).toContain(reason);
});

test("AssemblyScript's abort is refused with the option that replaces it", () => {
  const bytes = wasm(TYPE, importOf("env", "abort", [0, 0]), FUNCTION, RUN, CODE);
  expect(refusal(bytes).hint).toContain("--use abort=");
});

const memoryOf = (limits: number[]) => wasm([5, [1, ...limits]], [7, [1, ...text("memory"), 2, 0]]);

function grownPages(bytes: Uint8Array<ArrayBuffer>): number {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const memory = exports["memory"] as WebAssembly.Memory;
  for (;;) {
    try {
      memory.grow(1);
    } catch {
      return memory.buffer.byteLength / PAGE_BYTES;
    }
  }
}

test.each([
  ["none", [0, 1]],
  ["a higher one", [1, 1, 0xff, 0x7f]],
])("a memory whose own maximum is %s stops at the cap", (_what, limits) => {
  const capped = capMemory(memoryOf(limits), 5 * PAGE_BYTES + 1);
  expect(WebAssembly.validate(capped)).toBe(true);
  expect(grownPages(capped)).toBe(5);
});

test("a lower maximum of the module's own stays", () => {
  expect(grownPages(capMemory(memoryOf([1, 1, 3]), 5 * PAGE_BYTES))).toBe(3);
});

test("a cap that takes more bytes to write than the old limits keeps the sections behind it", () => {
  const bytes = wasm(
    TYPE,
    FUNCTION,
    [5, [1, 0, 1]],
    [7, [2, ...text("run"), 0, 0, ...text("memory"), 2, 0]],
    CODE,
  );
  const capped = capMemory(bytes, 1000 * PAGE_BYTES);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(capped));
  expect((exports["run"] as () => number)()).toBe(0);
});

test("a module without a memory passes unchanged; one that starts above the cap is refused", () => {
  const bare = wasm(TYPE, FUNCTION, RUN, CODE);
  expect(capMemory(bare, PAGE_BYTES)).toEqual(bare);
  expect(() => capMemory(memoryOf([0, 6]), 5 * PAGE_BYTES)).toThrow("cannot be accepted");
});
