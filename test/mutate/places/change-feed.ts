/** The change feed: who is told, and that nothing is lost without a word. */
import type { Mutation } from "../mutation.ts";

const FEED = "src/capabilities/data/realtime/feed";
const RIGHTS = ["test/realtime/feed-rights.test.ts"];

export const changeFeed: readonly Mutation[] = [
  {
    name: "feed: rows are told without looking whether they are in sight",
    file: `${FEED}/table-court.ts`,
    find: "if (isRefused || !(isSeen || failure)) {",
    replace: "if (isRefused && !isSeen) {",
    tests: RIGHTS,
    only: "own sight",
    why: "everybody is told of everybody's rows",
  },
  {
    name: "feed: an old version counts as the one in sight",
    file: `${FEED}/table-court.ts`,
    find: "(isCurrent(one) || allowed.rows.has(one))",
    replace: "(isCurrent(one) || allowed.rows.size >= 0)",
    tests: RIGHTS,
    only: "stays hidden",
    why: "what was hidden before it was published comes out of a resumed window",
  },
  {
    name: "feed: columns that the role may not select",
    file: `${FEED}/write-change.ts`,
    find: "rights?.columns.has(name) === true &&",
    replace: "rights !== null &&",
    tests: RIGHTS,
    only: "may select are told",
    why: "a column without a grant is told to everybody who may read the row",
  },
  {
    name: "feed: the whole old row of a delete",
    file: `${FEED}/table-court.ts`,
    find: "isJudged || one.old === null",
    replace: "one.old === null",
    tests: RIGHTS,
    only: "of a whole old row only the key",
    why: "a deleted row is told to those who could not see it",
  },
  {
    name: "feed: a table without a replica identity is published",
    file: `${FEED}/publish-table.ts`,
    find: "if (withoutIdentity === null) return;",
    replace: "if (withoutIdentity !== undefined) return;",
    tests: RIGHTS,
    only: "without a replica identity",
    why: "updates and deletes of the table begin to fail",
  },
  {
    name: "feed: a lost piece is not noticed",
    file: `${FEED}/follower.ts`,
    find: "compare(prev, log.covered) <= 0;",
    replace: "compare(prev, log.floor) >= 0;",
    tests: ["test/realtime/feed-servers.test.ts"],
    only: "bus has lost",
    why: "changes are missed without a word",
  },
  {
    name: "feed: the commit is not waited for",
    file: `${FEED}/reference.ts`,
    find: "change.xid === null || isOver(snapshot, change.xid)",
    replace: "change.xid !== 0",
    tests: ["test/realtime/feed-resume.test.ts"],
    only: "before it is in anybody's sight",
    why: "a row that is not visible yet is taken for one that is not in sight",
  },
  {
    name: "feed: writers from before the publication are not waited for",
    file: `${FEED}/publish-table.ts`,
    find: "while (before.size > 0) {",
    replace: "while (before.size > 1_000) {",
    tests: ["test/realtime/feed-resume.test.ts"],
    only: "whenever it was written",
    why: "what an open transaction wrote is missed without a word",
  },
  {
    name: "feed: triggers are read while a transaction is open that left changes out",
    file: `${FEED}/trigger-source.ts`,
    find: "while (!(await nobodySkips(this.#sql()))) {",
    replace: "while (signal.aborted && !(await nobodySkips(this.#sql()))) {",
    tests: ["test/realtime/feed-triggers.test.ts"],
    only: "something was left out",
    why: "a change that commits after the answer began is missed without a word",
  },
];
