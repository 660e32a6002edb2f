/** What a command says when it cannot do its work, and the exit code that goes with it. */

/** Exit codes that scripts may rely on. */
export const EXIT = {
  ok: 0,
  user: 1,
  config: 2,
  auth: 3,
  validation: 4,
  server: 5,
  network: 6,
} as const;

export class CliError extends Error {
  readonly code: string;
  /** What to do about it. */
  readonly hint: string | null;
  readonly exitCode: number;
  /** Shown beside the error in JSON: a report of what was done before it. */
  readonly data: unknown;

  /** @param code stable snake_case; `message` is for a person. */
  constructor(
    exit: keyof typeof EXIT,
    code: string,
    message: string,
    hint: string | null = null,
    data?: unknown,
  ) {
    super(message);
    this.name = "CliError";
    this.code = code;
    this.hint = hint;
    this.exitCode = EXIT[exit];
    this.data = data;
  }
}
