import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { hostTarget } from "../pack-postgres.ts";
import { Elf } from "./elf.ts";
import { keepsIcuItem, trimIcuData } from "./icu-data.ts";
import { postgresPackage } from "./npm-package.ts";

function hostLibrary(): Buffer {
  const target = hostTarget();
  if (!target) throw new Error("needs Linux with glibc");
  return readFileSync(join(postgresPackage(target).native, "lib/libicudata.so.60.2"));
}

test("collation, normalisation and locale names are kept, the rest is dropped", () => {
  const kept = ["coll/de.res", "coll/ucadata.icu", "nfkc.nrm", "root.res", "lang/res_index.res"];
  const dropped = [
    "de.res",
    "zone/de.res",
    "ibm-37_P100-1995.cnv",
    "lang/de.res",
    "brkitr/root.res",
  ];
  expect(kept.filter((name) => !keepsIcuItem(name))).toEqual([]);
  expect(dropped.filter(keepsIcuItem)).toEqual([]);
});

test("a library is known by its soname and its data by a symbol", () => {
  const elf = new Elf(hostLibrary());
  expect(elf.soname()).toBe("libicudata.so.60");
  expect(elf.symbol("icudt60_dat").sizeBytes).toBeGreaterThan(20_000_000);
  expect(() => elf.symbol("nothing_of_the_kind")).toThrow("not found");
});

test("trimming changes nothing but the data, and keeps what it keeps byte for byte", () => {
  const full = hostLibrary();
  const { bytes, kept, dropped } = trimIcuData(full);
  const { offset, sizeBytes } = new Elf(full).symbol("icudt60_dat");
  expect(bytes.length).toBe(full.length);
  expect(Buffer.compare(bytes.subarray(0, offset), full.subarray(0, offset))).toBe(0);
  const end = offset + sizeBytes;
  expect(Buffer.compare(bytes.subarray(end), full.subarray(end))).toBe(0);
  expect({ kept, all: kept + dropped }).toEqual({ kept: 177, all: 3525 });
  const different = [];
  // Past the table and the names, every item is either as it was or gone.
  for (let at = offset + 200_000; at < end; at += 16) {
    const isSame = bytes
      .subarray(at, at + 16)
      .every((byte, i) => byte === 0 || byte === full[at + i]);
    if (!isSame) different.push(at);
  }
  expect(different).toEqual([]);
  expect(bytes.subarray(offset, end).filter((byte) => byte !== 0).length).toBeGreaterThan(
    2_000_000,
  );
});

test("a file that is not an ELF file is refused", () => {
  expect(() => trimIcuData(new Uint8Array(100))).toThrow("not a 64-bit little-endian ELF file");
});
