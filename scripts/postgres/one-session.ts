/**
 * The library that PostgreSQL is started with (`LD_PRELOAD`, ld.so(8)). Each of PostgreSQL's processes calls
 * `setsid` so as to lead a process group, by which it is signalled. But to Linux a session is also a group
 * of the scheduler (sched(7), "The autogroup feature"): a connection that is seldom used waited up to
 * 0.7 s for a processor. Its `setsid` makes the process group, and no session
 * (`docs/decisions/0016-who-runs-first.md`).
 *
 * Written as bytes, because the build has no compiler and packs for another architecture as well:
 * a shared object (System V gABI, chapters 4 and 5) with one symbol and no section headers.
 */
import type { PostgresTarget } from "./npm-package.ts";

/** Where it lies in the server archive; `src/postgres/embedded/postmaster.ts` names it. */
export const ONE_SESSION_PATH = "lib/reactor-one-session.so";

/** `if (setpgid(0, 0) == 0) return getpid()`, by system calls alone. What they fail with is below 0. */
const X64 = Uint8Array.of(
  ...[0x31, 0xff], // xor edi, edi
  ...[0x31, 0xf6], // xor esi, esi
  ...[0xb8, 109, 0, 0, 0], // mov eax, setpgid
  ...[0x0f, 0x05], // syscall
  ...[0x85, 0xc0], // test eax, eax
  ...[0x75, 0x07], // jne to ret
  ...[0xb8, 39, 0, 0, 0], // mov eax, getpid
  ...[0x0f, 0x05], // syscall
  0xc3, // ret
);
const ARM64 = words(
  0xd2800000, // mov x0, 0
  0xd2800001, // mov x1, 0
  0xd2801348, // mov x8, setpgid (154)
  0xd4000001, // svc 0
  0xb5000060, // cbnz x0, to ret
  0xd2801588, // mov x8, getpid (172)
  0xd4000001, // svc 0
  0xd65f03c0, // ret
);

const MACHINES = {
  "linux-x64": { number: 62, code: X64 },
  "linux-arm64": { number: 183, code: ARM64 },
} as const;

/** The largest page of a supported kernel: segments with different rights never share one. */
const PAGE_BYTES = 0x10000;
const HEADER_BYTES = 64;
const SEGMENT_BYTES = 56;
const READ_WRITE = 6;
const READ_EXECUTE = 5;

/** The file, less than a kilobyte. */
export function oneSessionLibrary(target: PostgresTarget): Uint8Array {
  const { number, code } = MACHINES[target];
  const names = Buffer.from("\0setsid\0reactor-one-session.so\0");
  const hashAt = HEADER_BYTES + 4 * SEGMENT_BYTES;
  // One bucket that begins with symbol 1; nothing follows it.
  const hash = words(1, 2, 1, 0, 0, 0);
  const symbolsAt = hashAt + hash.length;
  const namesAt = symbolsAt + 2 * 24;
  const codeAt = aligned(namesAt + names.length, 16);
  const symbols = Buffer.concat([new Uint8Array(24), symbol(codeAt, code.length)]);
  const dynamicAt = aligned(codeAt + code.length, 8);
  const dynamic = quads(
    ...[4, hashAt], // DT_HASH
    ...[5, namesAt], // DT_STRTAB
    ...[6, symbolsAt], // DT_SYMTAB
    ...[10, names.length], // DT_STRSZ
    ...[11, 24], // DT_SYMENT
    ...[14, names.indexOf("reactor")], // DT_SONAME
    ...[0, 0],
  );
  // The loader of older systems writes into the dynamic section.
  const dynamicAddress = PAGE_BYTES + dynamicAt;
  const segments = [
    segment(1, READ_EXECUTE, { at: 0, address: 0, sizeBytes: codeAt + code.length }),
    segment(1, READ_WRITE, { at: dynamicAt, address: dynamicAddress, sizeBytes: dynamic.length }),
    segment(2, READ_WRITE, { at: dynamicAt, address: dynamicAddress, sizeBytes: dynamic.length }),
    // PT_GNU_STACK: without it the loader would make stacks executable.
    segment(0x6474e551, READ_WRITE, { at: 0, address: 0, sizeBytes: 0 }),
  ];
  const file = Buffer.alloc(dynamicAt + dynamic.length);
  file.set(Buffer.concat([header(number, segments.length), ...segments, hash, symbols, names]));
  file.set(code, codeAt);
  file.set(dynamic, dynamicAt);
  return file;
}

/** ELF header: 64-bit, little-endian, a shared object without section headers. */
function header(machine: number, segments: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.writeUInt16LE(3, 16);
  bytes.writeUInt16LE(machine, 18);
  bytes.writeUInt32LE(1, 20);
  bytes.writeUInt32LE(HEADER_BYTES, 32);
  bytes.writeUInt16LE(HEADER_BYTES, 52);
  bytes.writeUInt16LE(SEGMENT_BYTES, 54);
  bytes.writeUInt16LE(segments, 56);
  return bytes;
}

function segment(
  type: number,
  rights: number,
  { at, address, sizeBytes }: { at: number; address: number; sizeBytes: number },
): Buffer {
  const place = quads(at, address, address, sizeBytes, sizeBytes, type === 1 ? PAGE_BYTES : 8);
  return Buffer.concat([words(type, rights), place]);
}

/** A global function in some section: 0 would say that it is somebody else's. */
function symbol(address: number, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(24);
  bytes.writeUInt32LE(1, 0);
  bytes.set([0x12, 0, 1, 0], 4);
  bytes.writeBigUInt64LE(BigInt(address), 8);
  bytes.writeBigUInt64LE(BigInt(sizeBytes), 16);
  return bytes;
}

function words(...values: number[]): Buffer {
  return Buffer.from(Uint32Array.from(values).buffer);
}

function quads(...values: number[]): Buffer {
  return Buffer.from(BigUint64Array.from(values, BigInt).buffer);
}

function aligned(at: number, to: number): number {
  return Math.ceil(at / to) * to;
}
