/** The process's own terminal, as `main` gives it to the command line. */
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Terminal, TextIn, TextOut } from "./host.ts";
import { openPrompt } from "./prompt.ts";

export function systemTerminal(): Terminal {
  const interruption = new AbortController();
  // Only what listens to it ends early; without a listener Ctrl-C keeps its usual meaning.
  process.once("SIGINT", () => interruption.abort(new Error("interrupted")));
  return {
    stdout: textOut(1, process.stdout.isTTY),
    stderr: textOut(2, process.stderr.isTTY),
    stdin: textIn(),
    interrupted: interruption.signal,
  };
}

/** Synchronous, so that nothing is lost when the process exits right after. */
function textOut(fd: number, isTerminal: boolean | undefined): TextOut {
  return {
    isTerminal: isTerminal === true,
    write(text) {
      const bytes = typeof text === "string" ? Buffer.from(text) : text;
      let offset = 0;
      while (offset < bytes.byteLength) {
        try {
          offset += writeSync(fd, bytes, offset);
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          // A reader that has seen enough (`| head`) is no failure of ours.
          if (code === "EPIPE") return;
          if (code !== "EAGAIN") throw error;
        }
      }
    },
  };
}

function textIn(): TextIn {
  return {
    isTerminal: process.stdin.isTTY === true,
    readAll: () => Bun.stdin.bytes(),
    prompt: openPrompt,
    ask,
    readSecret,
  };
}

/** Empty at the end of input. */
function ask(prompt: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  lines.question(prompt, (answer) => {
    resolve(answer);
    lines.close();
  });
  lines.on("close", () => resolve(""));
  return promise;
}

const CTRL_C = "\u0003";
const CTRL_D = "\u0004";
const ERASE = /[\u007f\b]/;

function readSecret(prompt: string): Promise<string> {
  const { stdin } = process;
  process.stderr.write(prompt);
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  stdin.resume();
  return new Promise((resolve) => {
    let text = "";
    const end = (answer: string) => {
      stdin.off("data", onData);
      stdin.setRawMode(false);
      stdin.pause();
      process.stderr.write("\n");
      resolve(answer);
    };
    const onData = (chunk: string) => {
      for (const char of chunk) {
        if (char === CTRL_C) return end("");
        if (char === "\r" || char === "\n" || char === CTRL_D) return end(text);
        text = ERASE.test(char) ? text.slice(0, -1) : text + char;
      }
    };
    stdin.on("data", onData);
  });
}
