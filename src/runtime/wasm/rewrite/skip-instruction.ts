/**
 * Steps over one instruction: its opcode and its immediates (core spec 3.0, chapter 5.4; threads and
 * legacy exceptions from their proposals). The rewriter relies on finding every loop, so what is not
 * known here is refused, never guessed.
 */
import type { BinaryReader } from "../binary.ts";

/** What the rewriter must know of an instruction. */
export type InstructionKind =
  | "plain"
  | "loop"
  /** Runs another function. */
  | "call"
  /** One instruction whose work is as large as a memory or a table. */
  | "bulk";

type Immediates = (reader: BinaryReader) => void;

interface Instruction {
  readonly kind: InstructionKind;
  readonly skip: Immediates;
}

const none: Immediates = () => {};
const index: Immediates = (reader) => reader.skipNumber(5);
const twoIndices: Immediates = (reader) => {
  index(reader);
  index(reader);
};
const bytes =
  (count: number): Immediates =>
  (reader) =>
    reader.take(count);

/** Bit 6 of the alignment says that a memory index follows. */
const memoryArgument: Immediates = (reader) => {
  if (reader.unsigned() & 0x40) index(reader);
  reader.skipNumber(10);
};

const laneOfMemory: Immediates = (reader) => {
  memoryArgument(reader);
  reader.byte();
};

/** `0x40`, a value type, or a type's index as a signed number. */
const blockType: Immediates = (reader) => {
  const first = reader.byte();
  if (first === 0x63 || first === 0x64) reader.skipNumber(5);
  else if (first >= 0x80) reader.skipNumber(4);
};

const vector =
  (item: Immediates): Immediates =>
  (reader) => {
    const count = reader.unsigned();
    for (let n = 0; n < count; n += 1) item(reader);
  };

const valueType: Immediates = (reader) => {
  const type = reader.byte();
  if (type === 0x63 || type === 0x64) reader.skipNumber(5);
};

const catchClause: Immediates = (reader) => {
  const kind = reader.byte();
  if (kind > 3) throw new RangeError(`A catch clause of kind ${kind} is not known`);
  if (kind < 2) index(reader);
  index(reader);
};

const branchTable: Immediates = (reader) => {
  vector(index)(reader);
  index(reader);
};

const tryTable: Immediates = (reader) => {
  blockType(reader);
  vector(catchClause)(reader);
};

const plain = (skip: Immediates): Instruction => ({ kind: "plain", skip });
const call = (skip: Immediates): Instruction => ({ kind: "call", skip });
const bulk = (skip: Immediates): Instruction => ({ kind: "bulk", skip });

/** Opcodes from `first` to `last` that all look the same. */
type Range = readonly [first: number, last: number, instruction: Instruction];

const ONE_BYTE: readonly Range[] = [
  [0x00, 0x01, plain(none)], // unreachable, nop
  [0x02, 0x02, plain(blockType)],
  [0x03, 0x03, { kind: "loop", skip: blockType }],
  [0x04, 0x04, plain(blockType)], // if
  [0x05, 0x05, plain(none)], // else
  [0x06, 0x06, plain(blockType)], // try
  [0x07, 0x09, plain(index)], // catch, throw, rethrow
  [0x0a, 0x0a, plain(none)], // throw_ref
  [0x0b, 0x0b, plain(none)], // end
  [0x0c, 0x0d, plain(index)], // br, br_if
  [0x0e, 0x0e, plain(branchTable)], // br_table
  [0x0f, 0x0f, plain(none)], // return
  [0x10, 0x10, call(index)],
  [0x11, 0x11, call(twoIndices)], // call_indirect
  [0x12, 0x12, call(index)], // return_call
  [0x13, 0x13, call(twoIndices)], // return_call_indirect
  [0x14, 0x15, call(index)], // call_ref, return_call_ref
  [0x18, 0x18, plain(index)], // delegate
  [0x19, 0x1b, plain(none)], // catch_all, drop, select
  [0x1c, 0x1c, plain(vector(valueType))], // select t
  [0x1f, 0x1f, plain(tryTable)], // try_table
  [0x20, 0x26, plain(index)], // locals, globals, table.get, table.set
  [0x28, 0x3e, plain(memoryArgument)],
  [0x3f, 0x3f, plain(index)], // memory.size
  [0x40, 0x40, bulk(index)], // memory.grow
  [0x41, 0x41, plain((reader) => reader.skipNumber(5))],
  [0x42, 0x42, plain((reader) => reader.skipNumber(10))],
  [0x43, 0x43, plain(bytes(4))],
  [0x44, 0x44, plain(bytes(8))],
  [0x45, 0xc4, plain(none)],
  [0xd0, 0xd0, plain(index)], // ref.null
  [0xd1, 0xd1, plain(none)], // ref.is_null
  [0xd2, 0xd2, plain(index)], // ref.func
  [0xd4, 0xd4, plain(none)], // ref.as_non_null
  [0xd5, 0xd6, plain(index)], // br_on_null, br_on_non_null
];

const MISCELLANEOUS: readonly Range[] = [
  [0, 7, plain(none)], // saturating truncation
  [8, 8, bulk(twoIndices)], // memory.init
  [9, 9, plain(index)], // data.drop
  [10, 10, bulk(twoIndices)], // memory.copy
  [11, 11, bulk(index)], // memory.fill
  [12, 12, bulk(twoIndices)], // table.init
  [13, 13, plain(index)], // elem.drop
  [14, 14, bulk(twoIndices)], // table.copy
  [15, 15, bulk(index)], // table.grow
  [16, 16, plain(index)], // table.size
  [17, 17, bulk(index)], // table.fill
];

const VECTORS: readonly Range[] = [
  [0, 11, plain(memoryArgument)],
  [12, 13, plain(bytes(16))], // v128.const, i8x16.shuffle
  [14, 20, plain(none)],
  [21, 34, plain(bytes(1))], // lanes
  [35, 83, plain(none)],
  [84, 91, plain(laneOfMemory)],
  [92, 93, plain(memoryArgument)],
  [94, 275, plain(none)], // the last 20 are relaxed SIMD
];

const ATOMICS: readonly Range[] = [
  [0, 2, plain(memoryArgument)], // notify, wait32, wait64
  [3, 3, plain(bytes(1))], // fence
  [16, 78, plain(memoryArgument)],
];

function tableOf(ranges: readonly Range[]): (Instruction | undefined)[] {
  const table: (Instruction | undefined)[] = [];
  for (const [first, last, instruction] of ranges) {
    for (let opcode = first; opcode <= last; opcode += 1) table[opcode] = instruction;
  }
  return table;
}

const BY_OPCODE = tableOf(ONE_BYTE);
const BY_PREFIX: Readonly<Record<number, (Instruction | undefined)[]>> = {
  252: tableOf(MISCELLANEOUS),
  253: tableOf(VECTORS),
  254: tableOf(ATOMICS),
};

/** Moves behind the instruction that stands here. Throws a RangeError for one that is not known. */
export function skipInstruction(reader: BinaryReader): InstructionKind {
  const at = reader.at;
  const opcode = reader.byte();
  const prefixed = BY_PREFIX[opcode];
  const sub = prefixed ? reader.unsigned() : 0;
  const instruction = prefixed ? prefixed[sub] : BY_OPCODE[opcode];
  if (!instruction) {
    const name = `0x${opcode.toString(16)}${prefixed ? ` ${sub}` : ""}`;
    throw new RangeError(`It uses an instruction that is not known here (${name} at byte ${at})`);
  }
  instruction.skip(reader);
  return instruction.kind;
}
