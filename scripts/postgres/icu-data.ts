/**
 * Cuts ICU's data library down to what PostgreSQL uses of it: collation, normalisation and locale
 * names. Full data is 27 MB of which collation needs 4; the rest is calendars, time zones, converters.
 *
 * The data is one symbol inside the library: a header, a table of contents sorted by name, the names,
 * the items. Dropped items are overwritten with zeros (they then compress to nothing) and the table is
 * rewritten in place; nothing moves, so the library stays valid without a linker.
 * Not kept: `brkitr/*`, so `initcap()` under an ICU collation fails.
 */
import { Elf } from "./elf.ts";

const KEPT_TOP_LEVEL = new Set([
  "res_index.res",
  "root.res",
  "pool.res",
  "likelySubtags.res",
  "keyTypeData.res",
  "metadata.res",
  "timezoneTypes.res",
  "numberingSystems.res",
]);
const KEPT_PATTERNS = [
  /^coll\//,
  /\.nrm$/,
  /^(?:lang|region)\/(?:root|res_index|pool)\.res$/,
  /ucadata\.icu$/,
];

/** Whether an item of the data (named without the `icudtNNl/` prefix) is needed by PostgreSQL. */
export function keepsIcuItem(name: string): boolean {
  return KEPT_TOP_LEVEL.has(name) || KEPT_PATTERNS.some((pattern) => pattern.test(name));
}

interface Item {
  readonly name: string;
  readonly nameOffset: number;
  readonly dataOffset: number;
  readonly endOffset: number;
}

/** Zeroes unneeded items in a copy of `libicudata`; the counts are for the build's report. */
export function trimIcuData(library: Uint8Array): {
  bytes: Uint8Array;
  kept: number;
  dropped: number;
} {
  const bytes = library.slice();
  const major = /libicudata\.so\.(\d+)/.exec(new Elf(bytes).soname() ?? "")?.[1];
  if (!major) throw new Error("not an ICU data library");
  const symbol = new Elf(bytes).symbol(`icudt${major}_dat`);
  const data = bytes.subarray(symbol.offset, symbol.offset + symbol.sizeBytes);
  const toc = tableOfContents(data);
  const items = readItems(toc);
  const kept = items.filter((item) => keepsIcuItem(item.name.slice(item.name.indexOf("/") + 1)));
  if (!kept.some((item) => item.name.endsWith("coll/ucadata.icu"))) {
    throw new Error("the ICU data has no collation root: its layout is not the expected one");
  }
  zeroOthers(toc, items, kept);
  writeItems(toc, items.length, kept);
  return { bytes, kept: kept.length, dropped: items.length - kept.length };
}

/** Skips the data header (ICU's udata.h: size in the first two bytes, then the magic da 27). */
function tableOfContents(data: Uint8Array): Uint8Array {
  if (data[2] !== 0xda || data[3] !== 0x27) throw new Error("ICU data header not found");
  return data.subarray((data[0] ?? 0) | ((data[1] ?? 0) << 8));
}

function viewOf(toc: Uint8Array): DataView {
  return new DataView(toc.buffer, toc.byteOffset, toc.byteLength);
}

function readItems(toc: Uint8Array): Item[] {
  const view = viewOf(toc);
  const count = view.getUint32(0, true);
  const decoder = new TextDecoder("latin1");
  return Array.from({ length: count }, (_, i) => {
    const nameOffset = view.getUint32(4 + i * 8, true);
    const endOffset = i + 1 < count ? view.getUint32(4 + (i + 1) * 8 + 4, true) : toc.length;
    return {
      name: decoder.decode(toc.subarray(nameOffset, toc.indexOf(0, nameOffset))),
      nameOffset,
      dataOffset: view.getUint32(4 + i * 8 + 4, true),
      endOffset,
    };
  });
}

function zeroOthers(toc: Uint8Array, items: readonly Item[], kept: readonly Item[]): void {
  const keep = new Set(kept);
  for (const item of items) {
    if (keep.has(item)) continue;
    toc.fill(0, item.dataOffset, item.endOffset);
    toc.fill(0, item.nameOffset, item.nameOffset + item.name.length);
  }
}

function writeItems(toc: Uint8Array, oldCount: number, kept: readonly Item[]): void {
  const view = viewOf(toc);
  toc.fill(0, 4, 4 + oldCount * 8);
  view.setUint32(0, kept.length, true);
  kept.forEach((item, i) => {
    view.setUint32(4 + i * 8, item.nameOffset, true);
    view.setUint32(4 + i * 8 + 4, item.dataOffset, true);
  });
}
