/** What the bodies and pages of `/_admin` have in common. */
import { t } from "elysia";

/** Largest part of a deploy, and text of SQL, bytes. */
export const PART_BYTES_MAX = 64 * 1024 * 1024;

/** Largest JSON body, bytes: a project's migrations may come in one. */
export const JSON_BYTES_MAX = 256 * 1024 * 1024;

/** A misspelt `dry_run` must not become a real run. */
export const STRICT = { additionalProperties: false };

export const migrationName = t.String({ pattern: "^[0-9]+[A-Za-z0-9_.-]*$", maxLength: 200 });

export const sqlText = t.String({ maxLength: PART_BYTES_MAX });

export const migrationList = t.Array(t.Object({ name: migrationName, sql: sqlText }, STRICT), {
  maxItems: 10_000,
});

export const detail = (summary: string, description = "") => ({
  detail: { summary, description, tags: ["Admin"], security: [{ admin: [] }] },
});
