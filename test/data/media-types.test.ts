/** What `Accept` is answered with, against docs.postgrest.org, "Resource Representation" and "Media Type Handlers". */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type DataRow, fault, runDataRows } from "./data-rows.ts";
import { type DataWorld, openDataWorld } from "./data-world.ts";

let world: DataWorld;
let closed: DataWorld;
beforeAll(async () => {
  world = await openDataWorld(
    { require_rls: false, db_plan_enabled: true },
    [],
    "test/data/writing.fixture.sql",
  );
  closed = await openDataWorld({ require_rls: false });
});
afterAll(async () => {
  await world.close();
  await closed.close();
});

const OBJECT = "application/vnd.pgrst.object+json";
const ARRAY = "application/vnd.pgrst.array+json";
const JSON_TYPE = "application/json; charset=utf-8";
const FULL = "return=representation";

function unavailable(names: string) {
  return {
    status: 406,
    headers: { "content-type": JSON_TYPE, "proxy-status": "PostgREST; error=PGRST107" },
    body: fault("PGRST107", `None of these media types are available: ${names}`),
  };
}

const negotiating: DataRow[] = [
  {
    name: "nothing asked for is JSON",
    path: "/clients?id=eq.1",
    want: { headers: { "content-type": JSON_TYPE }, body: [{ id: 1, name: "Microsoft" }] },
  },
  {
    name: "a schema that is named is named in the answer",
    path: "/clients?id=eq.1",
    headers: { "accept-profile": "public" },
    want: { headers: { "content-profile": "public" } },
  },
  {
    name: "one that is not is not",
    path: "/clients?id=eq.1",
    headers: { "content-profile": "public" },
    want: { headers: { "content-profile": null } },
  },
  {
    name: "a name is read whatever its case",
    path: "/clients?id=eq.1",
    accept: "APPLICATION/vnd.PGRST.object+JSON",
    want: {
      headers: { "content-type": `${OBJECT}; charset=utf-8` },
      body: { id: 1, name: "Microsoft" },
    },
  },
  {
    name: "the array of PostgREST is JSON",
    path: "/clients?id=eq.1",
    accept: ARRAY,
    want: { headers: { "content-type": JSON_TYPE }, body: [{ id: 1, name: "Microsoft" }] },
  },
  {
    name: "the first that can be made is made",
    path: "/clients?id=eq.1",
    accept: "text/plain, application/json",
    want: { headers: { "content-type": JSON_TYPE } },
  },
  {
    name: "what nobody makes is named",
    path: "/clients",
    accept: "text/plain;q=0.2, image/gif, undefined",
    want: unavailable("image/gif, undefined, text/plain"),
  },
  {
    name: "a call refuses too, before it runs",
    method: "POST",
    path: "/rpc/rename_items",
    accept: "audio/mpeg3",
    body: { upto: 1 },
    want: unavailable("audio/mpeg3"),
  },
  {
    name: "and so does a write whose answer is empty",
    method: "PATCH",
    path: "/items?id=eq.1",
    accept: "audio/mpeg3",
    body: { name: "x" },
    want: unavailable("audio/mpeg3"),
  },
  {
    name: "nothing was written",
    path: "/items?id=eq.1",
    want: { body: [{ id: 1, name: "item-1" }] },
  },
  {
    name: "a table's row as an object without its nulls",
    path: "/projects?id=eq.1",
    accept: `${OBJECT};nulls=stripped`,
    want: {
      headers: { "content-type": `${OBJECT};nulls=stripped; charset=utf-8` },
      body: { id: 1, name: "Windows 7", client_id: 1 },
    },
  },
  {
    name: "rows without their nulls, though they were selected",
    path: "/projects?select=id,budget&order=id",
    accept: "application/vnd.pgrst.array;nulls=stripped",
    want: {
      headers: { "content-type": `${ARRAY};nulls=stripped; charset=utf-8` },
      body: [{ id: 1 }, { id: 2, budget: 1.5 }, { id: 3 }],
    },
  },
  {
    name: "what was written without its nulls",
    method: "POST",
    path: "/projects",
    prefer: FULL,
    accept: `${ARRAY};nulls=stripped`,
    body: { id: 50, name: "New", client_id: null },
    want: { status: 201, body: [{ id: 50, name: "New" }] },
  },
  {
    name: "a call's rows without their nulls",
    path: "/rpc/one_project?id=1",
    accept: `${ARRAY};nulls=stripped`,
    want: { body: { id: 1, name: "Windows 7", client_id: 1 } },
  },
  {
    name: "an object of several rows is refused, stripped or not",
    path: "/clients",
    accept: `${OBJECT};nulls=stripped`,
    want: {
      status: 406,
      headers: { "content-type": JSON_TYPE },
      body: fault(
        "PGRST116",
        "Cannot coerce the result to a single JSON object",
        "The result contains 2 rows",
      ),
    },
  },
  {
    name: "GeoJSON needs PostGIS",
    path: "/clients",
    accept: "application/geo+json",
    want: unavailable("application/geo+json"),
  },
  {
    name: "a plan is not told where it is not enabled by configuration's default",
    path: "/artists",
    accept: "application/vnd.pgrst.plan",
    want: unavailable('application/vnd.pgrst.plan+text; for="application/json"'),
  },
];

const handlers: DataRow[] = [
  {
    name: "a function that returns a media type answers its text as it is",
    path: "/rpc/welcome.html",
    accept: "text/html",
    want: { headers: { "content-type": "text/html" }, body: "<h1>Welcome</h1>" },
  },
  {
    name: "and as JSON where anything will do",
    path: "/rpc/welcome.html",
    want: { headers: { "content-type": JSON_TYPE }, body: '"<h1>Welcome</h1>"' },
  },
  {
    name: "and nothing else",
    path: "/rpc/welcome.html",
    accept: "text/xml",
    want: unavailable("text/xml"),
  },
  {
    name: "a null of a media type is an empty body",
    path: "/rpc/no_png",
    accept: "image/png",
    want: { headers: { "content-type": "image/png" }, body: "" },
  },
  {
    name: "a function of any type answers bytes to whatever is asked",
    path: "/rpc/any_type",
    accept: "app/bingo",
    want: { headers: { "content-type": "application/octet-stream" }, body: "any" },
  },
  {
    name: "it may say itself what it made",
    path: "/rpc/some_types",
    accept: "app/chico",
    want: { headers: { "content-type": "app/chico" }, body: "chico" },
  },
  {
    name: "also when anything will do",
    path: "/rpc/some_types",
    accept: "*/*",
    want: { headers: { "content-type": "app/groucho" }, body: "groucho" },
  },
  {
    name: "and refuse what it does not make",
    path: "/rpc/some_types",
    accept: "text/csv",
    want: { status: 406, body: fault("PT406", "Not Acceptable") },
  },
  {
    name: "what PostgREST makes itself nobody takes over",
    path: "/rpc/any_type",
    accept: OBJECT,
    want: { headers: { "content-type": `${OBJECT}; charset=utf-8` } },
  },
  {
    name: "an aggregate of a table takes CSV over, with headers of its own",
    path: "/lines?order=id",
    accept: "text/csv",
    want: {
      headers: {
        "content-type": "text/csv; charset=utf-8",
        "content-disposition": 'attachment; filename="lines.csv"',
      },
      body: "1;one\n2;two\n",
    },
  },
  {
    name: "for whole rows only",
    path: "/lines?select=id&order=id",
    accept: "text/csv",
    want: { body: "id\n1\n2" },
  },
  {
    name: "a selection that no handler takes is refused",
    path: "/lines?select=id,name",
    accept: "application/vnd.lines",
    want: unavailable("application/vnd.lines"),
  },
  {
    name: "every column by star is the whole row",
    path: "/lines?select=*&order=id",
    accept: "text/csv",
    want: { body: "1;one\n2;two\n" },
  },
  {
    name: "a function that returns the table's rows has its handlers",
    path: "/rpc/get_lines",
    accept: "text/csv",
    want: { body: "1;one\n2;two\n" },
  },
  {
    name: "an aggregate over any row serves a table",
    path: "/clients?order=id",
    accept: "text/tab-separated-values",
    want: {
      headers: { "content-type": "text/tab-separated-values" },
      body: "1\tMicrosoft\n2\tApple\n",
    },
  },
  {
    name: "and a selection",
    path: "/projects?select=name,id&id=lt.3&order=id",
    accept: "text/tab-separated-values",
    want: { body: "Windows 7\t1\nWindows 10\t2\n" },
  },
  {
    name: "and what was written",
    method: "PATCH",
    path: "/clients?id=eq.2",
    prefer: FULL,
    accept: "text/tab-separated-values",
    body: { name: "Apple" },
    want: { headers: { "content-type": "text/tab-separated-values" }, body: "2\tApple\n" },
  },
  {
    name: "an aggregate of any type answers whatever is asked of its table",
    path: "/numbers?order=val",
    accept: "magic/number",
    want: { headers: { "content-type": "application/octet-stream" }, body: "1 2 " },
  },
  {
    name: "HEAD tells the type and sends nothing",
    method: "HEAD",
    path: "/numbers",
    accept: "magic/number",
    want: { headers: { "content-type": "application/octet-stream" }, body: "" },
  },
];

describe("Accept", () => {
  runDataRows(negotiating.slice(0, -1), () => world);
  runDataRows(negotiating.slice(-1), () => closed);
});

describe("media type handlers", () => {
  runDataRows(handlers, () => world);

  test("bytes are sent as they are", async () => {
    const answer = await world.ask("/rpc/a_png", { headers: { accept: "image/png, */*" } });
    expect(answer.headers.get("content-type")).toBe("image/png");
    expect(Buffer.from(await answer.arrayBuffer()).toString("hex")).toBe("89504e470d0a1a0a00ff");
  });

  test("bytes of an aggregate too", async () => {
    for (const path of ["/lines?order=id", "/rpc/get_lines"]) {
      const answer = await world.ask(path, { headers: { accept: "application/vnd.lines" } });
      expect(answer.headers.get("content-type")).toBe("application/vnd.lines");
      expect(Buffer.from(await answer.arrayBuffer()).toString("latin1")).toBe("\0ÿoneÿtwo");
    }
    const none = await world.ask("/rpc/get_line?id=9", {
      headers: { accept: "application/vnd.lines" },
    });
    expect(none.status).toBe(200);
  });
});

describe("plans", () => {
  const plan = async (path: string, accept: string, more: object = {}) => {
    const answer = await world.ask(path, { headers: { accept }, ...more });
    return { status: answer.status, type: answer.headers.get("content-type"), answer };
  };

  test("are told of a read, with what decides them", async () => {
    const asked = 'application/vnd.pgrst.plan+json; options=verbose; for="text/csv"';
    const { status, type, answer } = await plan("/projects?id=eq.1", asked);
    expect([status, type]).toEqual([
      200,
      'application/vnd.pgrst.plan+json; for="text/csv"; options=verbose; charset=utf-8',
    ]);
    const [told] = (await answer.json()) as { Plan: { Output: string[] } }[];
    expect(told?.Plan.Output.join()).toContain("string_agg");
  });

  test("are text unless asked for as JSON", async () => {
    const { type, answer } = await plan("/projects", "application/vnd.pgrst.plan");
    expect(type).toBe('application/vnd.pgrst.plan+text; for="application/json"; charset=utf-8');
    expect(await answer.text()).toMatch(/^Aggregate .*\n(.*\n)+$/);
  });

  test("of a write change nothing", async () => {
    const json = "application/vnd.pgrst.plan+json";
    const insert = await plan("/projects", json, { method: "POST", body: { id: 900, name: "x" } });
    expect([insert.status, JSON.stringify(await insert.answer.json())]).toEqual([
      200,
      expect.stringContaining("ModifyTable"),
    ]);
    const remove = await plan("/projects?id=eq.2", json, { method: "DELETE" });
    expect(remove.status).toBe(200);
    const put = await plan("/languages?name=eq.Go", json, {
      ...{ method: "PUT", body: { name: "Go", rank: 9 } },
    });
    expect(put.status).toBe(200);
    const left = await world.ask("/projects?id=in.(2,900)&select=id");
    expect(await left.json()).toEqual([{ id: 2 }]);
    expect(await (await world.ask("/languages?name=eq.Go")).json()).toEqual([]);
  });

  test("of a call are told", async () => {
    const { answer } = await plan(
      "/rpc/get_projects?id=gt.1",
      "application/vnd.pgrst.plan+json; options=settings",
    );
    const [told] = (await answer.json()) as { Settings: Record<string, string> }[];
    expect(told?.Settings["search_path"]).toContain('"public"');
  });

  test("of a call show that filters reach into it", async () => {
    const { answer } = await plan("/rpc/get_projects?id=eq.1", "application/vnd.pgrst.plan");
    const text = await answer.text();
    expect(text).not.toContain("Function Scan");
    expect(text).toContain("Index Cond: (id = 1)");
  });

  test("run the query with analyze", async () => {
    const { answer } = await plan(
      "/projects",
      "application/vnd.pgrst.plan+json; options=analyze|wal|buffers",
    );
    const [told] = (await answer.json()) as { Plan: Record<string, unknown> }[];
    expect(told?.Plan["Actual Rows"]).toBe(1);
    expect(told?.Plan["WAL Records"]).toBe(0);
  });

  test("need an option that Postgres knows of, and take no other", async () => {
    const { status, type } = await plan(
      "/projects",
      "application/vnd.pgrst.plan+json; options=verbose) select 1 --|verbose",
    );
    expect([status, type]).toEqual([
      200,
      'application/vnd.pgrst.plan+json; for="application/json"; options=verbose; charset=utf-8',
    ]);
  });
});
