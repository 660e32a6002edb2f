/**
 * Where the processes of functions come from: a pool of blank runners, or, for a zip, one that is
 * started for its code, because the jail has to know the folder before it closes.
 */
import { join } from "node:path";
import type { FunctionSpec } from "../../core/ports/function-runtime.ts";
import { type BlankPool, createBlankPool } from "../blank-pool.ts";
import { type Child, type ChildOptions, spawnChild } from "../child.ts";
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
  #children = 0;
  /** Found out when the first program is to be run. */
  #programs: Promise<ProgramPlan> | null = null;

  constructor(options: FullRuntimeOptions) {
    this.#options = options;
    this.#folders = new CodeFolders(join(options.dir, "code"));
    this.blanks = createBlankPool({
      size: options.blanks,
      clock: options.clock,
      logger: options.logger,
      spawn: () => this.#spawn({}),
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

  async #spawnFor(name: string, { path, program }: CodeFolder): Promise<Child> {
    if (program.kind === "handler") return this.#spawn({ code: path });
    this.#programs ??= planPrograms(this.#options.jail);
    const { prefix, reason } = await this.#programs;
    if (!prefix) throw runtimeErrors.program_not_jailed(name, reason);
    return this.#spawn({ role: "__program-host", code: path, namespacesBy: prefix });
  }

  #spawn(more: Partial<ChildOptions>): Child {
    this.#children += 1;
    return spawnChild({
      role: "__fn-runner",
      code: null,
      namespacesBy: null,
      dir: this.#options.dir,
      name: `b${this.#children.toString(36)}`,
      env: {},
      number: this.#children,
      jail: this.#options.jail,
      cgroups: this.#options.cgroups,
      egress: this.#options,
      clock: this.#options.clock,
      logger: this.#options.logger,
      ...more,
    });
  }
}
