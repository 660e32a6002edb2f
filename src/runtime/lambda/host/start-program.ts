/** Starts the `bootstrap` of a zip, with the environment that AWS documents for runtimes. */
import { basename, join } from "node:path";
import { selfCommand } from "../../../core/self.ts";
import { type ProgramOrder, RUNTIME_PORT } from "../../jail/jail-order.ts";
import type { AssignMessage, LambdaAssignment } from "../../messages.ts";
import { RUNTIME_API } from "../runner/runtime-api.ts";

const PATHS = ["/usr/local/bin", "/usr/bin", "/bin"];
/** Where the function's environment names none: SDKs want one. */
const REGION = "us-east-1";

export interface Program {
  readonly pid: number;
  /** Its exit code; 128 and the signal's number when a signal ended it. */
  readonly exited: Promise<number>;
}

export function startProgram(
  assign: AssignMessage,
  lambda: LambdaAssignment,
  root: string,
  dir: string,
): Program {
  const env = programEnv(assign, lambda, root, dir);
  const order: ProgramOrder = {
    dir,
    code: root,
    file: basename(assign.codePath),
    env,
    port: RUNTIME_PORT,
  };
  // What it prints is the function's log: the server reads it, and holds it back when it is too much.
  const spawned = Bun.spawn(selfCommand("__program"), {
    cwd: dir,
    env: { TZ: "UTC", HOME: dir, TMPDIR: join(dir, "tmp"), BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" },
    stdin: Buffer.from(JSON.stringify(order)),
    stdout: "inherit",
    stderr: "inherit",
  });
  return { pid: spawned.pid, exited: spawned.exited };
}

/** The function's own variables come first, but for those that AWS reserves. */
function programEnv(
  { name, version, env }: AssignMessage,
  { handler, memoryMb }: LambdaAssignment,
  root: string,
  dir: string,
): Record<string, string> {
  const region = env["AWS_REGION"] ?? env["AWS_DEFAULT_REGION"] ?? REGION;
  return {
    LANG: "en_US.UTF-8",
    PATH: PATHS.join(":"),
    LD_LIBRARY_PATH: ["/lib64", "/usr/lib64", root, join(root, "lib")].join(":"),
    TZ: ":UTC",
    ...env,
    HOME: join(dir, "tmp"),
    TMPDIR: join(dir, "tmp"),
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: version,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: version,
    AWS_LAMBDA_RUNTIME_API: RUNTIME_API,
    LAMBDA_TASK_ROOT: root,
    LAMBDA_RUNTIME_DIR: root,
    _HANDLER: handler,
  };
}
