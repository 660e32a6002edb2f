/** The functions of a soak: some well-behaved ones of a numbered release, and two that break. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import binaryen from "binaryen";

/** Bytes of a stream's answer. */
export const STREAM_BYTES = 256 * 1024;
export const SPIN_DEADLINE_MS = 300;

const CRASHES = `export default async (request: Request) => {
  switch (await request.text()) {
    case "exit": process.exit(3);
    case "throw": throw new Error("on purpose");
    case "later": setTimeout(() => { throw new Error("after the answer"); }, 1);
  }
  return new Response("well");
};
`;
const SPINS = "export default () => { for (;;); };\n";

const answersOf = (release: number) => `const release = ${release};
export default {
  async fetch(request: Request): Promise<Response> {
    const text = await request.text();
    return Response.json({ release, text, length: text.length });
  },
};
`;

const streamsOf = (release: number) => `const release = ${release};
export default () => {
  let left = ${STREAM_BYTES / 1024};
  const body = new ReadableStream({
    async pull(controller) {
      await Bun.sleep(0);
      if (left-- === 0) return controller.close();
      controller.enqueue(new Uint8Array(1024).fill(release & 0xff));
    },
  });
  return new Response(body, { headers: { "X-Release": String(release) } });
};
`;

/** Answers one byte: the release. */
const wasmOf = (release: number) => `(module
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "store_u8" (func $store_u8 (param i64 i32)))
  (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
  (memory (export "memory") 1)
  (func (export "release") (result i32) (local $to i64)
    (local.set $to (call $alloc (i64.const 1)))
    (call $store_u8 (local.get $to) (i32.const ${release & 0x7f}))
    (call $output_set (local.get $to) (i64.const 1)) (i32.const 0)))`;

const MANIFEST = `[[functions]]
name = "spins"
deadline_ms = ${SPIN_DEADLINE_MS}
`;

/** Writes `release` of the project into `folder`. */
export function writeSoakProject(folder: string, release: number): void {
  const functions = join(folder, "functions");
  mkdirSync(functions, { recursive: true });
  const write = (name: string, text: string | Uint8Array) =>
    writeFileSync(join(functions, name), text);
  write("answers.ts", answersOf(release));
  write("streams.ts", streamsOf(release));
  write("released.wasm", binaryen.parseText(wasmOf(release)).emitBinary());
  if (release > 0) return;
  writeFileSync(join(folder, "reactor.toml"), MANIFEST);
  write("crashes.ts", CRASHES);
  write("spins.ts", SPINS);
}
