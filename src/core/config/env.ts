/** The one place that reads the process environment; everything else is given it as a value. */

export type Env = Readonly<Record<string, string | undefined>>;

/** A copy of the environment as it is now. */
export function processEnv(): Env {
  return { ...process.env };
}
