/**
 * The code section with stop checks: at the head of every loop, before instructions whose work is as
 * large as a memory, and at the entry of functions that call others. A function that calls nothing and
 * has no loop ends by itself; one that calls may be one of exponentially many without any recursion,
 * so it is looked at whether or not it lies on a cycle of calls.
 */
import { BinaryReader } from "../binary.ts";
import { ByteWriter } from "./byte-writer.ts";
import { skipInstruction } from "./skip-instruction.ts";
import { loopCheck, stopCheck } from "./stop-check.ts";

const I32 = 0x7f;

export interface CodeFacts {
  /** Parameters of each defined function, in their order. */
  readonly parameterCounts: readonly number[];
  /** Index of the memory that holds the stop word. */
  readonly memoryIndex: number;
}

/** @param reader at the start of the code section's content. Throws a RangeError for unknown instructions. */
export function rewriteCode(bytes: Uint8Array, reader: BinaryReader, facts: CodeFacts): ByteWriter {
  const count = reader.unsigned();
  const result = new ByteWriter(Math.ceil(bytes.length * 1.1));
  result.unsigned(count);
  const scratch = new ByteWriter(65_536);
  const check = stopCheck(facts.memoryIndex);
  for (let n = 0; n < count; n += 1) {
    const length = reader.unsigned();
    const end = reader.at + length;
    const body = readBody(new BinaryReader(bytes, reader.at, end), facts.parameterCounts[n] ?? 0);
    scratch.clear();
    writeBody(scratch, bytes, body, end, check, facts.memoryIndex);
    result.sized(scratch);
    reader.take(length);
  }
  return result;
}

interface Body {
  /** Offset of the first local group, and how many there are. */
  readonly localsStart: number;
  readonly localGroups: number;
  readonly codeStart: number;
  /** The next free local's index. */
  readonly nextLocal: number;
  /** Offsets behind each `loop` and its type. */
  readonly loops: readonly number[];
  /** Offsets of each bulk instruction. */
  readonly bulks: readonly number[];
  readonly calls: boolean;
}

function readBody(reader: BinaryReader, parameters: number): Body {
  const localGroups = reader.unsigned();
  const localsStart = reader.at;
  let nextLocal = parameters;
  for (let n = 0; n < localGroups; n += 1) {
    nextLocal += reader.unsigned();
    const type = reader.byte();
    if (type === 0x63 || type === 0x64) reader.skipNumber(5);
  }
  const codeStart = reader.at;
  const loops: number[] = [];
  const bulks: number[] = [];
  let calls = false;
  while (!reader.done()) {
    const at = reader.at;
    const kind = skipInstruction(reader);
    if (kind === "loop") loops.push(reader.at);
    else if (kind === "bulk") bulks.push(at);
    else if (kind === "call") calls = true;
  }
  return { localsStart, localGroups, codeStart, nextLocal, loops, bulks, calls };
}

function writeBody(
  out: ByteWriter,
  bytes: Uint8Array,
  body: Body,
  end: number,
  check: readonly number[],
  memoryIndex: number,
): void {
  const hasLoop = body.loops.length > 0;
  out.unsigned(body.localGroups + (hasLoop ? 1 : 0));
  out.bytes(bytes.subarray(body.localsStart, body.codeStart));
  if (hasLoop) out.bytes([1, I32]);
  if (body.calls) out.bytes(check);
  const atLoop = hasLoop ? loopCheck(memoryIndex, body.nextLocal) : [];
  let from = body.codeStart;
  let [loop, bulk] = [0, 0];
  for (;;) {
    const nextLoop = body.loops[loop] ?? end;
    const nextBulk = body.bulks[bulk] ?? end;
    const next = Math.min(nextLoop, nextBulk);
    out.bytes(bytes.subarray(from, next));
    from = next;
    if (next === end) return;
    if (next === nextLoop) {
      out.bytes(atLoop);
      loop += 1;
    }
    if (next === nextBulk) {
      out.bytes(check);
      bulk += 1;
    }
  }
}
