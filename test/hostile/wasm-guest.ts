/** The WASM guests: one module with an export for each, and one that never gets as far. */
import { guest } from "../runtime/guests.ts";

/** Never end; each is to be stopped at its deadline. */
export const wasmLoops = [
  "spin",
  "spin_memory",
  "spin_calls",
  "spin_host",
  "spin_indirect",
  "spin_bulk",
  "recurse_wide",
] as const;

/** Fail by themselves, or are kept within bounds; `text` is in the answer. */
export const wasmFaults: readonly { readonly name: string; readonly text: RegExp }[] = [
  { name: "grow", text: /^bounded$/ },
  { name: "grow_table", text: /^bounded$/ },
  { name: "alloc_all", text: /memory|alloc/i },
  { name: "recurse_deep", text: /stack|trap|recurs/i },
  { name: "read_far", text: /bounds|trap|memory/i },
  { name: "output_far", text: /./ },
  { name: "store_far", text: /./ },
  { name: "reach_metadata", text: /private network/ },
  { name: "reach_file", text: /http/ },
  { name: "reach_prototype", text: /./ },
];

const text = (at: number, value: string) =>
  `(data (i32.const ${at}) "${value.replaceAll('"', "\\22")}")`;
const BOUNDED = 0;
const METADATA = '{"url":"http://169.254.169.254/latest/meta-data"}';
const FILE = '{"url":"file:///etc/passwd"}';
const PROTOTYPE =
  '{"__proto__":{"url":"http://127.0.0.1/"},"headers":{"__proto__":{"a":"b"},"constructor":"x"}}';
const AT = { metadata: 100, file: 300, prototype: 500 };

/** Copies `length` bytes at `at` into a block of the host's and asks for it. */
const ask = (name: string, at: number, length: number) => `
  (func (export "${name}") (result i32) (local $a i64)
    (local.set $a (call $put (i32.const ${at}) (i32.const ${length})))
    (local.set $a (call $http_request (local.get $a) (i64.const 0)))
    (call $output_set (local.get $a) (call $length (local.get $a))) (i32.const 0))`;

const FUNCTIONS = `
  ${text(BOUNDED, "bounded")}
  ${text(AT.metadata, METADATA)} ${text(AT.file, FILE)} ${text(AT.prototype, PROTOTYPE)}
  (type $none (func))
  (table $t 4 100000000 funcref) (elem (i32.const 0) $nothing)
  (func $nothing)
  (func $put (param $at i32) (param $length i32) (result i64) (local $to i64) (local $n i32)
    (local.set $to (call $alloc (i64.extend_i32_u (local.get $length))))
    (loop $l
      (call $store_u8 (i64.add (local.get $to) (i64.extend_i32_u (local.get $n)))
        (i32.load8_u (i32.add (local.get $at) (local.get $n))))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $l (i32.lt_u (local.get $n) (local.get $length))))
    (local.get $to))
  (func $say_bounded (result i32)
    (call $output_set (call $put (i32.const ${BOUNDED}) (i32.const 7)) (i64.const 7)) (i32.const 0))
  (func (export "spin") (result i32) (loop $l (br $l)) (i32.const 0))
  (func (export "spin_memory") (result i32)
    (loop $l (i32.store (i32.const 2000) (i32.add (i32.load (i32.const 2000)) (i32.const 1))) (br $l))
    (i32.const 0))
  (func (export "spin_calls") (result i32) (loop $l (call $nothing) (br $l)) (i32.const 0))
  (func (export "spin_host") (result i32) (loop $l (drop (call $input_length)) (br $l)) (i32.const 0))
  (func (export "spin_indirect") (result i32)
    (loop $l (call_indirect $t (type $none) (i32.const 0)) (br $l)) (i32.const 0))
  (func (export "spin_bulk") (result i32)
    (loop $l (memory.fill (i32.const 4096) (i32.const 7) (i32.const 60000)) (br $l)) (i32.const 0))
  (func $wide (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 1))
      (else (i32.add (call $wide (i32.sub (local.get 0) (i32.const 1)))
                     (call $wide (i32.sub (local.get 0) (i32.const 1)))))))
  (func (export "recurse_wide") (result i32) (call $wide (i32.const 60)))
  (func $deep (param i32) (result i32)
    (i32.add (i32.const 1) (call $deep (i32.add (local.get 0) (i32.const 1)))))
  (func (export "recurse_deep") (result i32) (call $deep (i32.const 0)))
  (func (export "grow") (result i32)
    (loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
    (if (i32.gt_u (memory.size) (i32.const 1024)) (then (unreachable))) (call $say_bounded))
  (func (export "grow_table") (result i32) (local $n i32)
    (loop $l (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $l (i32.ne (table.grow $t (ref.null func) (i32.const 100000)) (i32.const -1))))
    (if (i32.gt_u (local.get $n) (i32.const 500)) (then (unreachable))) (call $say_bounded))
  (func (export "alloc_all") (result i32)
    (loop $l (drop (call $alloc (i64.const 1048576))) (br $l)) (i32.const 0))
  (func (export "read_far") (result i32) (i32.load (i32.const -8)))
  (func (export "output_far") (result i32)
    (call $output_set (i64.const 1) (i64.const 4294967296)) (i32.const 0))
  (func (export "store_far") (result i32)
    (call $store_u64 (i64.const -8) (i64.const -1)) (unreachable))
  ${ask("reach_metadata", AT.metadata, METADATA.length)}
  ${ask("reach_file", AT.file, FILE.length)}
  ${ask("reach_prototype", AT.prototype, PROTOTYPE.length)}`;

export const wasmGuest = () => guest(FUNCTIONS, '(memory (export "memory") 1)');

/** Its start function never returns. */
export const wasmStartLoop = () =>
  guest('(func $s (loop $l (br $l))) (start $s) (func (export "run") (result i32) (i32.const 0))');
