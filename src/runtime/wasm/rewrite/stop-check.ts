/**
 * The instructions that the rewriter adds: a look at the stop word, which another thread sets when the
 * time is up. The load is atomic, because the optimising compiler moves a plain one out of its loop
 * (measured: the first kill worked, the second hung).
 */

/** The loop's own counter decides when to look: every 512th turn. Must be a power of two. */
const TURNS_PER_LOOK = 512;

const OP = {
  if: 0x04,
  unreachable: 0x00,
  end: 0x0b,
  localGet: 0x20,
  localTee: 0x22,
  i32Const: 0x41,
  i32Eqz: 0x45,
  i32Add: 0x6a,
  i32And: 0x71,
  atomicPrefix: 0xfe,
  i32AtomicLoad: 0x10,
} as const;
const VOID = 0x40;
/** Alignment of four bytes. */
const ALIGN_4 = 2;
const HAS_MEMORY_INDEX = 0x40;

/** Unsigned LEB128 as a list. */
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

/** Traps when the word at the start of memory `memoryIndex` is not zero. */
export function stopCheck(memoryIndex: number): readonly number[] {
  const memory =
    memoryIndex === 0 ? [ALIGN_4] : [ALIGN_4 | HAS_MEMORY_INDEX, ...unsigned(memoryIndex)];
  const load = [OP.atomicPrefix, OP.i32AtomicLoad, ...memory, 0];
  return [OP.i32Const, 0, ...load, OP.if, VOID, OP.unreachable, OP.end];
}

/** The same at the head of a loop, every 512th turn; `local` is an i32 of the function's own. */
export function loopCheck(memoryIndex: number, local: number): readonly number[] {
  const counter = unsigned(local);
  // Signed LEB128 of 511.
  const mask = [((TURNS_PER_LOOK - 1) & 0x7f) | 0x80, (TURNS_PER_LOOK - 1) >>> 7];
  const count = [OP.localGet, ...counter, OP.i32Const, 1, OP.i32Add, OP.localTee, ...counter];
  const isDue = [OP.i32Const, ...mask, OP.i32And, OP.i32Eqz];
  return [...count, ...isDue, OP.if, VOID, ...stopCheck(memoryIndex), OP.end];
}
