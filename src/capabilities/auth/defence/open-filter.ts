/** Opens the filter of breached passwords that `[auth.breached_passwords] file` names. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { type BreachFilter, readBreachFilter } from "../../../core/breach-filter.ts";
import { StartupError } from "../../../core/startup-error.ts";
import type { BreachedConfig } from "./config.ts";

/** Null in the other modes. The file is mapped, not read: pages come in as they are asked for. */
export function openFilter(config: BreachedConfig, projectDir: string | null): BreachFilter | null {
  if (config.mode !== "file") return null;
  const path = resolve(projectDir ?? ".", config.file);
  try {
    if (config.file === "" || !statSync(path).isFile()) throw new Error("there is no such file");
    return readBreachFilter(Bun.mmap(path));
  } catch (cause) {
    throw new StartupError({
      code: "config_invalid",
      message: `auth.breached_passwords.file '${config.file}' cannot be used: ${(cause as Error).message}`,
      hint: "Make one from a list of SHA-1 hashes: reactor auth filter <list> <file>",
      cause,
    });
  }
}
