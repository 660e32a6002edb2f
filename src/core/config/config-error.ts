/**
 * Everything that is wrong with the configuration, told at once. Each fault says where (file line,
 * environment variable or flag), which key, and what was expected. Values of secrets never appear.
 */
import { StartupError } from "../startup-error.ts";

export interface ConfigFault {
  /** `reactor.toml:12:3`, `REACTOR_SERVER__PORT`, `--port`, or `configuration`. */
  readonly where: string;
  /** `server.port`; null for a syntax error. */
  readonly key: string | null;
  /** What is wrong and what was expected. */
  readonly message: string;
  readonly hint?: string;
}

function describeFault(fault: ConfigFault): string {
  const key = fault.key === null ? "" : `${fault.key}: `;
  const hint = fault.hint === undefined ? "" : ` (${fault.hint})`;
  return `  ${fault.where}: ${key}${fault.message}${hint}`;
}

/** Exit code 2, code `config_invalid`; `message` lists all faults, one a line. */
export class ConfigError extends StartupError {
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[], cause?: unknown) {
    const count = faults.length === 1 ? "1 fault" : `${faults.length} faults`;
    super({
      code: "config_invalid",
      message: `The configuration has ${count}:\n${faults.map(describeFault).join("\n")}`,
      hint: "`reactor config` shows every setting with its value and origin",
      exitCode: 2,
      cause,
    });
    this.name = "ConfigError";
    this.faults = faults;
  }
}
