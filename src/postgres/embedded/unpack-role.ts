/** Role `__pg-unpack`: unpacks one archive and ends; a failure is one JSON line on stderr. */
import { type UnpackOrder, unpack } from "./unpack.ts";

/** What the parent reads when the exit code is not 0. */
export interface UnpackFailure {
  readonly errno: string;
  readonly message: string;
}

export async function runRole(args: readonly string[]): Promise<void> {
  const order = JSON.parse(args[0] ?? "") as UnpackOrder;
  process.umask(0o777 & ~order.mode);
  try {
    await unpack(order);
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    const failure: UnpackFailure = { errno: code, message };
    process.stderr.write(JSON.stringify(failure));
    process.exitCode = 1;
  }
}
