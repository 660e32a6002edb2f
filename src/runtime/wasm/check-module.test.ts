import { expect, test } from "bun:test";
import type { ReactorError } from "../../core/errors.ts";
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
