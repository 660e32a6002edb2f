/** The project of hostile functions, ready to be deployed, and the open address that they may reach. */
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import type { Target } from "../fixtures/hostile/guests/target.ts";
import { wasmGuest, wasmStartLoop } from "./wasm-guest.ts";

const FIXTURE = resolve(import.meta.dir, "../fixtures/hostile");
const BOMB_BYTES = 1 << 30;

export type { Target };

/** Writes the project into `folder`. */
export function writeProject(folder: string): void {
  cpSync(FIXTURE, folder, { recursive: true });
  for (const [name, bytes] of [
    ["wasm", wasmGuest()],
    ["wasm-start", wasmStartLoop()],
  ] as const) {
    mkdirSync(join(folder, "functions", name), { recursive: true });
    writeFileSync(join(folder, "functions", name, `${name}.wasm`), bytes);
  }
}

/** One of the functions as one ES module. */
export async function bundleGuest(name: string): Promise<string> {
  const { outputs } = await Bun.build({
    entrypoints: [join(FIXTURE, `functions/${name}.ts`)],
    target: "bun",
    external: ["reactor"],
  });
  const [bundle] = outputs;
  if (!bundle) throw new Error(`${name} was not bundled`);
  return await bundle.text();
}

/** A web server on 127.0.0.2: redirects, echoes its Host, and sends 1 GiB as 1 MiB of gzip. */
export function startWeb(): Bun.Server<undefined> {
  let bomb: Uint8Array<ArrayBuffer> | undefined;
  return Bun.serve({
    hostname: "127.0.0.2",
    port: 0,
    fetch(request) {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname === "/redirect") {
        return new Response(null, {
          status: 302,
          headers: { location: searchParams.get("to") ?? "" },
        });
      }
      if (pathname === "/host") return new Response(request.headers.get("host"));
      bomb ??= new Uint8Array(gzipSync(new Uint8Array(BOMB_BYTES), { level: 1 }));
      return new Response(bomb, { headers: { "content-encoding": "gzip" } });
    },
  });
}
