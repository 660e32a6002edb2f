/**
 * Why a start (or a command) could not go on, in words for a person: one message, one hint, one
 * exit code. Thrown by configuration, boot and the embedded database; `main` prints it and exits.
 */

export interface StartupErrorInit {
  /** Stable snake_case, e.g. `config_invalid`, `data_dir_locked`. */
  readonly code: string;
  /** What is wrong. Never a secret. */
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string | null;
  /** Process exit code: 1 user, 2 configuration, 5 server. Default 5. */
  readonly exitCode?: number;
  readonly cause?: unknown;
}

export class StartupError extends Error {
  readonly code: string;
  readonly hint: string | null;
  readonly exitCode: number;

  constructor(init: StartupErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = "StartupError";
    this.code = init.code;
    this.hint = init.hint ?? null;
    this.exitCode = init.exitCode ?? 5;
  }
}
