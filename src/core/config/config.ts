/** The effective configuration, as handed to boot, `reactor config` and `/_admin/config`. */

/** Where a value came from: `default`, `reactor.toml:12`, `env:REACTOR_SERVER__PORT`, `flag`. */
export type ConfigOrigin = string;

/** A table of a project list (`[[functions]]`), validated by the capability that owns the list. */
export type ListItem = Readonly<Record<string, unknown>>;

export interface ConfigEntry {
  /** `server.cors.max_age_s`. */
  readonly key: string;
  /** Effective value; secrets and passwords in URLs masked; null when optional and absent. */
  readonly value: unknown;
  readonly origin: ConfigOrigin;
  readonly description: string;
}

export interface Config {
  /** A section with all defaults filled in, frozen. An undeclared name is a defect and throws. */
  section<T>(name: string): T;
  readonly lists: Readonly<Record<string, readonly ListItem[]>>;
  /** `key` is dotted: `server.port`. An undeclared key is a defect and throws. */
  origin(key: string): ConfigOrigin;
  /** Every key in the order of its schema. */
  explain(): ConfigEntry[];
  /** Absolute path of the file that was read; null when there was none. */
  readonly file: string | null;
}
