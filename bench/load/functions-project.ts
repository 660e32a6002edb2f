/** The project that `bench/functions` deploys: one warm function of each kind, and many to be cold. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import binaryen from "binaryen";
import { ANSWER } from "./function-peers.ts";

/** Text whose vowels are counted. */
export const TEXT = "The quick brown fox jumps over the lazy dog, again and again and again.";

/**
 * Reads its input byte by byte, as the vowel counter of Extism's tutorial does, and answers one byte.
 * `mark` makes modules of different content.
 */
const vowels = (mark: number) => `(module
  (import "extism:host/env" "input_length" (func $length (result i64)))
  (import "extism:host/env" "input_load_u8" (func $load (param i64) (result i32)))
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
  (import "extism:host/env" "output_set" (func $output (param i64 i64)))
  (memory (export "memory") 1) (global i32 (i32.const ${mark}))
  (func $isVowel (param i32) (result i32)
    (i32.or (i32.or (i32.eq (local.get 0) (i32.const 97)) (i32.eq (local.get 0) (i32.const 101)))
      (i32.or (i32.eq (local.get 0) (i32.const 105))
        (i32.or (i32.eq (local.get 0) (i32.const 111)) (i32.eq (local.get 0) (i32.const 117))))))
  (func (export "count") (result i32) (local $at i64) (local $count i32) (local $to i64)
    (block $done (loop $next
      (br_if $done (i64.ge_u (local.get $at) (call $length)))
      (local.set $count (i32.add (local.get $count) (call $isVowel (call $load (local.get $at)))))
      (local.set $at (i64.add (local.get $at) (i64.const 1)))
      (br $next)))
    (local.set $to (call $alloc (i64.const 2)))
    (call $store (local.get $to) (i32.add (i32.const 48) (i32.div_u (local.get $count) (i32.const 10))))
    (call $store (i64.add (local.get $to) (i64.const 1))
      (i32.add (i32.const 48) (i32.rem_u (local.get $count) (i32.const 10))))
    (call $output (local.get $to) (i64.const 2)) (i32.const 0)))`;

/** `cold-0` … are TypeScript, `coldwasm-0` … modules. */
export function writeFunctionsProject(folder: string, cold: number, coldWasm: number): void {
  const functions = join(folder, "functions");
  mkdirSync(functions, { recursive: true });
  const write = (name: string, content: string | Uint8Array) =>
    writeFileSync(join(functions, name), content);
  const typescript = (mark: string) =>
    `const mark = "${mark}";\nexport default { fetch: () => new Response(mark && "${ANSWER}") };\n`;
  write("warm.ts", typescript("warm"));
  write("vowels.wasm", binaryen.parseText(vowels(0)).emitBinary());
  for (let at = 0; at < cold; at += 1) write(`cold-${at}.ts`, typescript(`cold ${at}`));
  for (let at = 0; at < coldWasm; at += 1) {
    write(`coldwasm-${at}.wasm`, binaryen.parseText(vowels(at + 1)).emitBinary());
  }
}
