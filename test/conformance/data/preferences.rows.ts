/** references/api/preferences. */
import { call, del, fails, fault, get, ids, patch, post, type Row } from "./kit.ts";

const invalid = (...preferences: readonly string[]) =>
  fault({
    code: "PGRST122",
    message: "Invalid preferences given with handling=strict",
    details: `Invalid preferences: ${preferences.join(", ")}`,
  });
const tooMany = (count: number) =>
  fault({
    code: "PGRST124",
    message: "Query result exceeds max-affected preference constraint",
    details: `The query affects ${count} rows`,
  });
const winter = (at: string) => [{ at }];
const IN_WINTER = "/moments?select=at&id=eq.1";

export const rows: readonly Row[] = [
  // "Strict or Lenient Handling"
  fails("strict refuses what it does not know", "GET /buoys", 400, invalid("foo", "bar"), {
    prefer: "handling=strict, foo, bar",
  }),
  fails("strict refuses values that it does not know", "GET /buoys", 400, invalid("count=most"), {
    prefer: "count=most, handling=strict",
  }),
  fails("strict refuses a write", "POST /buoys", 400, invalid("foo=1"), {
    sent: { id: 9 },
    prefer: "handling=strict, foo=1",
    after: get("nothing was written", "/buoys?order=id", ids(1, 2)),
  }),
  fails("strict refuses a call", "GET /rpc/nothing", 400, invalid("foo"), {
    prefer: "handling=strict, foo",
  }),
  get("strict is applied", "/buoys?order=id", ids(1, 2), {
    prefer: "handling=strict",
    applied: "handling=strict",
  }),
  get("lenient ignores", "/buoys?order=id", ids(1, 2), {
    prefer: "handling=lenient, foo, bar",
    applied: "handling=lenient",
  }),
  get("lenient is the default", "/buoys?order=id", ids(1, 2), {
    prefer: "foo, count=most",
    applied: null,
  }),
  get("of one name the first counts", "/buoys?order=id", ids(1, 2), {
    prefer: "count=exact, count=planned",
    applied: "count=exact",
    range: "0-1/2",
  }),
  get("without a space between", "/buoys?order=id", ids(1, 2), {
    prefer: "count=exact,handling=lenient",
    applied: "count=exact, handling=lenient",
    range: "0-1/2",
  }),
  get("what is for writing says nothing of reading", "/buoys?order=id", ids(1, 2), {
    prefer: "return=minimal, resolution=merge-duplicates, missing=default",
    applied: null,
  }),
  post(
    "all that apply, in their order",
    "/crates?columns=id,label&select=label",
    [{ label: "a" }],
    [{ label: "a" }],
    {
      prefer:
        "handling=strict, count=exact, return=representation, missing=default, resolution=merge-duplicates",
      applied:
        "resolution=merge-duplicates, missing=default, return=representation, count=exact, handling=strict",
      range: "*/1",
    },
  ),
  // "Timezone"
  get("without a time zone", IN_WINTER, winter("2020-01-15T12:00:00+00:00")),
  get(
    "a time zone",
    "/moments?select=at&order=id",
    [{ at: "2020-01-15T04:00:00-08:00" }, { at: "2020-07-15T05:00:00-07:00" }],
    { prefer: "timezone=America/Los_Angeles", applied: "timezone=America/Los_Angeles" },
  ),
  get("the next request has none", IN_WINTER, winter("2020-01-15T12:00:00+00:00"), {
    applied: null,
  }),
  get("an unknown time zone", IN_WINTER, winter("2020-01-15T12:00:00+00:00"), {
    prefer: "timezone=Jupiter/Red_Spot",
    applied: null,
  }),
  get("a known one, strictly", IN_WINTER, winter("2020-01-15T21:00:00+09:00"), {
    prefer: "handling=strict, timezone=Asia/Tokyo",
    applied: "handling=strict, timezone=Asia/Tokyo",
  }),
  fails("an unknown one, strictly", `GET ${IN_WINTER}`, 400, invalid("timezone=Jupiter/Red_Spot"), {
    prefer: "handling=strict, timezone=Jupiter/Red_Spot",
  }),
  get("a time zone of a call", "/rpc/setting?name=timezone", "Asia/Tokyo", {
    prefer: "timezone=Asia/Tokyo",
  }),
  post(
    "a time zone of what is written",
    "/moments?select=at",
    { id: 9, at: "2020-01-15 12:00" },
    winter("2020-01-15T12:00:00+09:00"),
    {
      prefer: "return=representation, timezone=Asia/Tokyo",
      applied: "return=representation, timezone=Asia/Tokyo",
    },
  ),
  // "Max Affected"
  fails("a deletion of too many", "DELETE /scraps", 400, tooMany(3), {
    prefer: "handling=strict, max-affected=2",
    after: get("none is gone", "/scraps?select=a&order=a", [{ a: "x" }, { a: "y" }, { a: "y" }]),
  }),
  del("a deletion of as many", "/scraps", undefined, {
    prefer: "handling=strict, max-affected=3",
    applied: "handling=strict, max-affected=3",
  }),
  fails("an update of too many", "PATCH /crates", 400, tooMany(3), {
    sent: { weight: 0 },
    prefer: "handling=strict, max-affected=2",
    after: get("none has changed", "/crates?weight=eq.0", []),
  }),
  patch("an update of as many", "/crates?id=lt.3", { weight: 0 }, undefined, {
    prefer: "handling=strict, max-affected=2",
    applied: "handling=strict, max-affected=2",
  }),
  fails("an update of one where none may be", "PATCH /crates?id=eq.1", 400, tooMany(1), {
    sent: { weight: 0 },
    prefer: "handling=strict, max-affected=0",
  }),
  del("lenient does not bound", "/scraps", undefined, {
    prefer: "handling=lenient, max-affected=1",
    applied: "handling=lenient",
  }),
  del("nor does the default", "/scraps", undefined, { prefer: "max-affected=1", applied: null }),
  fails("a function that answers too many", "POST /rpc/clear_crates", 400, tooMany(3), {
    sent: {},
    prefer: "handling=strict, max-affected=2",
    after: get("none is gone", "/crates?select=id&order=id", ids(1, 2, 3)),
  }),
  call("a function that answers as many", "clear_crates?select=id&order=id", {}, ids(1, 2, 3), {
    prefer: "handling=strict, max-affected=3",
    applied: "handling=strict, max-affected=3",
  }),
  fails(
    "a function that answers no set",
    "POST /rpc/clear_berths",
    400,
    fault({
      code: "PGRST128",
      message:
        "Function must return SETOF or TABLE when max-affected preference is used with handling=strict",
    }),
    { sent: {}, prefer: "handling=strict, max-affected=9" },
  ),
  // "Transaction End Preference": not without db_tx_end
  post("tx=rollback is not for everybody", "/buoys", { id: 9 }, undefined, {
    prefer: "tx=rollback",
    applied: null,
    after: get("it was written", "/buoys?order=id", ids(1, 2, 9)),
  }),
];

/** With `db_timezone_enabled` = false. */
export const noTimezones: readonly Row[] = [
  get("a time zone counts for nothing", IN_WINTER, winter("2020-01-15T12:00:00+00:00"), {
    prefer: "timezone=Asia/Tokyo",
    applied: null,
  }),
];
