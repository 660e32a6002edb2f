import { expect, test } from "bun:test";
import { EXTISM_FUNCTIONS, EXTISM_MODULE } from "./extism-imports.ts";
import { OUTSIDE, USER_MODULE } from "./host/outside.ts";
import { signatureFault } from "./import-signatures.ts";
import { WASI_FUNCTIONS, WASI_MODULE } from "./wasi.ts";

const imported = (module: string, name: string, signature: string) =>
  signatureFault({ module, name, kind: "function", signature });

test("of everything that is provided it is known what it takes", () => {
  const provided = [
    ...[...EXTISM_FUNCTIONS].map((name) => [EXTISM_MODULE, name] as const),
    ...[...WASI_FUNCTIONS].map((name) => [WASI_MODULE, name] as const),
    ...Object.entries(OUTSIDE).flatMap(([module, functions]) =>
      Object.keys(functions).map((name) => [module, name] as const),
    ),
  ];
  expect(provided.filter(([module, name]) => imported(module, name, "FF>F") === null)).toEqual([]);
});

test("a wrong type is named, in words", () => {
  expect(imported(EXTISM_MODULE, "alloc", "I>I")).toBeNull();
  expect(imported(EXTISM_MODULE, "alloc", "i>I")).toBe(
    "It imports extism:host/env.alloc as (i32) -> (i64), which is (i64) -> (i64)",
  );
  expect(imported(WASI_MODULE, "fd_write", "I>i")).toBe(
    "It imports wasi_snapshot_preview1.fd_write as (i64) -> (i32), which is (i32, i32, i32, i32) -> (i32)",
  );
});

test("the result of our own functions may be left, and no other", () => {
  expect(imported(USER_MODULE, "kv_set", "II>")).toBeNull();
  expect(imported(USER_MODULE, "kv_set", "I>")).toContain("(i64) -> ()");
  expect(imported(EXTISM_MODULE, "alloc", "I>")).toContain("(i64) -> ()");
});
