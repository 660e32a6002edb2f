/**
 * Bounds a module's memories and tables by writing the limit into the module itself: growing past it
 * answers -1 as specified. Nothing outside the module can do that (the Extism SDK's `maxPages` counts
 * host blocks only).
 */
import { runtimeErrors } from "../../errors.ts";
import type { BinaryReader } from "../binary.ts";
import { ByteWriter } from "./byte-writer.ts";

export const PAGE_BYTES = 65_536;
/** Of each table; a pointer each. */
export const TABLE_ELEMENTS = 1_000_000;
const HAS_MAX = 0x01;
const IS_SHARED = 0x02;
const IS_64_BIT = 0x04;
/** A table whose elements begin as an expression's value: `0x40 0x00` stand before its type. */
const HAS_INITIAL_VALUE = 0x40;

export interface CappedMemories {
  readonly content: ByteWriter;
  /** Of the page that was added. */
  readonly index: number;
}

/** The memory section with each memory bounded, and a shared page of ours behind them. */
export function cappedMemories(reader: BinaryReader | null, memoryBytes: number): CappedMemories {
  const content = new ByteWriter();
  const count = reader?.unsigned() ?? 0;
  content.unsigned(count + 1);
  const capPages = Math.floor(memoryBytes / PAGE_BYTES);
  for (let n = 0; n < count && reader; n += 1) writeMemory(content, reader, capPages);
  content.bytes([HAS_MAX | IS_SHARED, 1, 1]);
  return { content, index: count };
}

function writeMemory(content: ByteWriter, reader: BinaryReader, capPages: number): void {
  const flags = reader.byte();
  if (flags & IS_64_BIT) throw runtimeErrors.invalid_function("It uses a 64-bit memory");
  if (flags & IS_SHARED) throw runtimeErrors.invalid_function("It uses a shared memory");
  const min = reader.unsigned();
  const max = flags & HAS_MAX ? reader.unsigned() : capPages;
  if (min > capPages) {
    throw runtimeErrors.invalid_function(
      `It starts with ${min} pages of memory (${min * PAGE_BYTES} bytes), the limit is ${capPages}`,
      "Raise memory_mb in the function's settings",
    );
  }
  content.byte(HAS_MAX);
  content.unsigned(min);
  content.unsigned(Math.min(max, capPages));
}

/** The table section with each table bounded. */
export function cappedTables(
  bytes: Uint8Array,
  reader: BinaryReader,
  capElements: number,
): ByteWriter {
  const content = new ByteWriter();
  const count = reader.unsigned();
  content.unsigned(count);
  for (let n = 0; n < count; n += 1) writeTable(content, bytes, reader, capElements);
  return content;
}

function writeTable(
  content: ByteWriter,
  bytes: Uint8Array,
  reader: BinaryReader,
  capElements: number,
): void {
  const start = reader.at;
  const type = reader.byte();
  if (type === HAS_INITIAL_VALUE) {
    throw runtimeErrors.invalid_function("It uses a table with an initial value");
  }
  if (type === 0x63 || type === 0x64) reader.skipNumber(5);
  content.bytes(bytes.subarray(start, reader.at));
  const flags = reader.byte();
  if (flags & ~HAS_MAX) throw runtimeErrors.invalid_function("It uses a shared or 64-bit table");
  const min = reader.unsigned();
  const max = flags & HAS_MAX ? reader.unsigned() : capElements;
  if (min > capElements) {
    throw runtimeErrors.invalid_function(
      `It starts with a table of ${min} elements, the limit is ${capElements}`,
    );
  }
  content.byte(HAS_MAX);
  content.unsigned(min);
  content.unsigned(Math.min(max, capElements));
}
