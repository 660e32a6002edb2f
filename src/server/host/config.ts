/** The effective configuration, with every capability's section, whatever is mounted. */
import type { Config } from "../../core/config/config.ts";
import type { Env } from "../../core/config/env.ts";
import { loadConfig } from "../../core/config/load-config.ts";
import { mergeSections } from "../../core/config/merge-sections.ts";
import type { ProjectDir } from "../../core/config/project-dir.ts";
import { coreSections, PROJECT_LISTS } from "../../core/config/sections.ts";
import { capabilities } from "../list.ts";

/** @throws ConfigError with every fault at once */
export function loadServerConfig(
  project: ProjectDir,
  flags: Readonly<Record<string, unknown>>,
  env: Env,
): Config {
  const own = Object.fromEntries(capabilities.map((c) => [c.section, c.config]));
  return loadConfig({
    sections: mergeSections(coreSections, own),
    lists: PROJECT_LISTS,
    file: project.file,
    env,
    flags,
  });
}
