/** A program for AWS Lambda's Runtime API, built from C with the machine's compiler, and one for a shell. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { writeZip } from "../../src/core/zip/write-zip.ts";

const SOURCE = resolve(import.meta.dir, "../fixtures/lambda/bootstrap.c");

/** What its `/probe` tries beside the files that it is told, and which of that it may. */
export const PROBES = 25;
export const ALLOWED_PROBES = ["stream pair", "own code", "own tmp", "copy", "run system"];

/** Null where there is no C compiler. */
export const compiler = ["cc", "gcc", "clang"].find((name) => Bun.which(name)) ?? null;

/** Statically linked: needs nothing of the machine. */
export async function buildProgram(): Promise<Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), "reactor-program-"));
  try {
    const program = join(folder, "bootstrap");
    const command = [
      compiler ?? "cc",
      "-O1",
      "-w",
      "-fno-builtin",
      "-static",
      "-o",
      program,
      SOURCE,
    ];
    const built = Bun.spawnSync(command, { stderr: "pipe" });
    if (built.exitCode !== 0) throw new Error(`the program was not built: ${built.stderr}`);
    return readFileSync(program);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function bootstrapZip(
  bootstrap: Uint8Array | string,
  more: Readonly<Record<string, string>> = {},
): Uint8Array {
  const files = Object.entries({ bootstrap, ...more });
  return writeZip(
    files.map(([path, content]) => ({
      path,
      content: Buffer.from(content as string),
      isExecutable: path === "bootstrap",
    })),
  );
}

/** Answers with what `answer.sh`, which lies beside it, prints; the event is in its standard input. */
export const SHELL_BOOTSTRAP = `#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while true; do
  curl -sS -D "$TMPDIR/head" -o "$TMPDIR/event" "$api/invocation/next" || exit 1
  id=$(tr -d '\\r' < "$TMPDIR/head" | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: *//p')
  sh "$LAMBDA_TASK_ROOT/answer.sh" < "$TMPDIR/event" > "$TMPDIR/answer"
  curl -sS --data-binary @"$TMPDIR/answer" "$api/invocation/$id/response" > /dev/null
done
`;

/** Processes whose command line has this text: what a program leaves behind when it can. */
export function processesOf(text: string): number[] {
  const { stdout } = Bun.spawnSync(["ps", "-eo", "pid=,args="]);
  return stdout
    .toString()
    .split("\n")
    .filter((line) => line.includes(text))
    .map((line) => Number.parseInt(line, 10));
}
