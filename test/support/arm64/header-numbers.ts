/** The jail's numbers of system calls against those of the kernel's own headers. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { architecture } from "../../../src/shared/linux/syscalls.ts";

const HEADER = "usr/include/asm-generic/unistd.h";
/** Those that differ between 32 and 64 bits have the second form. */
const NUMBER = /^#define __NR(?:3264)?_(\w+)\s+(\d+)$/gm;

export interface HeaderNumbers {
  /** How many the headers have too; later kernels have more. */
  readonly known: number;
  /** Calls whose number is another one there, or that we think there are not. */
  readonly wrong: readonly string[];
}

/** @param root folder with `linux-libc-dev` in it */
export function compareNumbers(root: string): HeaderNumbers {
  const text = readFileSync(join(root, HEADER), "utf8");
  const theirs = new Map([...text.matchAll(NUMBER)].map(([, name, number]) => [name, number]));
  const ours = Object.entries(architecture("arm64")?.numbers ?? {});
  const both = ours.filter(([name]) => theirs.has(name));
  const wrong = both.filter(([name, number]) => Number(theirs.get(name)) !== number);
  return { known: both.length, wrong: wrong.map(([name]) => `${name} is ${theirs.get(name)}`) };
}
