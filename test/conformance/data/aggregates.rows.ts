/** references/api/aggregate_functions. */
import { expect } from "bun:test";
import { fails, fault, get, type Row } from "./kit.ts";

const off = fault({ code: "PGRST123", message: "Use of aggregate functions is not allowed" });

/** Without `db_aggregates_enabled`. */
export const disabled: readonly Row[] = [
  fails("a sum is refused", "GET /cargo?select=weight.sum()", 400, off),
  fails("count() is refused", "GET /cargo?select=count()", 400, off),
  fails(
    "a sum in an embedded resource is refused",
    "GET /voyages?select=id,cargo(weight.sum())",
    400,
    off,
  ),
  fails("a sum in a spread is refused", "GET /cargo?select=id,...voyages(ship_id.max())", 400, off),
  fails("a sum of a function's rows is refused", "GET /rpc/all_ports?select=id.max()", 400, off),
  get(
    "the old count of embedded rows is allowed",
    "/ports?select=id,ships(count)&order=id&limit=3",
    [
      { id: 1, ships: [{ count: 1 }] },
      { id: 2, ships: [{ count: 2 }] },
      { id: 3, ships: [{ count: 0 }] },
    ],
  ),
  get("the old count of rows is allowed", "/cargo?select=count", [{ count: 6 }]),
];

/** With `db_aggregates_enabled`. */
export const rows: readonly Row[] = [
  get("sum", "/cargo?select=weight.sum()", [{ sum: 750 }]),
  get("avg", "/cargo?select=weight.avg()", [{ avg: 125 }]),
  get("min", "/cargo?select=weight.min()", [{ min: 20 }]),
  get("max", "/cargo?select=goods.max()", [{ max: "wool" }]),
  get("count of values leaves nulls out", "/cargo?select=price.count()", [{ count: 5 }]),
  get("count of rows", "/cargo?select=count()", [{ count: 6 }]),
  get("count without parentheses", "/cargo?select=count", [{ count: 6 }]),
  get("several at once", "/cargo?select=weight.max(),weight.min(),count()", [
    { max: 300, min: 20, count: 6 },
  ]),
  get("aliases", "/cargo?select=total:weight.sum(),worth:price.sum()", [
    { total: 750, worth: 175.74 },
  ]),
  get("a cast of the result", "/cargo?select=weight.sum()::text,n:count()::text", [
    { sum: "750", n: "6" },
  ]),
  get("an average as an integer", "/cargo?select=price.avg()::int", [{ avg: 35 }]),
  get("a cast of the column", "/ports?select=depth_m::int.sum()", [{ sum: 59 }]),
  get("a member of JSON", "/ports?select=info->>cranes::int.sum()", [{ sum: 17 }]),
  get("alias and both casts", "/ports?select=s:info->>cranes::int.sum()::text", [{ s: "17" }]),
  get("filtered", "/cargo?select=weight.sum()&goods=eq.wine", [{ sum: 280 }]),
  get("of no rows", "/cargo?select=weight.sum(),count()&goods=eq.none", [{ sum: null, count: 0 }]),
  // "Automatic GROUP BY"
  get("grouped", "/cargo?select=goods,weight.sum()&order=goods", [
    { goods: "cork", sum: 20 },
    { goods: "fish", sum: 100 },
    { goods: "salt", sum: 300 },
    { goods: "wine", sum: 280 },
    { goods: "wool", sum: 50 },
  ]),
  get("grouped by two columns", "/cargo?select=voyage_id,packed,weight.sum()&order=voyage_id", [
    { voyage_id: 1, packed: "2001-02-28", sum: 150 },
    { voyage_id: 2, packed: "2001-03-30", sum: 200 },
    { voyage_id: 3, packed: "2002-06-09", sum: 380 },
    { voyage_id: 4, packed: "2003-01-04", sum: 20 },
  ]),
  get(
    "grouped by a renamed column",
    "/cargo?select=v:voyage_id,count()&order=voyage_id.desc&limit=2",
    [
      { v: 4, count: 1 },
      { v: 3, count: 2 },
    ],
  ),
  get("grouped by a computed column", "/captains?select=initial,count()&order=initial", [
    { initial: "D", count: 1 },
    { initial: "H", count: 1 },
    { initial: "I", count: 1 },
    { initial: "N", count: 1 },
    { initial: "T", count: 1 },
  ]),
  get(
    "max and min of a group",
    "/cargo?select=voyage_id,weight.max(),weight.min()&voyage_id=eq.3",
    [{ voyage_id: 3, max: 300, min: 80 }],
  ),
  get(
    "the rows are counted, not the groups",
    "/cargo?select=goods,count()&order=goods&limit=2",
    [
      { goods: "cork", count: 1 },
      { goods: "fish", count: 1 },
    ],
    { prefer: "count=exact", status: 206, range: "0-1/6" },
  ),
  get("of a function's rows", "/rpc/all_ports?select=id.max()", [{ max: 5 }]),
  // "Aggregates and Resource Embedding"
  get(
    "grouped by an embedded resource",
    "/cargo?select=voyage_id,total:weight.sum(),voyages(ship_id)&order=voyage_id",
    [
      { voyage_id: 1, total: 150, voyages: { ship_id: 1 } },
      { voyage_id: 2, total: 200, voyages: { ship_id: 1 } },
      { voyage_id: 3, total: 380, voyages: { ship_id: 2 } },
      { voyage_id: 4, total: 20, voyages: { ship_id: 3 } },
    ],
  ),
  get(
    "grouped by a spread resource",
    "/cargo?select=total:weight.sum(),...voyages(ship_id)&order=voyages(ship_id)",
    [
      { total: 350, ship_id: 1 },
      { total: 380, ship_id: 2 },
      { total: 20, ship_id: 3 },
    ],
  ),
  get("inside an embedded resource", "/voyages?select=id,cargo(weight.sum())&order=id", [
    { id: 1, cargo: [{ sum: 150 }] },
    { id: 2, cargo: [{ sum: 200 }] },
    { id: 3, cargo: [{ sum: 380 }] },
    { id: 4, cargo: [{ sum: 20 }] },
  ]),
  get(
    "grouped inside an embedded resource",
    "/voyages?select=id,cargo(goods,weight.sum())&id=eq.3&cargo.order=goods",
    [
      {
        id: 3,
        cargo: [
          { goods: "salt", sum: 300 },
          { goods: "wine", sum: 80 },
        ],
      },
    ],
  ),
  get(
    "inside an embedded resource without rows",
    "/ports?select=id,ships(tonnage.sum(),count())&order=id&limit=3",
    [
      { id: 1, ships: [{ sum: 120.5, count: 1 }] },
      { id: 2, ships: [{ sum: 1200.25, count: 2 }] },
      { id: 3, ships: [{ sum: null, count: 0 }] },
    ],
  ),
  get("over a junction", "/voyages?select=id,crew(count())&order=id", [
    { id: 1, crew: [{ count: 2 }] },
    { id: 2, crew: [{ count: 1 }] },
    { id: 3, crew: [{ count: 2 }] },
    { id: 4, crew: [{ count: 0 }] },
  ]),
  // "Using Aggregates in Spreads"
  get("in a spread, alone", "/cargo?select=...voyages(ship_id.max())", [{ max: 3 }]),
  get(
    "in a spread, grouped from above",
    "/cargo?select=goods,...voyages(first:departed.min())&goods=in.(wine,salt)&order=goods",
    [
      { goods: "salt", first: "2002-06-10T06:15:00+00:00" },
      { goods: "wine", first: "2001-04-01T08:00:00+00:00" },
    ],
  ),
  get("beside a spread", "/voyages?select=n:id.count(),...ships(kind)&order=ships(kind)", [
    { n: 1, kind: "brig" },
    { n: 2, kind: "schooner" },
    { n: 1, kind: "galleon" },
  ]),
  get(
    "in a nested spread",
    "/cargo?select=goods,...voyages(...ships(newest:built.max()))&goods=in.(wine,cork)&order=goods",
    [
      { goods: "cork", newest: 1890 },
      { goods: "wine", newest: 1921 },
    ],
  ),
  get(
    "in a spread in an embedded resource",
    "/ports?select=id,ships(...captains(first:born.min()))&id=eq.2",
    [{ id: 2, ships: [{ first: "1961-09-12" }] }],
  ),
  get("count() in a spread", "/cargo?select=goods,...voyages(n:count())&goods=eq.wine", [
    { goods: "wine", n: 2 },
  ]),
  fails(
    "in a spread of many",
    "GET /voyages?select=id,...cargo(weight.sum())",
    400,
    fault({
      code: "PGRST127",
      message: "Feature not implemented",
      details: "Aggregates are not implemented for one-to-many or many-to-many spreads.",
    }),
  ),
  fails(
    "an unknown function",
    "GET /cargo?select=weight.median()",
    400,
    expect.objectContaining({
      code: "PGRST100",
    }),
  ),
  fails(
    "a sum of text",
    "GET /cargo?select=goods.sum()",
    404,
    expect.objectContaining({
      code: "42883",
    }),
  ),
];
