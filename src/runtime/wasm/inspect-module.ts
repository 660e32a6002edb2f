/** What a module asks for and offers, read from its bytes: the basis of the checks and of the export rule. */
import { BinaryReader, readSections, SECTION } from "./binary.ts";

export interface ModuleImport {
  readonly module: string;
  readonly name: string;
  readonly kind: "function" | "table" | "memory" | "global" | "tag";
  /** Of a function, as `import-signatures.ts` writes it. */
  readonly signature: string | null;
}

export interface ModuleShape {
  readonly imports: readonly ModuleImport[];
  /** Exported functions that take nothing and return nothing or one i32: what Extism can call. */
  readonly callable: readonly string[];
  readonly memories: number;
  /** True when a memory is 64-bit. */
  readonly memory64: boolean;
  readonly exportNames: readonly string[];
}

const LETTERS: Readonly<Record<number, string>> = {
  ...{ 127: "i", 126: "I", 125: "f", 124: "F", 123: "v" },
};
const CALLABLE: ReadonlySet<string | undefined> = new Set([">", ">i"]);
const FUNCTION_TYPE = 0x60;
const KINDS = ["function", "table", "memory", "global", "tag"] as const;
/** Called by the host at the right moment, never by name. */
const LIFECYCLE: ReadonlySet<string> = new Set(["_start", "_initialize", "hs_init", "hs_exit"]);

/** Throws a RangeError for what this reader does not know (GC types, components). */
export function inspectModule(bytes: Uint8Array): ModuleShape {
  const sections = readSections(bytes);
  const open = (id: number) => {
    const section = sections.find((candidate) => candidate.id === id);
    return section ? new BinaryReader(bytes, section.contentStart, section.end) : null;
  };
  const types = list(open(SECTION.type), readType);
  const imports = list(open(SECTION.import), readImport);
  const own = list(open(SECTION.function), (reader) => reader.unsigned());
  const functionTypes = [...imports.flatMap((i) => (i.type === null ? [] : [i.type])), ...own];
  const memoryFlags = list(open(SECTION.memory), readMemoryFlags);
  const exports = list(open(SECTION.export), readExport);
  const isCallable = (index: number) => CALLABLE.has(types[functionTypes[index] ?? -1]);
  return {
    imports: imports.map(({ type, ...found }) => ({
      ...found,
      signature: types[type ?? -1] ?? null,
    })),
    callable: exports
      .filter((e) => e.kind === 0 && isCallable(e.index) && !LIFECYCLE.has(e.name))
      .map((e) => e.name),
    memories: memoryFlags.length,
    memory64: memoryFlags.some((flags) => (flags & 0x04) !== 0),
    exportNames: exports.map((e) => e.name),
  };
}

function list<T>(reader: BinaryReader | null, read: (reader: BinaryReader) => T): T[] {
  if (!reader) return [];
  const count = reader.unsigned();
  const items: T[] = [];
  for (let n = 0; n < count; n += 1) items.push(read(reader));
  return items;
}

function readType(reader: BinaryReader): string {
  if (reader.byte() !== FUNCTION_TYPE) throw new RangeError("It uses garbage-collected types");
  const letters = () => list(reader, readValueType).map((type) => LETTERS[type] ?? "?");
  return `${letters().join("")}>${letters().join("")}`;
}

function readValueType(reader: BinaryReader): number {
  const type = reader.byte();
  if (type === 0x63 || type === 0x64) reader.unsigned();
  return type;
}

type ReadImport = Omit<ModuleImport, "signature"> & { readonly type: number | null };

function readImport(reader: BinaryReader): ReadImport {
  const module = reader.name();
  const name = reader.name();
  const kind = KINDS[reader.byte()];
  if (!kind) throw new RangeError(`The import ${module}.${name} is of an unknown kind`);
  if (kind === "function") return { module, name, kind, type: reader.unsigned() };
  if (kind === "table") readValueType(reader);
  if (kind === "table" || kind === "memory") readLimits(reader);
  if (kind === "global") {
    readValueType(reader);
    reader.byte();
  }
  if (kind === "tag") {
    reader.byte();
    reader.unsigned();
  }
  return { module, name, kind, type: null };
}

function readLimits(reader: BinaryReader): number {
  const flags = reader.byte();
  reader.unsigned();
  if (flags & 1) reader.unsigned();
  return flags;
}

function readMemoryFlags(reader: BinaryReader): number {
  return readLimits(reader);
}

function readExport(reader: BinaryReader): { name: string; kind: number; index: number } {
  return { name: reader.name(), kind: reader.byte(), index: reader.unsigned() };
}
