/**
 * What a program and all that it has started use. Between the server and the program stand the tool that
 * made its namespaces and its host, both ours; they are not counted.
 */
import { readdirSync, readFileSync } from "node:fs";
import { type ProcessUsage, processUsage } from "./process-usage.ts";

/** More than that is not looked at: there may not be as many. */
const PROCESSES_MAX = 1_000;

/** @param tool pid of what the server has started. Pages that processes share count for each of them. */
export function programUsage(tool: number): ProcessUsage {
  const hosts = childrenOf(tool);
  const found: number[] = [];
  let next = hosts.flatMap(childrenOf);
  while (next.length > 0 && found.length < PROCESSES_MAX) {
    found.push(...next);
    next = next.flatMap(childrenOf);
  }
  const all = found.map(processUsage);
  return {
    memoryBytes: all.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    threads: all.reduce((sum, { threads }) => sum + threads, 0),
    cpuMs: all.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
  };
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1").split(" ").flatMap(idOf),
    );
  } catch {
    // It has ended meanwhile.
    return [];
  }
}

const idOf = (text: string) => (/^\d+$/.test(text) ? [Number(text)] : []);
