/** For processes that a server starts and that live as long as it does. */
import { closeSync, constants, openSync } from "node:fs";
import { must, syscall } from "./kernel.ts";
import { callNumber } from "./syscalls.ts";

/** ioctl_tty(2). */
const TIOCNOTTY = 0x5422;

/**
 * Takes the process out of the server's process group, which Ctrl-C in a terminal means, so that calls
 * end before it does; and takes the terminal from it, in which it could type as whoever started the
 * server (ioctl_tty(2), TIOCSTI). It stays in the session, which is also who shares processors with whom
 * (`docs/decisions/0016-who-runs-first.md`).
 */
export function leaveTerminal(): void {
  must("setpgid", syscall(callNumber("setpgid"), 0, 0));
  let terminal: number;
  try {
    terminal = openSync("/dev/tty", constants.O_RDWR | constants.O_NOCTTY);
  } catch {
    return; // It has none.
  }
  must("ioctl", syscall(callNumber("ioctl"), terminal, TIOCNOTTY));
  closeSync(terminal);
}
