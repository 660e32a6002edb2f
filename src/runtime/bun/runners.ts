/**
 * Where the processes of functions come from: a pool of blank runners, or, for a zip, one that is
 * started for its code, because the jail has to know the folder before it closes.
 */
import { join } from "node:path";
import type { FunctionSpec } from "../../core/ports/function-runtime.ts";
import { type BlankPool, createBlankPool } from "../blank-pool.ts";
import { type Child, spawnChild } from "../child.ts";
import { runtimeErrors } from "../errors.ts";
import { type ProgramPlan, planPrograms } from "../jail/program-plan.ts";
import { type CodeFolder, CodeFolders } from "../lambda/code-folders.ts";
import type { FullRuntimeOptions } from "../options.ts";

/** A child that is ready, and the folder of its code where it has one of its own. */
export interface Runner {
  readonly child: Child;
  readonly folder: CodeFolder | null;
}

export class Runners {
  readonly blanks: BlankPool;
  readonly #options: FullRuntimeOptions;
  readonly #folders: CodeFolders;
  #programs: Promise<ProgramPlan> | null = null;

  constructor(options: FullRuntimeOptions) {
    this.#options = options;
    this.#folders = new CodeFolders(join(options.dir, "code"));
    this.blanks = createBlankPool({
      size: options.blanks,
      clock: options.clock,
      logger: options.logger,
      spawn: () => spawnChild(options, { role: "__fn-runner" }),
    });
  }

  /** Rejects when none could be started, with function_failed when the zip is none to run. */
  async take({ name, runtime, codePath, entry }: FunctionSpec): Promise<Runner> {
    if (runtime !== "lambda" || !(await this.#folders.holds(codePath))) {
      return { child: await this.blanks.take(), folder: null };
    }
    const folder = await this.#folders.open(name, codePath, entry);
    const child = await this.#spawnFor(name, folder).catch(async (error: unknown) => {
      await this.#folders.release(codePath, entry);
      throw error;
    });
    void child.exited.then(() => this.#folders.release(codePath, entry));
    await child.ready;
    return { child, folder };
  }

  /** Whether programs can be run here: found out once, when it is first asked. */
  programs(): Promise<ProgramPlan> {
    this.#programs ??= planPrograms(this.#options.jail);
    return this.#programs;
  }

  async #spawnFor(name: string, { path, program }: CodeFolder): Promise<Child> {
    const options = this.#options;
    if (program.kind === "handler") return spawnChild(options, { role: "__fn-runner", code: path });
    const { prefix, reason } = await this.programs();
    if (!prefix) throw runtimeErrors.program_not_jailed(name, reason);
    return spawnChild(options, { role: "__program-host", code: path, namespacesBy: prefix });
  }
}
