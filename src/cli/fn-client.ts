/** What the commands of `reactor fn` share: rows of the admin routes, and where they are. */
import { escapeControls } from "../core/pretty-log.ts";

export type Row = Readonly<Record<string, unknown>>;

export const SHORT_VERSION = 12;

/** `/fn/v1/_admin/<name>/<below>`. */
export function adminPath(name: string, below = ""): string {
  return `/fn/v1/_admin/${encodeURIComponent(name)}${below === "" ? "" : `/${below}`}`;
}

/** A field as text that is safe to print; "" where it is absent or null. */
export function cell(row: Row, key: string): string {
  const value = row[key];
  if (value === null || value === undefined) return "";
  return escapeControls(typeof value === "object" ? JSON.stringify(value) : String(value));
}

export function shortVersion(row: Row, key = "version"): string {
  return cell(row, key).slice(0, SHORT_VERSION);
}

interface Share {
  readonly version: string;
  readonly percent: number;
  readonly by: string;
}

/** `10 % to 0123456789ab by request`; "" when one version has all calls. */
export function shareText(row: Row): string {
  const share = row["share"] as Share | null | undefined;
  if (!share) return "";
  const { version, percent, by } = share;
  return escapeControls(`${percent} % to ${version.slice(0, SHORT_VERSION)} by ${by}`);
}
