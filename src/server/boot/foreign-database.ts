/**
 * `[data] db_uri`: a database of somebody else's, reached by one login that owns nothing. Nothing is
 * started, migrated or written for it; what servers otherwise share in their database is kept in
 * this process.
 */
import { readFileSync } from "node:fs";
import type { Capability } from "../../core/capability.ts";
import type { Config } from "../../core/config/config.ts";
import { StartupError } from "../../core/startup-error.ts";
import { conninfoUrl } from "../../postgres/conninfo.ts";
import { parseDatabaseUrl } from "../../postgres/url.ts";
import type { OpenedDatabase } from "./database.ts";

/** True when this server serves such a database. */
export function isForeign(config: Config): boolean {
  return config.section<{ db_uri: string }>("data").db_uri !== "";
}

/** @throws StartupError db_uri_invalid, db_uri_not_alone */
export function openForeign(
  config: Config,
  capabilities: readonly Capability[],
): OpenedDatabase & { urlsFor(): { userUrl: string; ownerUrl: string; directUrl: string } } {
  if (capabilities.some(({ name }) => name !== "data")) throw notAlone();
  const url = readUri(config.section<{ db_uri: string }>("data").db_uri);
  const urls = { ownerUrl: url, directUrl: url, userUrl: url };
  return { embedded: null, urlsFor: () => urls };
}

/** As a URL that `parseDatabaseUrl` takes. */
function readUri(setting: string): string {
  try {
    const text = setting.startsWith("@") ? readFileSync(setting.slice(1), "utf8").trim() : setting;
    const url = conninfoUrl(text);
    parseDatabaseUrl(url);
    return url;
  } catch (cause) {
    const { details, message } = cause as Error & { details?: string | null };
    throw new StartupError({
      code: "db_uri_invalid",
      // The setting itself may hold a password.
      message: `data.db_uri cannot be used: ${details ?? message}`,
      hint: "Write postgres://authenticator:password@host:5432/database",
      exitCode: 2,
      cause,
    });
  }
}

function notAlone(): StartupError {
  return new StartupError({
    code: "db_uri_not_alone",
    message: "data.db_uri serves a database that is not Reactor's, which only data can work on",
    hint: "Start with --only data, or name the database in database.url to give it to Reactor",
    exitCode: 2,
  });
}
