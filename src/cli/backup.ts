/** `reactor backup`: an online backup of the whole server in one file. */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { CliError } from "./cli-error.ts";
import { type Command, type CommandContext, targetOptions } from "./command.ts";
import { sizeText } from "./output.ts";
import type { Progress } from "./progress.ts";
import { connect, networkFailure, refusal, type ServerClient } from "./server-client.ts";

export const command: Command = {
  name: "backup",
  summary: "Save rows, functions, vault and configuration to one file",
  usage: "[options] [FILE]",
  details:
    "The server keeps running. The file holds secrets: it is readable by you only. It appears under\nits name when it is whole.",
  options: { force: { description: "Replace an existing file" }, ...targetOptions },
  args: [0, 1],
  examples: [
    { run: "reactor backup", what: "reactor-<time>.backup in this folder" },
    { run: "reactor backup --context prod prod.backup", what: "of a saved server" },
  ],
  async run(context) {
    const { host, out } = context;
    const path = resolve(host.cwd, context.args[0] ?? defaultName(host.clock.now()));
    if (existsSync(path) && !context.has("force")) {
      throw new CliError("user", "file_exists", `${path} exists`, "Replace it with --force");
    }
    const client = await connect(context);
    const progress = out.progress("Backing up");
    try {
      const bytes = await download(context, client, path, progress);
      progress.end();
      out.result({ file: path, size_bytes: bytes }, `Wrote ${path} (${sizeText(bytes)})`);
      return 0;
    } finally {
      progress.end();
    }
  },
};

function defaultName(nowMs: number): string {
  const stamp = new Date(nowMs).toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-");
  return `reactor-${stamp}.backup`;
}

async function download(
  context: CommandContext,
  client: ServerClient,
  path: string,
  progress: Progress,
): Promise<number> {
  const response = await client.send("/_admin/backup", { isLong: true });
  if (!response.ok || !response.body) throw await refusal(response);
  const expected = response.headers.get("content-length");
  const draft = `${path}.part`;
  rmSync(draft, { force: true });
  const fd = open(draft);
  let size = 0;
  try {
    for await (const chunk of response.body) {
      size += writeAll(fd, chunk);
      progress.update(sizeText(size));
    }
    if (expected !== null && Number(expected) !== size) throw new Error("the answer was cut off");
    fsyncSync(fd);
    closeSync(fd);
    renameSync(draft, path);
    return size;
  } catch (error) {
    rmSync(draft, { force: true });
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOSPC" || code === "EIO") {
      throw new CliError("user", "file_unwritable", `${path} cannot be written (${code})`);
    }
    if (context.host.terminal.interrupted.aborted) {
      throw new CliError("user", "interrupted", "Interrupted; nothing was kept");
    }
    throw networkFailure(client.target, error);
  }
}

function open(path: string): number {
  try {
    return openSync(path, "wx", 0o600);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? "unwritable";
    throw new CliError("user", "file_unwritable", `${path} cannot be written (${reason})`);
  }
}

function writeAll(fd: number, chunk: Uint8Array): number {
  let offset = 0;
  while (offset < chunk.byteLength) offset += writeSync(fd, chunk, offset);
  return offset;
}
