/** WASI as a module sees it that means harm: pointers of any sign, lengths beyond all memory, no end. */
import { expect, test } from "bun:test";
import type { Clock } from "../../core/ports/clock.ts";
import type { Rng } from "../../core/ports/rng.ts";
import { createWasi } from "./wasi.ts";

const PAGE = 65_536;
const [SUCCESS, FAULT, INVAL] = [0, 21, 28];

function createHost({ pages = 4, rng = { fill: (part: Uint8Array) => part.fill(7) } } = {}) {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: 65_536 });
  const lines: string[] = [];
  const state = { isStopped: false };
  const wasi = createWasi({
    clock: { now: () => 1_000, monotonic: () => 2 } as Clock,
    rng: rng as unknown as Rng,
    memory: () => memory,
    checkStop() {
      if (state.isStopped) throw new Error("stopped");
    },
    log: (_, text) => lines.push(text),
  });
  const call = (name: string, ...args: unknown[]) =>
    (wasi[name] as (...args: unknown[]) => unknown)(...args);
  const view = () => new DataView(memory.buffer);
  const put = (at: number, ...words: number[]) => {
    for (const [n, word] of words.entries()) view().setUint32(at + 4 * n, word, true);
  };
  return { memory, lines, state, call, view, put };
}

test("a write takes at most 64 KiB of what is given, and says how much", () => {
  const { call, view, put, lines, memory } = createHost();
  new Uint8Array(memory.buffer).fill(97, 1_000);
  put(0, 1_000, 3, 2_000, 0, 3_000, 2 * PAGE);
  expect(call("fd_write", 1, 0, 3, 100)).toBe(SUCCESS);
  expect(view().getUint32(100, true)).toBe(PAGE);
  expect(lines).toEqual(["a".repeat(PAGE)]);
});

test("no more vectors are looked at than Linux takes", () => {
  const { call } = createHost();
  expect(call("fd_write", 1, 0, 1_025, 100)).toBe(INVAL);
  expect(call("fd_write", 1, 0, 16_000_000, 100)).toBe(INVAL);
  expect(call("fd_write", 1, 0, -1, 100)).toBe(INVAL);
  expect(call("fd_write", 1, 8, 1_024, 0)).toBe(SUCCESS);
});

test.each([
  ["fd_write", [1, -8, 1, 0]],
  ["fd_write", [1, 0, 1, -2]],
  ["fd_read", [0, 0, 0, -4]],
  ["fd_fdstat_get", [1, 4 * PAGE - 23]],
  ["args_sizes_get", [-4, 0]],
  ["environ_sizes_get", [0, 4 * PAGE - 3]],
  ["clock_time_get", [0, 0n, 0x8100_0000 | 0]],
  ["clock_res_get", [0, -8]],
  ["random_get", [0, -1]],
  ["random_get", [-1, 1]],
] as const)("%s with %p is refused as a fault", (name, args) => {
  expect(createHost().call(name, ...args)).toBe(FAULT);
});

test("a vector that points outside is a fault, wherever it stands", () => {
  const { call, put, lines } = createHost();
  put(0, 0, 2 * PAGE, 8, -1);
  expect([call("fd_write", 1, 0, 2, 100), lines]).toEqual([FAULT, []]);
});

test("above 2 GiB pointers are negative and mean what they say", () => {
  const { call, view, put, lines, memory } = createHost({ pages: 33_100 });
  const at = 0x8100_0000;
  expect(call("clock_time_get", 0, 0n, at | 0)).toBe(SUCCESS);
  expect(view().getBigUint64(at, true)).toBe(1_000_000_000n);
  new Uint8Array(memory.buffer).set(Buffer.from("high"), at);
  put(at + 16, at, 4);
  expect(call("fd_write", 2, (at + 16) | 0, 1, (at + 32) | 0)).toBe(SUCCESS);
  expect([lines, view().getUint32(at + 32, true)]).toEqual([["high"], 4]);
  expect(call("random_get", at | 0, 3)).toBe(SUCCESS);
  expect(new Uint8Array(memory.buffer, at, 4)).toEqual(new Uint8Array([7, 7, 7, 104]));
});

test("what takes long is stopped between its pieces", () => {
  const pieces: number[] = [];
  const fill = (part: Uint8Array) => {
    pieces.push(part.length);
    state.isStopped = pieces.length === 2;
    return part;
  };
  const { call, state } = createHost({ rng: { fill } });
  expect(() => call("random_get", 0, 3 * PAGE + 1)).toThrow("stopped");
  expect(pieces).toEqual([PAGE, PAGE]);
  expect(() => call("fd_write", 1, 0, 1, 100)).toThrow("stopped");
});
