/** WASM modules for the tests: AssemblyScript from `assembly/`, and text form put together by binaryen. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import binaryen from "binaryen";

/** Assembles WebAssembly text. */
export function wat(text: string): Uint8Array<ArrayBuffer> {
  const module = binaryen.parseText(text);
  module.setFeatures(binaryen.Features.All);
  const bytes = new Uint8Array(module.emitBinary());
  module.dispose();
  return bytes;
}

const IMPORTS = `
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "free" (func $free (param i64)))
  (import "extism:host/env" "length" (func $length (param i64) (result i64)))
  (import "extism:host/env" "length_unsafe" (func $length_unsafe (param i64) (result i64)))
  (import "extism:host/env" "load_u8" (func $load_u8 (param i64) (result i32)))
  (import "extism:host/env" "load_u64" (func $load_u64 (param i64) (result i64)))
  (import "extism:host/env" "store_u8" (func $store_u8 (param i64 i32)))
  (import "extism:host/env" "store_u64" (func $store_u64 (param i64 i64)))
  (import "extism:host/env" "input_length" (func $input_length (result i64)))
  (import "extism:host/env" "input_offset" (func $input_offset (result i64)))
  (import "extism:host/env" "input_load_u8" (func $input_load_u8 (param i64) (result i32)))
  (import "extism:host/env" "input_load_u64" (func $input_load_u64 (param i64) (result i64)))
  (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
  (import "extism:host/env" "error_set" (func $error_set (param i64)))
  (import "extism:host/env" "config_get" (func $config_get (param i64) (result i64)))
  (import "extism:host/env" "var_get" (func $var_get (param i64) (result i64)))
  (import "extism:host/env" "var_set" (func $var_set (param i64 i64)))
  (import "extism:host/env" "http_request" (func $http_request (param i64 i64) (result i64)))
  (import "extism:host/env" "log_warn" (func $log_warn (param i64)))`;

/** A module with these functions; all imports above are there, and a memory of one page. */
export function guest(
  functions: string,
  memory = '(memory (export "memory") 1)',
  moreImports = "",
): Uint8Array<ArrayBuffer> {
  return wat(`(module ${IMPORTS} ${moreImports} ${memory} ${functions})`);
}

/** Compiles `assembly/<name>.ts` with the Extism kit. Takes some seconds; call it once a file. */
export function compileAssembly(name: string): Uint8Array<ArrayBuffer> {
  const dir = mkdtempSync(join(tmpdir(), "rx-asc-"));
  try {
    const out = join(dir, "out.wasm");
    const root = join(import.meta.dir, "../..");
    const source = `test/runtime/assembly/${name}.ts`;
    const command = [
      process.execPath,
      join(root, "node_modules/assemblyscript/bin/asc.js"),
      source,
      "--outFile",
      out,
      "--use",
      `abort=test/runtime/assembly/${name}/myAbort`,
      "--optimizeLevel",
      "2",
    ];
    const done = Bun.spawnSync(command, { cwd: root, stderr: "pipe" });
    if (done.exitCode !== 0) throw new Error(done.stderr.toString());
    return new Uint8Array(readFileSync(out));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
