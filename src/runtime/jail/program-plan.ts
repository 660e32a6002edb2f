/**
 * Whether programs that are not ours can be run here, and how: each with its host in namespaces of its
 * own, as root in ones that root makes, as an ordinary user in ones that belong to a user namespace.
 * A threaded process cannot make itself one, so util-linux's `unshare` is asked to.
 */
import { existsSync } from "node:fs";
import type { JailPlan } from "./jail-plan.ts";

export interface ProgramPlan {
  /** Before the command; null: they cannot be run. */
  readonly prefix: readonly string[] | null;
  /** Why not, a sentence; empty when they can. */
  readonly reason: string;
}

const TOOLS = ["/usr/bin/unshare", "/bin/unshare", "/usr/local/bin/unshare"];
/** With the first process inside ends everything inside; with the tool ends the first process. */
const NAMESPACES = "--fork --kill-child --pid --net --ipc --uts --mount --mount-proc".split(" ");
const OF_USERS = ["--user", "--map-root-user"];
const SHELL = "/bin/sh";

/** Tries it, which takes some milliseconds. */
export async function planPrograms(jail: JailPlan): Promise<ProgramPlan> {
  const refused = (reason: string): ProgramPlan => ({ prefix: null, reason });
  if (!jail.landlock) return refused("The jail has no Landlock here, so it would not hold");
  const isRoot = process.geteuid?.() === 0;
  if (isRoot && (jail.firstUid === null || !jail.namespaces)) {
    return refused(
      "The server is root but cannot give processes users and namespaces of their own",
    );
  }
  // Without it nobody could say what a program and its processes use.
  if (!existsSync(`/proc/self/task/${process.pid}/children`)) {
    return refused("The kernel does not list the children of processes (CONFIG_PROC_CHILDREN)");
  }
  const tool = TOOLS.find((path) => existsSync(path));
  if (!tool) return refused("There is no `unshare` of util-linux");
  const prefix = [tool, ...(isRoot ? [] : OF_USERS), ...NAMESPACES, "--"];
  const tried = Bun.spawn([...prefix, SHELL, "-c", ":"], {
    env: {},
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const said = await new Response(tried.stderr).text();
  if ((await tried.exited) === 0) return { prefix, reason: "" };
  return refused(`Namespaces cannot be made: ${said.trim().slice(0, 200) || "unshare failed"}`);
}
