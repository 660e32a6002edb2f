/** references/api/computed_fields; references/api/resource_embedding, "Computed Relationships". */
import { expect } from "bun:test";
import { fails, fault, get, ids, type Row } from "./kit.ts";

// "Computed Fields"
const fields: Row[] = [
  get("of the extra search path", "/ships?select=id,is_new&is_new=is.true", [
    { id: 4, is_new: true },
  ]),
  fails(
    "of the extra search path is no function to call",
    "GET /rpc/is_new",
    404,
    expect.objectContaining({
      code: "PGRST202",
    }),
  ),
  get("not among all columns", "/captains?id=eq.1", [
    { id: 1, first_name: "Ingrid", last_name: "Vik", born: "1950-04-01", mentor_id: null },
  ]),
  get("chosen by name", "/captains?select=id,full_name&id=eq.1", [
    { id: 1, full_name: "Ingrid Vik" },
  ]),
  get("beside all columns", "/buoys?select=*&id=eq.1", ids(1)),
  get("with an alias and a cast", "/ships?select=old:is_old::text&id=eq.2", [{ old: "true" }]),
  get("two of them", "/captains?select=initial,full_name&id=eq.4", [
    { initial: "T", full_name: "Tomas Reis" },
  ]),
  get("in a filter", "/captains?select=id&full_name=eq.Tomas%20Reis", ids(4)),
  get("in a filter with like", "/captains?select=id&full_name=like.*Vik&order=id", ids(1, 5)),
  get("in a filter with text search", "/captains?select=id&full_name=fts.halla", ids(3)),
  get("in a filter with is", "/ships?select=id&is_old=is.true&order=id", ids(2, 3)),
  get(
    "in a logic tree",
    "/captains?select=id&or=(initial.eq.I,full_name.eq.Nils%20Vik)&order=id",
    ids(1, 5),
  ),
  get("in the order", "/captains?select=id&order=full_name.desc", ids(4, 5, 1, 3, 2)),
  get("of a view", "/open_ports?select=slug&order=id", [{ slug: "bergen" }, { slug: "lisbon" }]),
  get("of an embedded resource", "/ships?select=name,captains(full_name)&id=eq.1", [
    { name: "Aurora", captains: { full_name: "Ingrid Vik" } },
  ]),
  get(
    "in a filter of an embedded resource",
    "/ships?select=id,captains!inner()&captains.initial=eq.D",
    ids(2),
  ),
  get(
    "in an order by an embedded resource",
    "/ships?select=id,captains()&captains=not.is.null&order=captains(full_name).desc",
    ids(1, 4, 2),
  ),
  fails(
    "of another table",
    "GET /ports?select=full_name",
    400,
    fault({
      code: "42703",
      message: "column ports.full_name does not exist",
    }),
  ),
];

// "Computed Relationships", "Overriding Relationships"
const relationships: Row[] = [
  get("to one", "/captains?select=first_name,mentor(first_name)&order=id&id=in.(1,2)", [
    { first_name: "Ingrid", mentor: null },
    { first_name: "Duarte", mentor: { first_name: "Ingrid" } },
  ]),
  get("to many", "/captains?select=first_name,trainees(first_name)&id=eq.1&trainees.order=id", [
    { first_name: "Ingrid", trainees: [{ first_name: "Duarte" }, { first_name: "Halla" }] },
  ]),
  get("one of two foreign keys", "/ports?select=name,departures(id)&id=eq.2&departures.order=id", [
    { name: "Lisbon", departures: ids(2, 3, 4) },
  ]),
  get("from a foreign table", "/tides?select=word,port(name)&order=id", [
    { word: "low", port: { name: "Bergen" } },
    { word: "high", port: { name: "Bergen" } },
    { word: "high", port: { name: "Lisbon" } },
  ]),
  get("to a foreign table", "/ports?select=name,tides(height)&id=eq.1&tides.order=id", [
    { name: "Bergen", tides: [{ height: 0.4 }, { height: 1.2 }] },
  ]),
  get("from a view to a table", "/lamps?select=id,countries(name)&order=id", [
    { id: 1, countries: { name: "Norway" } },
    { id: 2, countries: { name: "Norway" } },
    { id: 3, countries: { name: "Portugal" } },
  ]),
  get("over a detected relationship of the same name", "/checked?select=port_id,ports(name)", [
    { port_id: 1, ports: { name: "Lisbon" } },
  ]),
  get("an alias", "/captains?select=first_name,teacher:mentor(first_name)&id=eq.4", [
    { first_name: "Tomas", teacher: { first_name: "Duarte" } },
  ]),
  get("filtered", "/captains?select=id,trainees(id)&id=eq.1&trainees.first_name=eq.Halla", [
    { id: 1, trainees: ids(3) },
  ]),
  get(
    "limited",
    "/captains?select=id,trainees(id)&id=eq.1&trainees.order=id.desc&trainees.limit=1",
    [{ id: 1, trainees: ids(3) }],
  ),
  get("!inner", "/captains?select=id,trainees!inner(id)&trainees.id=eq.4", [
    { id: 2, trainees: ids(4) },
  ]),
  get("null filter", "/captains?select=id,trainees()&trainees=is.null&order=id", ids(3, 4, 5)),
  get("a detected relationship below", "/ports?select=id,departures(id,ships(name))&id=eq.1", [
    { id: 1, departures: [{ id: 1, ships: { name: "Aurora" } }] },
  ]),
  get("below a detected relationship", "/ships?select=name,captains(mentor(first_name))&id=eq.2", [
    { name: "Bela", captains: { mentor: { first_name: "Ingrid" } } },
  ]),
  get("spread", "/tides?select=word,...port(port:name)&id=eq.3", [
    { word: "high", port: "Lisbon" },
  ]),
  get("counted inside", "/captains?select=id,trainees(count)&id=lt.3&order=id", [
    { id: 1, trainees: [{ count: 2 }] },
    { id: 2, trainees: [{ count: 1 }] },
  ]),
  get("from a function", "/rpc/all_ports?select=id,departures(id)&id=eq.1", [
    { id: 1, departures: ids(1) },
  ]),
  fails(
    "an order by many",
    "GET /captains?select=id,trainees(id)&order=trainees(id)",
    400,
    fault({
      code: "PGRST118",
      message: "A related order on 'trainees' is not possible",
      details: "'captains' and 'trainees' do not form a many-to-one or one-to-one relationship",
    }),
  ),
  fails(
    "from a table that has none",
    "GET /ports?select=id,mentor(id)",
    400,
    expect.objectContaining({
      code: "PGRST200",
    }),
  ),
];

export const rows: readonly Row[] = [
  ...fields.map((row) => ({ ...row, name: `a computed field: ${row.name}` })),
  ...relationships.map((row) => ({ ...row, name: `a computed relationship: ${row.name}` })),
];
