import { expect, test } from "bun:test";
import type { ReactorError } from "../../core/errors.ts";
import { checkModule } from "./check-module.ts";

/** A module from its sections: id, then content bytes. */
function wasm(...sections: [number, number[]][]): Uint8Array<ArrayBuffer> {
  const body = sections.flatMap(([id, content]) => [id, content.length, ...content]);
  return new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...body]);
}
const text = (value: string) => [value.length, ...Buffer.from(value)];

const MEMORY_BYTES = 256 * 1024 * 1024;
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
    checkModule(bytes, MEMORY_BYTES);
  } catch (error) {
    return error as ReactorError;
  }
  throw new Error("it was accepted");
}

test("a module with a callable export is accepted and described", () => {
  const extism = importOf("extism:host/env", "input_length", [0, 1]);
  const afterImport: [number, number[]] = [7, [1, ...text("run"), 0, 1]];
  const type: [number, number[]] = [1, [2, 0x60, 0, 1, 0x7f, 0x60, 0, 1, 0x7e]];
  const module = wasm(type, extism, FUNCTION, afterImport, CODE);
  expect(checkModule(module, MEMORY_BYTES)).toEqual({
    callable: ["run"],
    imports: ["extism:host/env.input_length"],
  });
});

test("what is no WebAssembly, or does not validate, is refused with the engine's reason", () => {
  const refused = refusal(new Uint8Array(Buffer.from("hello")));
  expect(refused).toMatchObject({ status: 422, code: "invalid_function" });
  const wrong: [number, number[]] = [10, [1, 4, 0, 0x42, 0, 0x0b]];
  expect(refusal(wasm(TYPE, FUNCTION, RUN, wrong)).details).toMatch(/^It doesn't validate: [^']*$/);
});

test.each([
  [
    "an imported memory",
    wasm(TYPE, importOf("env", "memory", [2, 0, 1]), FUNCTION, RUN, CODE),
    "imports the memory env.memory",
  ],
  ["a 64-bit memory", wasm(TYPE, FUNCTION, [5, [1, 4, 1]], RUN, CODE), "64-bit memory"],
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
  [
    "an import as what it is not",
    wasm(TYPE, importOf("extism:host/env", "alloc", [0, 0]), FUNCTION, RUN, CODE),
    "It imports extism:host/env.alloc as () -> (i32), which is (i64) -> (i64)",
  ],
  [
    "more memory than the function may have",
    wasm(TYPE, FUNCTION, [5, [1, 0, 0xa0, 0x9c, 0x01]], RUN, CODE),
    "It starts with 20000 pages of memory (1310720000 bytes), the limit is 4096",
  ],
  [
    "a table larger than any may be",
    wasm(TYPE, FUNCTION, [4, [1, 0x70, 0, 0xc0, 0xa8, 0xa5, 0x04]], RUN, CODE),
    "It starts with a table of 9000000 elements, the limit is 1000000",
  ],
  ["nothing to call", wasm(TYPE, FUNCTION, CODE), "exports no function"],
])("%s is refused", (_what, bytes, reason) => {
  expect(refusal(bytes).details).toContain(reason);
});

test("AssemblyScript's abort is refused with the option that replaces it", () => {
  const bytes = wasm(TYPE, importOf("env", "abort", [0, 0]), FUNCTION, RUN, CODE);
  expect(refusal(bytes).hint).toContain("--use abort=");
});
