/** Reads that share a transaction: each caller's settings, answers and failures are their own. */
import type { Mutation } from "../mutation.ts";

const SHARING = { tests: ["test/postgres/wire-sharing.test.ts"] };
const TOGETHER = { ...SHARING, file: "src/postgres/wire/shared-transaction.ts" };
const CONNECTION = { ...SHARING, file: "src/postgres/wire/connection.ts" };
const ANSWERS = { tests: ["test/postgres/wire-answers.test.ts"] };
const SCHEMA = "src/capabilities/data/schema";
const TRACES = {
  file: `${SCHEMA}/observed-settings.ts`,
  tests: [`${SCHEMA}/observed-settings.test.ts`],
};
const LEXER = { file: `${SCHEMA}/sql-words.ts`, tests: [`${SCHEMA}/sql-words.test.ts`] };

export const sharedReads: readonly Mutation[] = [
  {
    ...TOGETHER,
    name: "shared read: another caller's settings count as the same",
    find: "    areSame(job.query.settings, before.query.settings)\n",
    replace: "    job.query.settings.length === before.query.settings.length\n",
    why: "a caller reads with the claims of whoever came before",
  },
  {
    ...TOGETHER,
    name: "shared read: another timeout counts as the same",
    find: "    job.timeoutMs === before.timeoutMs &&\n",
    replace: "",
    why: "nobody's queries run as long as a user's",
  },
  {
    ...TOGETHER,
    name: "shared read: other statements and roles share",
    find: " || job.kind !== before.kind",
    replace: "",
    why: "reads of single tables deadlock with migrations",
  },
  {
    ...TOGETHER,
    name: "shared read: other names of settings share",
    find: "  return kinds.settings(job.query) === kinds.settings(before.query);",
    replace: "  return true;",
    why: "a setting that only the one before has stays in force",
  },
  {
    ...TOGETHER,
    name: "shared read: writes share",
    find: "    query.readOnly === true &&\n",
    replace: "",
    why: "a write that was acknowledged is undone by the next caller's error",
  },
  {
    ...CONNECTION,
    name: "shared read: a lost connection ends what was open",
    find: "    if (this.#isDoomed) return;\n    this.#endShared();\n",
    replace: "    this.#endShared();\n    if (this.#isDoomed) return;\n",
    why: "its last flush marks a query that runs elsewhere by then, and answers there go to others",
  },
  {
    ...CONNECTION,
    name: "shared read: a cancel sets the statement apart",
    find: "job.error && isItsOwn",
    replace: "job.error",
    why: "who leaves early makes everybody's reads dearer",
  },
  {
    ...CONNECTION,
    ...ANSWERS,
    name: "shared read: all have the time of one",
    find: "timeouts.reduce((sum, ms) => sum + ms, 0)",
    replace: "head.timeoutMs",
    why: "reads that are within their time are cancelled",
  },
  {
    ...CONNECTION,
    ...ANSWERS,
    name: "wire: an answer that stops short counts as one",
    find: "if (job && !job.error && job.step < job.steps.length) {",
    replace: "if (job && job.step < 0) {",
    why: "a write that was not carried out is acknowledged, and later answers go to others",
  },
  {
    ...ANSWERS,
    file: "src/postgres/wire/user-pool.ts",
    name: "wire: an aborted read is sent again when its connection is lost",
    find: "      if (job.isCancelWanted) {\n",
    replace: "      if (job.query.signal === null) {\n",
    why: "the server works for callers who have left",
  },
  {
    file: "src/capabilities/data/transaction.ts",
    tests: ["src/capabilities/data/transaction.test.ts"],
    name: "shared read: functions that are called share",
    find: "fn === undefined && schema.sharesTransactions",
    replace: "schema.sharesTransactions",
    why: "a function's role is the next caller's",
  },
  {
    file: `${SCHEMA}/schema-cache.ts`,
    tests: [`${SCHEMA}/schema-cache.test.ts`],
    name: "shared read: changed code is trusted before it is read",
    find: "sharesTransactions: false",
    replace: "sharesTransactions: schema.sharesTransactions",
    why: "what a new function leaves behind is found by the next caller",
  },
  {
    ...TRACES,
    name: "shared read: SET is taken for an UPDATE's where a statement begins",
    find: "then|else|loop|begin|do|set) )",
    replace: "set) )",
    why: "what follows `for update of t loop` changes settings unnoticed",
  },
  {
    ...TRACES,
    name: "shared read: what DO runs is taken for a text",
    find: "    RUNS_LITERAL.test(words.code) ||\n",
    replace: "",
    why: "the escapes of a literal hide what changes settings",
  },
  {
    ...LEXER,
    name: "shared read: a string ends where it does by default",
    find: "    if (isAfterBackslash && !isEscaped) return -1;\n    if (isAfterBackslash) at += 1;\n",
    replace: "    if (isAfterBackslash && isEscaped) at += 1;\n",
    why: "with standard_conforming_strings off a SET is taken for part of a string",
  },
  {
    ...LEXER,
    name: "shared read: a comment does not end at a carriage return",
    find: "--[^\\n\\r]*",
    replace: "--[^\\n]*",
    why: "a SET behind it is taken for part of the comment",
  },
];
