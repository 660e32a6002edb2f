/**
 * Why the server cannot start, in words for the person who started it. `main` prints message and hint
 * and exits with the code; nothing else ends the process because of it.
 */

/** Exit codes of `reactor`: 1 user, 2 configuration, 3 authentication, 4 validation, 5 server, 6 network. */
export type StartupExitCode = 1 | 2 | 3 | 4 | 5 | 6;

export interface StartupErrorInit {
  /** Stable snake_case, e.g. `data_folder_in_use`. */
  readonly code: string;
  /** One sentence: what is wrong, naming the file or address. */
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string | null;
  /** Default 2. */
  readonly exitCode?: StartupExitCode;
  readonly cause?: unknown;
}

export class StartupError extends Error {
  readonly code: string;
  readonly hint: string | null;
  readonly exitCode: StartupExitCode;

  constructor(init: StartupErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = "StartupError";
    this.code = init.code;
    this.hint = init.hint ?? null;
    this.exitCode = init.exitCode ?? 2;
  }
}
