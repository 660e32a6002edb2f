/** What `serve` and `dev` have in common: their options, and how those become settings. */
import { findDataDir, findProjectDir } from "../core/config/project-dir.ts";
import { type CommandContext, type OptionSpec, projectOption } from "./command.ts";
import type { ServeOptions } from "./host.ts";

export const serveOptions = {
  ...projectOption,
  "data-dir": { value: "DIR", description: "Data folder (default: .reactor in the project)" },
  host: { value: "HOST", description: "Address to listen on (default: 127.0.0.1)" },
  port: { value: "N", description: "Port to listen on; 0 takes any free one (default: 7890)" },
  only: { value: "NAMES", description: "Mount only these capabilities, as in auth,data" },
  log: { value: "FORMAT", description: "Form of the log", choices: ["auto", "pretty", "json"] },
  "log-level": {
    value: "LEVEL",
    description: "Least level that is logged (default: info)",
    choices: ["debug", "info", "warn", "error"],
  },
} as const satisfies Record<string, OptionSpec>;

/** @throws StartupError `project_not_found` */
export function readServeOptions(context: CommandContext): ServeOptions {
  const { cwd } = context.host;
  const project = findProjectDir(context.option("project"), cwd);
  const only = context.option("only");
  const names = only?.split(",").map((name) => name.trim());
  return {
    project,
    dataDir: findDataDir(context.option("data-dir"), project, cwd),
    only: names?.filter((name) => name !== "") ?? null,
    flags: {
      "server.host": context.option("host"),
      "server.port": numeric(context.option("port")),
      "log.format": context.option("log"),
      "log.level": context.option("log-level"),
    },
  };
}

/** Text that is no number is left for the configuration's own check to report. */
function numeric(text: string | undefined): unknown {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : text;
}
