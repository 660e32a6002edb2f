/**
 * Bounds a module's linear memory by writing the limit into the module itself: `memory.grow` past it
 * answers -1 as specified. Nothing outside the module can do that (the Extism SDK's `maxPages` counts
 * host blocks only). The WASM host calls it before it compiles; the rewriter will take it in.
 */
import { runtimeErrors } from "../errors.ts";
import { BinaryReader, encodeUnsigned, readSections, replaceSection, SECTION } from "./binary.ts";

export const PAGE_BYTES = 65_536;
const HAS_MAX = 0x01;
const IS_64_BIT = 0x04;

/**
 * The module with every own memory's maximum at most `memoryBytes`, rounded down to pages. Throws
 * `invalid_function` when it starts with more than that, or has a 64-bit memory.
 */
export function capMemory(bytes: Uint8Array, memoryBytes: number): Uint8Array<ArrayBuffer> {
  const section = readSections(bytes).find(({ id }) => id === SECTION.memory);
  if (!section) return new Uint8Array(bytes);
  const capPages = Math.floor(memoryBytes / PAGE_BYTES);
  const reader = new BinaryReader(bytes, section.contentStart, section.end);
  const count = reader.unsigned();
  const content = encodeUnsigned(count);
  for (let n = 0; n < count; n += 1) content.push(...cappedLimits(reader, capPages));
  return replaceSection(bytes, section, content);
}

function cappedLimits(reader: BinaryReader, capPages: number): number[] {
  const flags = reader.byte();
  if (flags & IS_64_BIT) throw runtimeErrors.invalid_function("It uses a 64-bit memory");
  const min = reader.unsigned();
  const max = flags & HAS_MAX ? reader.unsigned() : capPages;
  if (min > capPages) {
    throw runtimeErrors.invalid_function(
      `It starts with ${min} pages of memory (${min * PAGE_BYTES} bytes), the limit is ${capPages}`,
      "Raise memory_bytes in the function's settings",
    );
  }
  const capped = Math.min(max, capPages);
  return [flags | HAS_MAX, ...encodeUnsigned(min), ...encodeUnsigned(capped)];
}
