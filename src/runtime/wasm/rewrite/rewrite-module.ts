/**
 * Makes a module safe to run: its memory and tables are bounded, and a word that another thread can set
 * stops it wherever it is. Done once at deploy; what is stored and run is the result.
 *
 * Added are: one page of shared memory behind the module's own, exported as `__reactor_stop`, whose
 * first word is the stop word; checks of it (`rewrite-code.ts`); the start function exported as
 * `__reactor_start` instead of being started, so that a loop in it can be stopped too. Memories are
 * appended, so no index of the module changes. The original must have been validated before: a module
 * that speaks of a memory it does not have would become valid by this one.
 */
import { runtimeErrors } from "../../errors.ts";
import { BinaryReader, readSections, SECTION, type Section } from "../binary.ts";
import { ByteWriter } from "./byte-writer.ts";
import { rewriteCode } from "./rewrite-code.ts";
import { cappedMemories, cappedTables } from "./rewrite-limits.ts";

/** Exports that are ours; a module may not have its own. */
export const RESERVED_PREFIX = "__reactor_";
export const STOP_EXPORT = "__reactor_stop";
export const START_EXPORT = "__reactor_start";

const FUNCTION_KIND = 0;
const MEMORY_KIND = 2;

/** Content of the known sections in the order in which a module must have them (core spec 5.5.16). */
const ORDER: readonly number[] = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];

export interface RewriteLimits {
  /** Linear memory, bytes; rounded down to pages. */
  readonly memoryBytes: number;
  /** Elements of each table. */
  readonly tableElements: number;
}

/**
 * @param bytes a module that `WebAssembly.validate` accepts and `checkModule` does not refuse.
 * Throws `invalid_function` for instructions that are not known, and for limits it starts above.
 */
export function rewriteModule(bytes: Uint8Array, limits: RewriteLimits): Uint8Array<ArrayBuffer> {
  const sections = readSections(bytes);
  const found = (id: number) => sections.find((section) => section.id === id);
  const open = (id: number) => {
    const section = found(id);
    return section ? new BinaryReader(bytes, section.contentStart, section.end) : null;
  };
  const memories = cappedMemories(open(SECTION.memory), limits.memoryBytes);
  const replaced = new Map<number, ByteWriter>([
    [SECTION.memory, memories.content],
    [SECTION.export, exportsOf(bytes, found(SECTION.export), memories.index, startOf(open))],
  ]);
  const tables = open(SECTION.table);
  if (tables) replaced.set(SECTION.table, cappedTables(bytes, tables, limits.tableElements));
  const code = open(SECTION.code);
  if (code) {
    const facts = { parameterCounts: parameterCounts(open), memoryIndex: memories.index };
    replaced.set(
      SECTION.code,
      refusing(() => rewriteCode(bytes, code, facts)),
    );
  }
  return assemble(bytes, sections, replaced);
}

type Open = (id: number) => BinaryReader | null;

/** Index of the start function, or null. */
function startOf(open: Open): number | null {
  return open(SECTION.start)?.unsigned() ?? null;
}

function exportsOf(
  bytes: Uint8Array,
  section: Section | undefined,
  memoryIndex: number,
  start: number | null,
): ByteWriter {
  const result = new ByteWriter();
  const reader = section ? new BinaryReader(bytes, section.contentStart, section.end) : null;
  result.unsigned((reader?.unsigned() ?? 0) + (start === null ? 1 : 2));
  if (section && reader) result.bytes(bytes.subarray(reader.at, section.end));
  result.name(STOP_EXPORT);
  result.byte(MEMORY_KIND);
  result.unsigned(memoryIndex);
  if (start !== null) {
    result.name(START_EXPORT);
    result.byte(FUNCTION_KIND);
    result.unsigned(start);
  }
  return result;
}

/** Of the module's own functions. Types are plain function types: `inspectModule` refused others. */
function parameterCounts(open: Open): number[] {
  const types = list(open(SECTION.type), (reader) => {
    reader.byte();
    const parameters = list(reader, skipValueType).length;
    list(reader, skipValueType);
    return parameters;
  });
  return list(open(SECTION.function), (reader) => types[reader.unsigned()] ?? 0);
}

function skipValueType(reader: BinaryReader): void {
  const type = reader.byte();
  if (type === 0x63 || type === 0x64) reader.skipNumber(5);
}

function list<T>(reader: BinaryReader | null, read: (reader: BinaryReader) => T): T[] {
  if (!reader) return [];
  const count = reader.unsigned();
  const items: T[] = [];
  for (let n = 0; n < count; n += 1) items.push(read(reader));
  return items;
}

function refusing<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw runtimeErrors.invalid_function(error.message);
  }
}

/** Known sections in their order, each replaced or as it was; custom ones behind, where they may stand. */
function assemble(
  bytes: Uint8Array,
  sections: readonly Section[],
  replaced: ReadonlyMap<number, ByteWriter>,
): Uint8Array<ArrayBuffer> {
  const size = [...replaced.values()].reduce((sum, { length }) => sum + length, bytes.length);
  const result = new ByteWriter(size + 1_024);
  result.bytes(bytes.subarray(0, 8));
  for (const id of ORDER) {
    if (id === SECTION.start) continue;
    const section = sections.find((candidate) => candidate.id === id);
    const content = replaced.get(id);
    if (content) {
      result.byte(id);
      result.sized(content);
    } else if (section) result.bytes(bytes.subarray(section.start, section.end));
  }
  for (const section of sections) {
    if (section.id === 0 && isKept(bytes, section)) {
      result.bytes(bytes.subarray(section.start, section.end));
    }
  }
  return result.take();
}

/** Names make traps readable. What points at code by offset is wrong now, and of no use to a server. */
function isKept(bytes: Uint8Array, section: Section): boolean {
  const name = new BinaryReader(bytes, section.contentStart, section.end).name();
  return name === "name" || name === "producers" || name === "target_features";
}
