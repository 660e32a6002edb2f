/** references/api/resource_embedding: related rows in one answer. */
import { expect } from "bun:test";
import { fails, fault, get, head, ids, type Row } from "./kit.ts";

const named = (...names: readonly string[]) => names.map((name) => ({ name }));

// "Relationships": "Many-to-one", "One-to-many", "Many-to-many", "One-to-one"
const relationships: Row[] = [
  get("many-to-one is an object, or null", "/ships?select=name,ports(name)&order=id", [
    { name: "Aurora", ports: { name: "Bergen" } },
    { name: "Bela", ports: { name: "Lisbon" } },
    { name: "Caravela", ports: { name: "Lisbon" } },
    { name: "Drakkar", ports: null },
  ]),
  get("an alias", "/ships?select=name,home:ports(name)&id=eq.1", [
    { name: "Aurora", home: { name: "Bergen" } },
  ]),
  get("by the column of the foreign key", "/ships?select=name,home_port_id(name)&id=eq.1", [
    { name: "Aurora", home_port_id: { name: "Bergen" } },
  ]),
  get("by that column with an alias", "/ships?select=name,home:home_port_id(name)&id=eq.1", [
    { name: "Aurora", home: { name: "Bergen" } },
  ]),
  get(
    "by the name of the foreign key",
    "/ships?select=name,home:ships_home_port_fkey(name)&id=eq.1",
    [{ name: "Aurora", home: { name: "Bergen" } }],
  ),
  get("one-to-many is an array", "/ports?select=id,ships(name)&order=id&ships.order=id", [
    { id: 1, ships: named("Aurora") },
    { id: 2, ships: named("Bela", "Caravela") },
    { id: 3, ships: [] },
    { id: 4, ships: [] },
    { id: 5, ships: [] },
  ]),
  get(
    "many-to-many goes over the junction",
    "/voyages?select=id,crew(name)&order=id&crew.order=id",
    [
      { id: 1, crew: named("Ana", "Bo") },
      { id: 2, crew: named("Bo") },
      { id: 3, crew: named("Ana", "Cleo") },
      { id: 4, crew: [] },
    ],
  ),
  get(
    "many-to-many from the other side",
    "/crew?select=name,voyages(id)&order=id&voyages.order=id",
    [
      { name: "Ana", voyages: ids(1, 3) },
      { name: "Bo", voyages: ids(1, 2) },
      { name: "Cleo", voyages: ids(3) },
      { name: "Dag", voyages: [] },
    ],
  ),
  get("one-to-one by a primary key", "/ships?select=name,ship_papers(registry)&order=id", [
    { name: "Aurora", ship_papers: { registry: "NO-111" } },
    { name: "Bela", ship_papers: { registry: "PT-222" } },
    { name: "Caravela", ship_papers: null },
    { name: "Drakkar", ship_papers: null },
  ]),
  get("one-to-one from its other side", "/ship_papers?select=registry,ships(name)&ship_id=eq.2", [
    { registry: "PT-222", ships: { name: "Bela" } },
  ]),
  get("one-to-one by a unique key", "/captains?select=last_name,ships(name)&id=in.(1,5)&order=id", [
    { last_name: "Vik", ships: { name: "Aurora" } },
    { last_name: "Vik", ships: null },
  ]),
  get("a foreign key of two columns", "/moorings?select=id,docks(port_id,letter)&order=id", [
    { id: 1, docks: { port_id: 1, letter: "A" } },
    { id: 2, docks: { port_id: 1, letter: "A" } },
    { id: 3, docks: { port_id: 2, letter: "A" } },
    { id: 4, docks: null },
  ]),
  get(
    "a foreign key of two columns backwards",
    "/docks?select=letter,moorings(id)&port_id=eq.1&order=letter&moorings.order=id",
    [
      { letter: "A", moorings: ids(1, 2) },
      { letter: "B", moorings: [] },
    ],
  ),
  get("all columns of both", "/ship_papers?select=*,ships(*)&ship_id=eq.1", [
    {
      ship_id: 1,
      registry: "NO-111",
      issued: "1921-05-01",
      ships: {
        id: 1,
        name: "Aurora",
        kind: "schooner",
        captain_id: 1,
        home_port_id: 1,
        built: 1921,
        tonnage: 120.5,
      },
    },
  ]),
  get("two resources side by side", "/ships?select=name,ports(name),captains(last_name)&id=eq.2", [
    { name: "Bela", ports: { name: "Lisbon" }, captains: { last_name: "Reis" } },
  ]),
  get(
    "columns inside are renamed, cast and followed into JSON",
    "/ships?select=name,ports(n:name,id::text,info->>cranes)&id=eq.1",
    [{ name: "Aurora", ports: { n: "Bergen", id: "1", cranes: "3" } }],
  ),
];

// What has one name is told apart by its parentheses
const sameNames: Row[] = [
  get(
    "a column and a relationship of one name",
    "/captain_tallies?select=ships,vessel:ships(name)&id=eq.1",
    [{ ships: 1, vessel: { name: "Aurora" } }],
  ),
  get(
    "a filter by such a column",
    "/captain_tallies?select=id,vessel:ships(name)&ships=eq.1&order=id&id=lt.3",
    [
      { id: 1, vessel: { name: "Aurora" } },
      { id: 2, vessel: { name: "Bela" } },
    ],
  ),
  get(
    "a filter by a column that leads to an embedded resource",
    "/captains?select=id,mentor_id,teacher:mentor_id(id)&mentor_id=eq.2",
    [{ id: 4, mentor_id: 2, teacher: { id: 2 } }],
  ),
];

// "Foreign Key Joins on Multiple Foreign Key Relationships"
const several: Row[] = [
  fails("two ways to a table are too many", "GET /voyages?select=id,ports(name)", 300, {
    code: "PGRST201",
    message:
      "Could not embed because more than one relationship was found for 'voyages' and 'ports'",
    details: [
      {
        cardinality: "many-to-one",
        embedding: "voyages with ports",
        relationship: "voyages_destination_fkey using voyages(destination_id) and ports(id)",
      },
      {
        cardinality: "many-to-one",
        embedding: "voyages with ports",
        relationship: "voyages_origin_fkey using voyages(origin_id) and ports(id)",
      },
    ],
    hint: "Try changing 'ports' to one of the following: 'ports!voyages_destination_fkey', 'ports!voyages_origin_fkey'. Find the desired relationship in the 'details' key.",
  }),
  fails("two ways back are too many", "GET /ports?select=id,voyages(id)", 300, {
    code: "PGRST201",
    message:
      "Could not embed because more than one relationship was found for 'ports' and 'voyages'",
    details: [
      {
        cardinality: "one-to-many",
        embedding: "ports with voyages",
        relationship: "voyages_destination_fkey using ports(id) and voyages(destination_id)",
      },
      {
        cardinality: "one-to-many",
        embedding: "ports with voyages",
        relationship: "voyages_origin_fkey using ports(id) and voyages(origin_id)",
      },
    ],
    hint: "Try changing 'voyages' to one of the following: 'voyages!voyages_destination_fkey', 'voyages!voyages_origin_fkey'. Find the desired relationship in the 'details' key.",
  }),
  get(
    "the name of the foreign key decides",
    "/voyages?select=id,from:ports!voyages_origin_fkey(name),to:ports!voyages_destination_fkey(name)&id=eq.1",
    [{ id: 1, from: { name: "Bergen" }, to: { name: "Lisbon" } }],
  ),
  get(
    "so does its column",
    "/voyages?select=id,from:ports!origin_id(name),to:ports!destination_id(name)&id=eq.1",
    [{ id: 1, from: { name: "Bergen" }, to: { name: "Lisbon" } }],
  ),
  get(
    "or the column alone",
    "/voyages?select=id,from:origin_id(name),to:destination_id(name)&id=eq.3",
    [{ id: 3, from: { name: "Lisbon" }, to: { name: "Reykjavik" } }],
  ),
  get(
    "a hint on the way back",
    "/ports?select=id,out:voyages!voyages_origin_fkey(id),in:voyages!voyages_destination_fkey(id)&id=eq.2&out.order=id",
    [{ id: 2, out: ids(2, 3, 4), in: ids(1) }],
  ),
  get("the junction as a hint", "/voyages?select=id,crew!voyage_crew(name)&id=eq.2", [
    { id: 2, crew: named("Bo") },
  ]),
  fails(
    "a hint that fits nothing",
    "GET /voyages?select=id,ports!no_such_key(name)",
    400,
    expect.objectContaining({
      code: "PGRST200",
      message: "Could not find a relationship between 'voyages' and 'ports' in the schema cache",
      details:
        "Searched for a foreign key relationship between 'voyages' and 'ports' using the hint 'no_such_key' in the schema 'api', but no matches were found.",
    }),
  ),
  fails(
    "a table that is not related",
    "GET /ships?select=name,buoys(id)",
    400,
    fault({
      code: "PGRST200",
      message: "Could not find a relationship between 'ships' and 'buoys' in the schema cache",
      details:
        "Searched for a foreign key relationship between 'ships' and 'buoys' in the schema 'api', but no matches were found.",
    }),
  ),
  fails(
    "a name like that of a related table",
    "GET /ships?select=name,captain(last_name)",
    400,
    fault({
      code: "PGRST200",
      message: "Could not find a relationship between 'ships' and 'captain' in the schema cache",
      details:
        "Searched for a foreign key relationship between 'ships' and 'captain' in the schema 'api', but no matches were found.",
      hint: "Perhaps you meant 'captains' instead of 'captain'.",
    }),
  ),
];

// "Recursive Relationships"
const recursive: Row[] = [
  get(
    "a table in itself is its many side",
    "/captains?select=first_name,captains(first_name)&id=eq.1&captains.order=id",
    [{ first_name: "Ingrid", captains: [{ first_name: "Duarte" }, { first_name: "Halla" }] }],
  ),
  get("its column is the one side", "/captains?select=first_name,mentor_id(first_name)&id=eq.2", [
    { first_name: "Duarte", mentor_id: { first_name: "Ingrid" } },
  ]),
  get(
    "the column as a hint is the many side",
    "/captains?select=first_name,pupils:captains!mentor_id(first_name)&id=eq.2",
    [{ first_name: "Duarte", pupils: [{ first_name: "Tomas" }] }],
  ),
  get(
    "three generations",
    "/captains?select=id,captains(id,captains(id))&id=eq.1&captains.order=id",
    [
      {
        id: 1,
        captains: [
          { id: 2, captains: ids(4) },
          { id: 3, captains: [] },
        ],
      },
    ],
  ),
  get(
    "one side and many side by functions",
    "/captains?select=first_name,mentor(first_name),trainees(first_name)&id=eq.2",
    [
      {
        first_name: "Duarte",
        mentor: { first_name: "Ingrid" },
        trainees: [{ first_name: "Tomas" }],
      },
    ],
  ),
  get(
    "many-to-many with itself by a function",
    "/ports?select=name,destinations(name)&id=eq.2&destinations.order=id",
    [{ name: "Lisbon", destinations: named("Bergen", "Porto") }],
  ),
];

// "Foreign Key Joins on Partitioned Tables", "… on Views", "… on Chains of Views"
const otherObjects: Row[] = [
  get("from a partitioned table", "/harbour_logs?select=on_day,ports(name)&port_id=eq.2", [
    { on_day: "1999-05-01", ports: { name: "Lisbon" } },
  ]),
  get(
    "to a partitioned table",
    "/ports?select=name,harbour_logs(entries)&id=eq.1&harbour_logs.order=on_day",
    [{ name: "Bergen", harbour_logs: [{ entries: 7 }, { entries: 9 }] }],
  ),
  get("from a view to a table", "/open_ports?select=name,countries(name)&order=id", [
    { name: "Bergen", countries: { name: "Norway" } },
    { name: "Lisbon", countries: { name: "Portugal" } },
  ]),
  get("from a table to a view", "/countries?select=code,open_ports(name)&order=code", [
    { code: "IS", open_ports: [] },
    { code: "NO", open_ports: named("Bergen") },
    { code: "NZ", open_ports: [] },
    { code: "PT", open_ports: named("Lisbon") },
  ]),
  get("from a view of a view", "/deep_ports?select=name,countries(name)", [
    { name: "Bergen", countries: { name: "Norway" } },
  ]),
  get("to a view of a view", "/ships?select=name,deep_ports(name)&id=in.(1,2)&order=id", [
    { name: "Aurora", deep_ports: { name: "Bergen" } },
    { name: "Bela", deep_ports: null },
  ]),
  get("a view that names the column otherwise", "/voyage_overview?select=id,ports(name)&id=eq.3", [
    { id: 3, ports: { name: "Lisbon" } },
  ]),
  get(
    "a view with a join, to the tables around",
    "/voyage_overview?select=ship_name,ships(kind),cargo(goods),crew(name)&id=eq.1&cargo.order=id&crew.order=id",
    [
      {
        ship_name: "Aurora",
        ships: { kind: "schooner" },
        cargo: [{ goods: "fish" }, { goods: "wool" }],
        crew: named("Ana", "Bo"),
      },
    ],
  ),
  get("from a view to a view", "/voyage_overview?select=id,open_ports(name)&order=id&id=gt.2", [
    { id: 3, open_ports: { name: "Lisbon" } },
    { id: 4, open_ports: { name: "Lisbon" } },
  ]),
  get("a view over a hidden table", "/lamps?select=colour,ports(name)&order=id", [
    { colour: "red", ports: { name: "Bergen" } },
    { colour: "green", ports: { name: "Bergen" } },
    { colour: "white", ports: { name: "Lisbon" } },
  ]),
  get(
    "to a view over a hidden table",
    "/ports?select=name,lamps(colour)&id=lt.3&order=id&lamps.order=id",
    [
      { name: "Bergen", lamps: [{ colour: "red" }, { colour: "green" }] },
      { name: "Lisbon", lamps: [{ colour: "white" }] },
    ],
  ),
  get("from a materialized view", "/captain_tallies?select=last_name,vessel:ships(name)&id=eq.1", [
    { last_name: "Vik", vessel: { name: "Aurora" } },
  ]),
  get("to a materialized view", "/ships?select=name,captain_tallies(ships)&id=eq.2", [
    { name: "Bela", captain_tallies: { ships: 1 } },
  ]),
  fails(
    "a materialized view over a recursive table, by its column",
    "GET /captain_tallies?select=last_name,mentor_id(last_name)",
    300,
    expect.objectContaining({ code: "PGRST201" }),
  ),
  fails(
    "a view with a union has no relationships",
    "GET /everyone?select=name,ships(name)",
    400,
    expect.objectContaining({ code: "PGRST200" }),
  ),
];

// "Foreign Key Joins on Table-Valued Functions", "Nested Embedding"
const nested: Row[] = [
  get("from a function", "/rpc/all_ports?select=name,countries(name)&id=eq.1", [
    { name: "Bergen", countries: { name: "Norway" } },
  ]),
  get(
    "from a function with arguments",
    "/rpc/ports_of?code=PT&select=name,ships(name)&order=id&ships.order=id",
    [
      { name: "Lisbon", ships: named("Bela", "Caravela") },
      { name: "Porto", ships: [] },
    ],
  ),
  get(
    "over the junction, with its columns",
    "/crew?select=name,voyage_crew(duty,voyages(id))&id=eq.1&voyage_crew.order=voyage_id",
    [
      {
        name: "Ana",
        voyage_crew: [
          { duty: "cook", voyages: { id: 1 } },
          { duty: "cook", voyages: { id: 3 } },
        ],
      },
    ],
  ),
  get(
    "down and down",
    "/countries?select=code,ports(name,ships(name,captains(last_name)))&code=eq.NO",
    [
      {
        code: "NO",
        ports: [{ name: "Bergen", ships: [{ name: "Aurora", captains: { last_name: "Vik" } }] }],
      },
    ],
  ),
  get("up and up", "/ships?select=name,ports(name,countries(name))&id=eq.3", [
    { name: "Caravela", ports: { name: "Lisbon", countries: { name: "Portugal" } } },
  ]),
];

// "Embedded Filters"
const embeddedFilters: Row[] = [
  get(
    "a filter of the embedded rows alone",
    "/ports?select=id,ships(id)&id=lt.3&order=id&ships.built=lt.1900&ships.order=id",
    [
      { id: 1, ships: [] },
      { id: 2, ships: ids(2, 3) },
    ],
  ),
  get(
    "a filter of the one side makes null",
    "/ships?select=id,captains(last_name)&captains.last_name=eq.Vik&order=id",
    [
      { id: 1, captains: { last_name: "Vik" } },
      { id: 2, captains: null },
      { id: 3, captains: null },
      { id: 4, captains: null },
    ],
  ),
  get("in", "/ports?select=id,ships(id)&id=eq.2&ships.kind=in.(galleon,sloop)", [
    { id: 2, ships: ids(3) },
  ]),
  get("or", "/ports?select=id,ships(id)&id=eq.2&ships.or=(kind.eq.brig,built.gt.1900)", [
    { id: 2, ships: ids(2) },
  ]),
  get("not.and", "/ports?select=id,ships(id)&id=eq.2&ships.not.and=(kind.eq.brig,built.lt.1900)", [
    { id: 2, ships: ids(3) },
  ]),
  get("order", "/ports?select=id,ships(name)&id=eq.2&ships.order=name.desc", [
    { id: 2, ships: named("Caravela", "Bela") },
  ]),
  get("limit", "/ports?select=id,ships(id)&id=eq.2&ships.order=id&ships.limit=1", [
    { id: 2, ships: ids(2) },
  ]),
  get(
    "limit and offset",
    "/ports?select=id,ships(id)&id=eq.2&ships.order=id&ships.limit=1&ships.offset=1",
    [{ id: 2, ships: ids(3) }],
  ),
  get(
    "a limit of many-to-many is per row",
    "/voyages?select=id,crew(name)&id=in.(1,3)&order=id&crew.order=name.desc&crew.limit=1",
    [
      { id: 1, crew: named("Bo") },
      { id: 3, crew: named("Cleo") },
    ],
  ),
  get(
    "by alias, the same table twice",
    "/ports?select=id,a:ships(id),b:ships(id)&id=eq.2&a.kind=eq.brig&b.kind=eq.galleon",
    [{ id: 2, a: ids(2), b: ids(3) }],
  ),
  get(
    "by the name of the table that has an alias",
    "/ports?select=id,a:ships(id)&id=eq.2&ships.kind=eq.brig",
    [{ id: 2, a: ids(2) }],
  ),
  get(
    "of a level below",
    "/countries?select=code,ports(id,ships(id))&code=eq.PT&ports.order=id&ports.ships.kind=eq.brig",
    [
      {
        code: "PT",
        ports: [
          { id: 2, ships: ids(2) },
          { id: 3, ships: [] },
        ],
      },
    ],
  ),
  get(
    "of a level below by aliases",
    "/countries?select=code,p:ports(id,s:ships(id))&code=eq.PT&p.order=id.desc&p.s.order=id.desc",
    [
      {
        code: "PT",
        p: [
          { id: 3, s: [] },
          { id: 2, s: ids(3, 2) },
        ],
      },
    ],
  ),
  get("by a path in JSON", "/countries?select=code,ports(id)&code=eq.PT&ports.info->>cranes=eq.4", [
    { code: "PT", ports: ids(3) },
  ]),
  fails(
    "a resource that is not embedded",
    "GET /ships?select=name&captains.last_name=eq.Vik",
    400,
    fault({
      code: "PGRST108",
      message: "'captains' is not an embedded resource in this request",
      hint: "Verify that 'captains' is included in the 'select' query parameter.",
    }),
  ),
  fails(
    "an order of a resource that is not embedded",
    "GET /ships?select=name&captains.order=last_name",
    400,
    expect.objectContaining({ code: "PGRST108" }),
  ),
];

// "Top-level Filtering"
const inner: Row[] = [
  get(
    "!inner of the one side",
    "/ships?select=name,captains!inner(last_name)&captains.last_name=eq.Vik",
    [{ name: "Aurora", captains: { last_name: "Vik" } }],
  ),
  get(
    "!inner without a filter drops those without",
    "/ships?select=name,captains!inner(id)&order=id",
    [
      { name: "Aurora", captains: { id: 1 } },
      { name: "Bela", captains: { id: 2 } },
      { name: "Drakkar", captains: { id: 3 } },
    ],
  ),
  get("!left keeps them", "/ships?select=name,captains!left(id)&id=eq.3", [
    { name: "Caravela", captains: null },
  ]),
  get("!inner of the many side", "/ports?select=name,ships!inner(name)&ships.kind=eq.brig", [
    { name: "Lisbon", ships: named("Bela") },
  ]),
  get("!inner over a junction", "/voyages?select=id,crew!inner(name)&crew.name=eq.Ana&order=id", [
    { id: 1, crew: named("Ana") },
    { id: 3, crew: named("Ana") },
  ]),
  get(
    "!inner at two levels",
    "/countries?select=code,ports!inner(name,ships!inner(name))&ports.ships.kind=eq.schooner",
    [{ code: "NO", ports: [{ name: "Bergen", ships: named("Aurora") }] }],
  ),
  get(
    "!inner below !left",
    "/countries?select=code,ports(name,ships!inner(name))&code=in.(IS,NO)&order=code",
    [
      { code: "IS", ports: [] },
      { code: "NO", ports: [{ name: "Bergen", ships: named("Aurora") }] },
    ],
  ),
  get(
    "a hint and !inner",
    "/voyages?select=id,ports!voyages_destination_fkey!inner(name)&ports.name=eq.Porto",
    [{ id: 4, ports: { name: "Porto" } }],
  ),
  get(
    "!inner and a hint",
    "/voyages?select=id,ports!inner!voyages_destination_fkey(name)&ports.name=eq.Porto",
    [{ id: 4, ports: { name: "Porto" } }],
  ),
  get(
    "an alias and !inner",
    "/ships?select=name,boss:captains!inner(last_name)&boss.last_name=eq.Reis",
    [{ name: "Bela", boss: { last_name: "Reis" } }],
  ),
  head("!inner is counted", "/ships?select=id,captains!inner(id)", {
    prefer: "count=exact",
    range: "0-2/3",
  }),
];

// "Null filtering on Embedded Resources", "OR filtering across Embedded Resources", "Empty Embed"
const nulls: Row[] = [
  get(
    "is null of the one side",
    "/ships?select=name,captains()&captains=is.null",
    named("Caravela"),
  ),
  get(
    "not is null of the one side",
    "/ships?select=name,captains()&captains=not.is.null&order=id",
    named("Aurora", "Bela", "Drakkar"),
  ),
  get("is null of the many side", "/ports?select=id,ships()&ships=is.null&order=id", ids(3, 4, 5)),
  get(
    "not is null of the many side",
    "/ports?select=id,ships(name)&ships=not.is.null&ships.kind=eq.brig",
    [{ id: 2, ships: named("Bela") }],
  ),
  get("is null over a junction", "/voyages?select=id,crew()&crew=is.null", ids(4)),
  get(
    "not is null over a junction, filtered",
    "/voyages?select=id,crew()&crew.name=eq.Cleo&crew=not.is.null",
    ids(3),
  ),
  get("is null by alias", "/ships?select=name,boss:captains()&boss=is.null", named("Caravela")),
  get(
    "not is null at a level below",
    "/countries?select=code,ports(name,ships())&ports.ships=not.is.null&ports=not.is.null&order=code",
    [
      { code: "NO", ports: named("Bergen") },
      { code: "PT", ports: named("Lisbon") },
    ],
  ),
  get(
    "null filters in or",
    "/ships?select=name,captains(),ship_papers()&or=(captains.is.null,ship_papers.is.null)&order=id",
    named("Caravela", "Drakkar"),
  ),
  get(
    "or across two resources",
    "/ships?select=name,captains(),ports()&captains.last_name=eq.Vik&ports.name=eq.Lisbon&or=(captains.not.is.null,ports.not.is.null)&order=id",
    named("Aurora", "Bela", "Caravela"),
  ),
  get(
    "filters by empty embeds beside full ones",
    "/ships?select=name,c:captains(),captains(last_name)&c.last_name=eq.Reis&c=not.is.null",
    [{ name: "Bela", captains: { last_name: "Reis" } }],
  ),
  get("an empty embed shows nothing", "/ships?select=name,captains()&id=eq.1", named("Aurora")),
  get("an empty embed in an embed", "/ships?select=name,ports(name,countries())&id=eq.1", [
    { name: "Aurora", ports: { name: "Bergen" } },
  ]),
  get(
    "null filters are counted",
    "/ships?select=name,captains()&captains=not.is.null&order=id",
    named("Aurora", "Bela", "Drakkar"),
    {
      prefer: "count=exact",
      range: "0-2/3",
    },
  ),
  fails(
    "another operator",
    "GET /ships?select=name,captains()&captains=eq.1",
    400,
    fault({
      code: "PGRST120",
      message: "Bad operator on the 'captains' embedded resource",
      details: "Only is null or not is null filters are allowed on embedded resources",
    }),
  ),
];

// "Top-level Ordering"
const relatedOrder: Row[] = [
  get(
    "by a column of the one side",
    "/ships?select=name,captains(last_name)&order=captains(last_name).desc.nullslast",
    [
      { name: "Aurora", captains: { last_name: "Vik" } },
      { name: "Bela", captains: { last_name: "Reis" } },
      { name: "Drakkar", captains: { last_name: "Jonsdottir" } },
      { name: "Caravela", captains: null },
    ],
  ),
  get(
    "ascending, nulls last by default",
    "/ships?select=id,captains()&order=captains(last_name)",
    ids(4, 2, 1, 3),
  ),
  get(
    "nulls first",
    "/ships?select=id,captains()&order=captains(last_name).nullsfirst",
    ids(3, 4, 2, 1),
  ),
  get(
    "by alias",
    "/ships?select=id,boss:captains()&order=boss(born).desc.nullslast",
    ids(4, 2, 1, 3),
  ),
  get(
    "and by an own column",
    "/ships?select=id,ports()&order=ports(name).desc.nullslast,built",
    ids(3, 2, 1, 4),
  ),
  get(
    "by one-to-one",
    "/ships?select=id,ship_papers()&order=ship_papers(registry).desc.nullslast,id.desc",
    ids(2, 1, 4, 3),
  ),
  get(
    "related, by a path in JSON",
    "/ships?select=id,ports()&order=ports(info->cranes).desc.nullslast,id",
    ids(2, 3, 1, 4),
  ),
  get(
    "by a computed relationship",
    "/captains?select=id,mentor()&order=mentor(first_name).desc.nullslast,id",
    ids(2, 3, 4, 1, 5),
  ),
  get(
    "inside an embedded resource",
    "/ports?select=id,ships(id,captains(id))&id=eq.2&ships.order=captains(id).nullsfirst",
    [
      {
        id: 2,
        ships: [
          { id: 3, captains: null },
          { id: 2, captains: { id: 2 } },
        ],
      },
    ],
  ),
  fails(
    "by the many side",
    "GET /ports?select=id,ships(id)&order=ships(id)",
    400,
    fault({
      code: "PGRST118",
      message: "A related order on 'ships' is not possible",
      details: "'ports' and 'ships' do not form a many-to-one or one-to-one relationship",
    }),
  ),
  fails(
    "by a resource that is not embedded",
    "GET /ships?select=id&order=captains(id)",
    400,
    fault({
      code: "PGRST108",
      message: "'captains' is not an embedded resource in this request",
      hint: "Verify that 'captains' is included in the 'select' query parameter.",
    }),
  ),
];

// "Spread embedded resource"
const spread: Row[] = [
  get(
    "the one side without its object",
    "/ships?select=name,...captains(captain:last_name)&order=id",
    [
      { name: "Aurora", captain: "Vik" },
      { name: "Bela", captain: "Reis" },
      { name: "Caravela", captain: null },
      { name: "Drakkar", captain: "Jonsdottir" },
    ],
  ),
  get("all of its columns", "/ships?select=name,...ship_papers(*)&id=eq.1", [
    { name: "Aurora", ship_id: 1, registry: "NO-111", issued: "1921-05-01" },
  ]),
  get(
    "nested",
    "/ships?select=name,...ports(port:name,...countries(country:name))&order=id&id=in.(1,4)",
    [
      { name: "Aurora", port: "Bergen", country: "Norway" },
      { name: "Drakkar", port: null, country: null },
    ],
  ),
  get("in an embedded resource", "/ports?select=id,ships(name,...captains(last_name))&id=eq.1", [
    { id: 1, ships: [{ name: "Aurora", last_name: "Vik" }] },
  ]),
  get(
    "columns of the junction",
    "/voyages?select=id,people:voyage_crew(duty,...crew(name))&id=eq.1&people.order=crew_id",
    [
      {
        id: 1,
        people: [
          { duty: "cook", name: "Ana" },
          { duty: "mate", name: "Bo" },
        ],
      },
    ],
  ),
  get("an embedded resource in it", "/ships?select=name,...ports(countries(name))&id=eq.1", [
    { name: "Aurora", countries: { name: "Norway" } },
  ]),
  get(
    "with a hint and a filter",
    "/voyages?select=id,...ports!voyages_origin_fkey!inner(from:name)&ports.name=eq.Bergen",
    [{ id: 1, from: "Bergen" }],
  ),
  get(
    "a computed relationship",
    "/captains?select=first_name,...mentor(mentor:first_name)&id=eq.4",
    [{ first_name: "Tomas", mentor: "Duarte" }],
  ),
  get("an empty one", "/ships?select=name,...captains()&id=eq.1", [{ name: "Aurora" }]),
  get(
    "the many side gives arrays",
    "/ports?select=id,...ships(ships:name,built)&id=lt.4&order=id&ships.order=id",
    [
      { id: 1, ships: ["Aurora"], built: [1921] },
      { id: 2, ships: ["Bela", "Caravela"], built: [1893, 1890] },
      { id: 3, ships: [], built: [] },
    ],
  ),
  get(
    "arrays in the order of the resource",
    "/ports?select=id,...ships(ships:name)&id=eq.2&ships.order=built",
    [{ id: 2, ships: ["Caravela", "Bela"] }],
  ),
  get(
    "arrays keep nulls",
    "/ports?select=id,...ships(captains:captain_id)&id=eq.2&ships.order=id",
    [{ id: 2, captains: [2, null] }],
  ),
  get(
    "many-to-many gives arrays",
    "/voyages?select=id,...crew(names:name)&order=id&crew.order=name",
    [
      { id: 1, names: ["Ana", "Bo"] },
      { id: 2, names: ["Bo"] },
      { id: 3, names: ["Ana", "Cleo"] },
      { id: 4, names: [] },
    ],
  ),
  get(
    "a one side inside a many side",
    "/ports?select=id,...ships(ships:name,...captains(captains:last_name))&id=eq.2&ships.order=id",
    [{ id: 2, ships: ["Bela", "Caravela"], captains: ["Reis", null] }],
  ),
  get(
    "an object inside a many side",
    "/ports?select=id,...ships(captains(last_name))&id=eq.2&ships.order=id",
    [{ id: 2, captains: [{ last_name: "Reis" }, null] }],
  ),
  get(
    "a filtered many side",
    "/ports?select=id,...ships(ships:name)&id=eq.2&ships.kind=eq.galleon",
    [{ id: 2, ships: ["Caravela"] }],
  ),
];

export const rows: readonly Row[] = [
  ...relationships,
  ...sameNames,
  ...several,
  ...recursive,
  ...otherObjects,
  ...nested,
  ...embeddedFilters,
  ...inner,
  ...nulls,
  ...relatedOrder,
  ...spread,
];
