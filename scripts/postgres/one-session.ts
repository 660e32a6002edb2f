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

interface Machine {
  /** `e_machine`. */
  readonly number: number;
  /** `if (setpgid(0, 0) == 0) return getpid()`, by system calls alone. What they fail with is below 0. */
  readonly setsid: Uint8Array;
  /**
   * What the loader calls with (argc, argv, envp): takes the variable out that begins with `LD_P`, so that
   * programs which PostgreSQL runs do not look for the library.
   */
  readonly init: Uint8Array;
}

const X64: Machine = {
  number: 62,
  setsid: Uint8Array.of(
    ...[0x31, 0xff], // xor edi, edi
    ...[0x31, 0xf6], // xor esi, esi
    ...[0xb8, 109, 0, 0, 0], // mov eax, setpgid
    ...[0x0f, 0x05], // syscall
    ...[0x85, 0xc0], // test eax, eax
    ...[0x75, 0x07], // jne to ret
    ...[0xb8, 39, 0, 0, 0], // mov eax, getpid
    ...[0x0f, 0x05], // syscall
    0xc3, // ret
  ),
  init: Uint8Array.of(
    ...[0x48, 0x8b, 0x02], // next: mov rax, [rdx]
    ...[0x48, 0x85, 0xc0], // test rax, rax
    ...[0x74, 0x1e], // je to ret
    ...[0x81, 0x38, 0x4c, 0x44, 0x5f, 0x50], // cmp dword [rax], "LD_P"
    ...[0x74, 0x06], // je found
    ...[0x48, 0x83, 0xc2, 8], // add rdx, 8
    ...[0xeb, 0xea], // jmp next
    ...[0x48, 0x8b, 0x42, 8], // found: mov rax, [rdx + 8]
    ...[0x48, 0x89, 0x02], // mov [rdx], rax
    ...[0x48, 0x83, 0xc2, 8], // add rdx, 8
    ...[0x48, 0x85, 0xc0], // test rax, rax
    ...[0x75, 0xf0], // jne found
    0xc3, // ret
  ),
};

const ARM64: Machine = {
  number: 183,
  setsid: words(
    0xd2800000, // mov x0, 0
    0xd2800001, // mov x1, 0
    0xd2801348, // mov x8, setpgid (154)
    0xd4000001, // svc 0
    0xb5000060, // cbnz x0, to ret
    0xd2801588, // mov x8, getpid (172)
    0xd4000001, // svc 0
    0xd65f03c0, // ret
  ),
  init: words(
    0xf9400043, // next: ldr x3, [x2]
    0xb4000163, // cbz x3, to ret
    0xb9400064, // ldr w4, [x3]
    0x52888985, // mov w5, 0x444c
    0x72aa0be5, // movk w5, 0x505f, lsl 16: "LD_P"
    0x6b05009f, // cmp w4, w5
    0x54000060, // b.eq found
    0x91002042, // add x2, x2, 8
    0x17fffff8, // b next
    0xf9400443, // found: ldr x3, [x2, 8]
    0xf8008443, // str x3, [x2], 8
    0xb5ffffc3, // cbnz x3, found
    0xd65f03c0, // ret
  ),
};

const MACHINES: Readonly<Record<PostgresTarget, Machine>> = {
  "linux-x64": X64,
  "linux-arm64": ARM64,
};

/** The largest page of a supported kernel: segments with different rights never share one. */
const PAGE_BYTES = 0x10000;
const HEADER_BYTES = 64;
const SEGMENT_BYTES = 56;
const SYMBOL_BYTES = 24;
const READ_WRITE = 6;
const READ_EXECUTE = 5;

/** The file, less than a kilobyte. */
export function oneSessionLibrary(target: PostgresTarget): Uint8Array {
  const { number, setsid, init } = MACHINES[target];
  const names = Buffer.from("\0setsid\0reactor-one-session.so\0");
  const hashAt = HEADER_BYTES + 4 * SEGMENT_BYTES;
  // One bucket that begins with symbol 1; nothing follows it.
  const hash = words(1, 2, 1, 0, 0, 0);
  const symbolsAt = hashAt + hash.length;
  const namesAt = symbolsAt + 2 * SYMBOL_BYTES;
  const codeAt = aligned(namesAt + names.length, 16);
  const symbols = Buffer.concat([new Uint8Array(SYMBOL_BYTES), symbol(codeAt, setsid.length)]);
  const initAt = aligned(codeAt + setsid.length, 16);
  const codeEnd = initAt + init.length;
  const dynamicAt = aligned(codeEnd, 8);
  const dynamic = quads(
    ...[4, hashAt], // DT_HASH
    ...[5, namesAt], // DT_STRTAB
    ...[6, symbolsAt], // DT_SYMTAB
    ...[10, names.length], // DT_STRSZ
    ...[11, SYMBOL_BYTES], // DT_SYMENT
    ...[12, initAt], // DT_INIT
    ...[14, names.indexOf("reactor")], // DT_SONAME
    ...[0, 0],
  );
  // The loader of older systems writes into the dynamic section.
  const dynamicAddress = PAGE_BYTES + dynamicAt;
  const segments = [
    segment(1, READ_EXECUTE, { at: 0, address: 0, sizeBytes: codeEnd }),
    segment(1, READ_WRITE, { at: dynamicAt, address: dynamicAddress, sizeBytes: dynamic.length }),
    segment(2, READ_WRITE, { at: dynamicAt, address: dynamicAddress, sizeBytes: dynamic.length }),
    // PT_GNU_STACK: without it the loader would make stacks executable.
    segment(0x6474e551, READ_WRITE, { at: 0, address: 0, sizeBytes: 0 }),
  ];
  const file = Buffer.alloc(dynamicAt + dynamic.length);
  file.set(Buffer.concat([header(number, segments.length), ...segments, hash, symbols, names]));
  file.set(setsid, codeAt);
  file.set(init, initAt);
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
  const bytes = Buffer.alloc(SYMBOL_BYTES);
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
