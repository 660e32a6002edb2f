/** What a mutation is, and how it is put into a file. The places themselves are in `places/`. */

/** One break of the code that protects, and the tests that must notice it. */
export interface Mutation {
  /** `area: what no longer holds`; unique. Chosen by on the command line. */
  readonly name: string;
  /** From the root of the repository. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Test files, the fewest and fastest that notice. */
  readonly tests: readonly string[];
  /** Only tests whose name matches: a regular expression over `describe > test`. */
  readonly only?: string;
  /** What an attacker, or an accident, would gain. */
  readonly why: string;
}

/** The text with the mutation, or null when it does not apply at exactly one place. */
export function mutated(text: string, { find, replace }: Mutation): string | null {
  const parts = text.split(find);
  return parts.length === 2 && find !== replace ? parts.join(replace) : null;
}
