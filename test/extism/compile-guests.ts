/**
 * The guests of `test/fixtures/extism`, compiled by the compilers of the Debian archive (and
 * AssemblyScript's from npm): the same exports in every language, with nothing but the raw ABI.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const SOURCES = "test/fixtures/extism";
const FEATURES = ["--target=wasm32", "-O2", "-nostdlib", "-ffreestanding", "-fno-builtin"];

/** What each is built with; the last argument is the file to write. */
const COMMANDS = {
  c: ["/usr/bin/clang", ...FEATURES, "-Wl,--no-entry", `${SOURCES}/guest.c`, "-o"],
  "c-outside": [
    ...["/usr/bin/clang", ...FEATURES, "-DOUTSIDE", "-Wl,--no-entry", `${SOURCES}/guest.c`, "-o"],
  ],
  "c-reactor": [
    ...["/usr/bin/clang", "--target=wasm32-wasi", "-mexec-model=reactor", "-O2", "-DWASI"],
    ...["-fno-builtin", `${SOURCES}/guest.c`, "-o"],
  ],
  "c-program": [
    ...["/usr/bin/clang", "--target=wasm32-wasi", "-O2", "-DWASI", "-DPROGRAM", "-fno-builtin"],
    ...[`${SOURCES}/guest.c`, "-o"],
  ],
  rust: [
    ...[
      "/usr/bin/rustc",
      "--edition=2021",
      "--crate-type=cdylib",
      "--target=wasm32-unknown-unknown",
    ],
    ...["-Copt-level=2", "-Cstrip=symbols", "-Clinker=/usr/bin/wasm-ld", "-Clinker-flavor=wasm-ld"],
    ...[`${SOURCES}/guest.rs`, "-o"],
  ],
  assemblyscript: [
    ...[process.execPath, "node_modules/assemblyscript/bin/asc.js", "--optimizeLevel", "2"],
    ...["--use", `abort=${SOURCES}/assembly/guest/aborted`, `${SOURCES}/assembly/guest.ts`],
    "--outFile",
  ],
  wat: ["/usr/bin/wat2wasm", `${SOURCES}/guest.wat`, "-o"],
} as const;

export type GuestName = keyof typeof COMMANDS;
export const GUEST_NAMES = Object.keys(COMMANDS) as GuestName[];

export type Guests = Readonly<Record<GuestName, Uint8Array<ArrayBuffer>>>;

/** Takes some seconds; throws what a compiler said. */
export async function compileGuests(): Promise<Guests> {
  const folder = mkdtempSync(join(tmpdir(), "rx-guests-"));
  try {
    const compiled = await Promise.all(GUEST_NAMES.map((name) => compile(folder, name)));
    return Object.fromEntries(compiled) as Guests;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function compile(folder: string, name: GuestName) {
  const file = join(folder, `${name}.wasm`);
  const child = Bun.spawn([...COMMANDS[name], file], { cwd: ROOT, stderr: "pipe" });
  const said = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`${name} was not compiled:\n${said}`);
  return [name, new Uint8Array(readFileSync(file))] as const;
}
