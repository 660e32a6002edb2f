/**
 * What the tests of the executable share: it is installed once a file, each test gets folders of its
 * own, and whatever a test started is ended after it.
 */
import { afterAll, afterEach, beforeAll, setDefaultTimeout } from "bun:test";
import {
  type ExecutableOptions,
  type Finished,
  type Installation,
  install,
  type RunningExecutable,
  runExecutable,
  startExecutable,
  type TestUser,
} from "./executable.ts";

type Order = Omit<ExecutableOptions, "program">;

export interface ExecutableBench {
  readonly program: string;
  folder(user?: TestUser): string;
  run(cwd: string, args: readonly string[], more?: Partial<Order>): Promise<Finished>;
  /** Ended after the test; after the file when it is `shared`. */
  start(cwd: string, args: readonly string[], more?: Partial<Order>): Promise<RunningExecutable>;
  /** `reactor init` in a new folder: its path. */
  project(user?: TestUser): Promise<string>;
}

/** Call once at the top of a test file. `shared`: servers live until the end of the file. */
export function executableBench(life: "test" | "shared" = "test"): ExecutableBench {
  setDefaultTimeout(120_000);
  const running: RunningExecutable[] = [];
  let installed: Installation | undefined;
  const installation = () => {
    if (!installed) throw new Error("the executable is installed before the first test");
    return installed;
  };
  const endAll = async () => {
    for (const server of running.splice(0)) await server.stop();
  };
  beforeAll(async () => {
    installed = await install();
  });
  if (life === "test") afterEach(endAll);
  afterAll(async () => {
    await endAll();
    installed?.remove();
  });
  const bench: ExecutableBench = {
    get program() {
      return installation().program;
    },
    folder: (user) => installation().folder(user),
    run: (cwd, args, more) => runExecutable({ program: bench.program, cwd, args, ...more }),
    async start(cwd, args, more) {
      const server = await startExecutable({ program: bench.program, cwd, args, ...more });
      running.push(server);
      return server;
    },
    async project(user) {
      const folder = bench.folder(user);
      const { code, stderr } = await bench.run(folder, ["init", "shop"], user ? { user } : {});
      if (code !== 0) throw new Error(`reactor init: ${stderr}`);
      return `${folder}/shop`;
    },
  };
  return bench;
}
