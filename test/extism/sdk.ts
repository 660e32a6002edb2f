/**
 * What the unchanged `@extism/extism` answers, from a process of its own: a guest that exits takes the
 * process with it, and what it prints goes to the process's own output.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SdkOrder {
  readonly module: string;
  readonly config: Readonly<Record<string, string>>;
  readonly wasi: boolean;
  /** Hosts that `http_request` may ask; it works in the SDK's worker only. */
  readonly hosts: readonly string[] | null;
  readonly calls: readonly { readonly name: string; readonly input: string }[];
}

/** Bytes are hexadecimal. */
export interface SdkAnswer {
  readonly output?: string;
  readonly error?: string;
  readonly logs: readonly (readonly [level: string, text: string])[];
}

export interface SdkRun {
  /** Of the calls up to the one that ended the process. */
  readonly answers: readonly SdkAnswer[];
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function askSdk(bytes: Uint8Array, order: Omit<SdkOrder, "module">): Promise<SdkRun> {
  const folder = mkdtempSync(join(tmpdir(), "rx-sdk-"));
  try {
    const [module, file, answers] = ["m.wasm", "order", "answers"].map((n) => join(folder, n)) as [
      string,
      string,
      string,
    ];
    writeFileSync(module, bytes);
    writeFileSync(file, JSON.stringify({ ...order, module }));
    writeFileSync(answers, "");
    const child = Bun.spawn(
      [process.execPath, join(import.meta.dir, "sdk-child.ts"), file, answers],
      { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
    );
    const [stdout, stderr] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    const exitCode = await child.exited;
    const lines = readFileSync(answers, "utf8").split("\n").filter(Boolean);
    return {
      answers: lines.map((line) => JSON.parse(line) as SdkAnswer),
      exitCode,
      stdout,
      stderr,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
