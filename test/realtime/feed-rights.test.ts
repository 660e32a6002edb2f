/** Who is told of which change: row security, column privileges, and what may not be followed at all. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { failure } from "../postgres/wire-database.ts";
import { until } from "../support/until.ts";
import { type FeedWorld, openFeedWorld, principalFor, type TestFeed } from "./feed-world.ts";

const ALICE = "11111111-1111-4111-8111-111111111111";
const BOB = "22222222-2222-4222-8222-222222222222";

let world: FeedWorld;
let server: TestFeed;
beforeAll(async () => {
  world = await openFeedWorld(`
    create table notes (id int primary key, owner uuid, shared bool default false, body text);
    alter table notes enable row level security;
    create policy own on notes for select to authenticated using (owner = auth.uid());
    create policy shared on notes for select using (shared);
    create policy not_hidden on notes as restrictive for select using (body is distinct from 'hidden');

    create table members (room int, who uuid, primary key (room, who));
    create table lines (room int, n int, text text, primary key (room, n));
    alter table members enable row level security;
    alter table lines enable row level security;
    create policy own on members for select using (who = auth.uid());
    create policy of_members on lines for select
      using (exists (select from members m where m.room = lines.room));

    create table staff (id int primary key, name text, salary int);
    alter table staff enable row level security;
    create policy everybody on staff for select using (true);
    revoke all on staff from anon, authenticated;
    grant select (id, name) on staff to authenticated;
    create table nameless (id int primary key, name text);
    alter table nameless enable row level security;
    create policy everybody on nameless for select using (true);
    revoke all on nameless from anon, authenticated;
    grant select (name) on nameless to authenticated;

    create table unguarded (id int primary key, name text);
    create table keyless (id int, name text);
    alter table keyless enable row level security;
    create table whole (id int, name text);
    alter table whole enable row level security;
    alter table whole replica identity full;
    create table parts (id int, region text, primary key (id, region)) partition by list (region);
    alter table parts enable row level security;
    create policy everybody on parts for select using (true);
    create table parts_a partition of parts for values in ('a');
    create table parts_b partition of parts for values in ('b');
    alter table parts_b replica identity nothing;
    create table whole_parts (id int) partition by list (id);
    alter table whole_parts enable row level security;
    alter table whole_parts replica identity full;
    create table whole_parts_1 partition of whole_parts for values in (1);
    create table letters (id int primary key, v text, i int);
    alter table letters enable row level security;
    create policy not_hidden on letters for select using (v <> 'hidden' and i > 0);
    create table computed (id int primary key, kind text,
      hidden bool generated always as (kind = 'hidden') stored,
      shown text generated always as (initcap(kind)) stored);
    alter table computed enable row level security;
    create policy not_hidden on computed for select using (hidden is not true);
    create table held (id int primary key);
    alter table held enable row level security;
    create table ancestors (id int primary key);
    alter table ancestors enable row level security;
    create table descendants () inherits (ancestors);
    create table closed (id int primary key, name text);
    alter table closed enable row level security;
    create view notes_view with (security_invoker = true) as select * from notes;
    create table whole_key (id int primary key, name text, secret text);
    alter table whole_key enable row level security;
    alter table whole_key replica identity full;
    create policy everybody on whole_key for select using (true);
    create table failing (id int primary key, divisor int);
    alter table failing enable row level security;
    create policy odd on failing for select using (10 / divisor > 0);
  `);
  server = world.server();
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.sql`truncate notes, members, lines`;
});

describe("row security", () => {
  test("shows each subscriber the rows of its own sight, and what is gone to all by its key", async () => {
    const alice = await server.subscribe({ table: "notes", user: ALICE });
    const anon = await server.subscribe({ table: "notes" });
    const service = await server.subscribe({ table: "notes", role: "service_role" });
    await world.sql`insert into notes values (1, ${ALICE}, false, 'hers'), (2, ${BOB}, true, 'his')`;
    await world.sql`update notes set body = 'new' where id = 1`;
    await alice.heard(3);
    await world.sql`delete from notes where id = 1`;
    await world.settle(alice, anon, service);
    const hers = (body: string) => `{"id":1,"owner":"${ALICE}","shared":false,"body":"${body}"}`;
    const his = `INSERT {"id":2,"owner":"${BOB}","shared":true,"body":"his"}`;
    expect(alice.short).toEqual([
      `INSERT ${hers("hers")}`,
      his,
      `UPDATE ${hers("new")}`,
      'DELETE {"id":1}',
    ]);
    expect(service.short).toEqual(alice.short);
    expect(anon.short).toEqual([his, 'DELETE {"id":1}']);
    expect([...alice.gaps, ...anon.gaps, ...service.gaps]).toEqual([]);
  });

  test("a row that comes into sight is told, one that leaves it is not", async () => {
    const anon = await server.subscribe({ table: "notes" });
    await world.sql`insert into notes values (1, ${ALICE}, false, 'private')`;
    await world.settle(anon);
    await world.sql`update notes set shared = true, body = 'public'`;
    await world.settle(anon);
    await world.sql`update notes set shared = false, body = 'private again'`;
    await world.settle(anon);
    expect(anon.short).toEqual([
      `UPDATE {"id":1,"owner":"${ALICE}","shared":true,"body":"public"}`,
    ]);
  });

  test("restrictive policies hold, too", async () => {
    const alice = await server.subscribe({ table: "notes", user: ALICE });
    await world.sql`insert into notes values (1, ${ALICE}, false, 'hidden'), (2, ${ALICE}, false, 'x')`;
    await world.settle(alice);
    expect(alice.changes.map(({ record }) => JSON.parse(record ?? "").id)).toEqual([2]);
  });

  test("policies that look elsewhere are judged by what is there now", async () => {
    const alice = await server.subscribe({ table: "lines", user: ALICE });
    const bob = await server.subscribe({ table: "lines", user: BOB });
    await world.sql`insert into members values (1, ${ALICE}), (2, ${BOB})`;
    await world.sql`insert into lines values (1, 1, 'to alice'), (2, 1, 'to bob')`;
    await world.settle(alice, bob);
    await world.sql`delete from members where who = ${ALICE}`;
    await world.sql`insert into lines values (1, 2, 'to nobody')`;
    await world.settle(alice, bob);
    expect(alice.short).toEqual(['INSERT {"room":1,"n":1,"text":"to alice"}']);
    expect(bob.short).toEqual(['INSERT {"room":2,"n":1,"text":"to bob"}']);
  });

  test("the claims are those of the token that is valid now", async () => {
    const one = await server.subscribe({ table: "notes", user: ALICE });
    await world.sql`insert into notes values (1, ${BOB}, false, 'before')`;
    await world.settle(one);
    one.subscription.update({
      role: "authenticated",
      userId: BOB,
      claims: JSON.stringify({ sub: BOB, role: "authenticated" }),
      expiresAt: Number.POSITIVE_INFINITY,
    });
    await world.sql`insert into notes values (2, ${BOB}, false, 'after')`;
    await world.settle(one);
    expect(one.changes.map(({ record }) => JSON.parse(record ?? "").id)).toEqual([2]);
  });

  test("what was hidden once stays hidden in a window that is told later", async () => {
    const anon = await server.subscribe({ table: "notes" });
    const after = anon.subscription.position();
    await world.sql`insert into notes values (1, ${ALICE}, false, 'a secret')`;
    await world.sql`update notes set body = 'another secret'`;
    await world.sql`update notes set body = 'published', shared = true`;
    await world.sql`update notes set body = 'edited'`;
    await world.settle(anon);
    const late = await server.subscribe({ table: "notes", after });
    await late.heard(2);
    await world.settle(late);
    expect(late.changes.map(({ record }) => JSON.parse(record ?? "").body)).toEqual([
      "published",
      "edited",
    ]);
    expect(JSON.stringify([anon.told, late.told])).not.toContain("secret");
  });

  test("what a transaction wrote on its way stays hidden", async () => {
    const anon = await server.subscribe({ table: "notes" });
    await world.sql.begin(async (tx) => {
      await tx`insert into notes values (1, ${ALICE}, false, 'a secret')`;
      await tx`update notes set body = 'published', shared = true`;
    });
    await world.settle(anon);
    expect(anon.changes.map(({ record }) => JSON.parse(record ?? "").body)).toEqual(["published"]);
  });

  test("every version of a row in sight is told, also when it was overwritten before it was judged", async () => {
    const alice = await server.subscribe({ table: "notes", user: ALICE });
    await world.sql.begin(async (tx) => {
      await tx`insert into notes values (1, ${ALICE}, false, '0')`;
      for (let n = 1; n <= 20; n++) await tx`update notes set body = ${String(n)} where id = 1`;
    });
    await alice.heard(21);
    expect(alice.changes.map(({ record }) => JSON.parse(record ?? "").body)).toEqual(
      Array.from({ length: 21 }, (_, n) => String(n)),
    );
  });

  test("policies may look at columns of any name", async () => {
    const anon = await server.subscribe({ table: "letters" });
    await world.sql.begin(async (tx) => {
      await tx`insert into letters values (1, 'a', 1)`;
      await tx`update letters set v = 'hidden'`;
      await tx`update letters set v = 'b'`;
    });
    await world.settle(anon);
    const row = (v: string) => `{"id":1,"v":"${v}","i":1}`;
    expect([anon.short, anon.gaps]).toEqual([[`INSERT ${row("a")}`, `UPDATE ${row("b")}`], []]);
  });

  test("policies and filters may look at generated columns, which no change tells", async () => {
    const anon = await server.subscribe({ table: "computed" });
    const filters = ["shown=eq.Seen", "hidden=is.false"];
    const some = await server.subscribe({ table: "computed", filters });
    await world.sql.begin(async (tx) => {
      await tx`insert into computed values (1, 'hidden')`;
      await tx`update computed set kind = 'seen'`;
      await tx`update computed set kind = 'other'`;
    });
    await world.settle(anon, some);
    const row = (kind: string) => `UPDATE {"id":1,"kind":"${kind}"}`;
    expect(anon.short).toEqual([row("seen"), row("other")]);
    expect(some.short).toEqual([row("seen")]);
  });

  test("a policy that fails on a row is a gap, and takes nothing else with it", async () => {
    const anon = await server.subscribe({ table: "failing" });
    await world.sql`insert into failing values (1, 0), (2, 1)`;
    await world.settle(anon);
    expect(anon.told.map((one) => ("gap" in one ? one.gap : one.change.record))).toEqual([
      "row security could not be evaluated",
      '{"id":2,"divisor":1}',
    ]);
  });

  test("a delete is not told to a role that could never see a row, and of a whole old row only the key", async () => {
    const nobody = await server.subscribe({ table: "closed" });
    const anon = await server.subscribe({ table: "whole_key" });
    const service = await server.subscribe({ table: "whole_key", role: "service_role" });
    await world.sql`insert into closed values (1, 'x')`;
    await world.sql`delete from closed`;
    // A row that has gone when its change is judged is nobody's but the service's.
    await world.sql`insert into whole_key values (1, 'a', 's')`;
    await world.settle(anon);
    await world.sql`update whole_key set name = 'b'`;
    await world.settle(anon);
    await world.sql`delete from whole_key`;
    await world.settle(nobody, anon, service);
    expect(nobody.told).toEqual([]);
    expect(anon.changes.map(({ oldRecord }) => oldRecord)).toEqual([null, '{"id":1}', '{"id":1}']);
    expect(service.changes.map(({ oldRecord }) => oldRecord)).toEqual([
      null,
      '{"id":1,"name":"a","secret":"s"}',
      '{"id":1,"name":"b","secret":"s"}',
    ]);
  });
});

describe("columns", () => {
  test("only those that the role may select are told", async () => {
    const user = await server.subscribe({ table: "staff", user: ALICE });
    await world.sql`insert into staff values (1, 'Mo', 1000)`;
    await world.sql`update staff set salary = 2000`;
    await world.settle(user);
    expect(user.short).toEqual(['INSERT {"id":1,"name":"Mo"}', 'UPDATE {"id":1,"name":"Mo"}']);
    expect(user.changes[0]?.columns).toEqual([
      { name: "id", type: "int4" },
      { name: "name", type: "text" },
    ]);
  });

  test("a right that is taken away counts no more", async () => {
    const user = await server.subscribe({ table: "staff", user: ALICE });
    await world.sql`revoke select (name) on staff from authenticated`;
    await world.sql`insert into staff values (2, 'Lu', 1)`;
    const [change] = await user.heard(1);
    expect(change?.record).toBe('{"id":2}');
    await world.sql`grant select (name) on staff to authenticated`;
  });

  test("a subscriber can ask for some", async () => {
    const user = await server.subscribe({ table: "staff", user: ALICE, columns: ["name"] });
    await world.sql`insert into staff values (3, 'Bo', 1)`;
    expect((await user.heard(1))[0]?.record).toBe('{"name":"Bo"}');
  });
});

describe("refused are", () => {
  const refusal = (asking: Parameters<TestFeed["subscribe"]>[0]) =>
    failure(server.subscribe(asking));

  test("tables that are not there, not served, or not tables", async () => {
    expect(await refusal({ table: "absent" })).toMatchObject({ code: "PGRST205", status: 404 });
    expect(await refusal({ table: "kv", schema: "reactor" })).toMatchObject({ code: "PGRST106" });
    expect(await refusal({ table: "notes_view" })).toMatchObject({
      code: "realtime_not_a_table",
      status: 400,
    });
  });

  test("tables that no policy guards, but to roles that bypass row security", async () => {
    expect(await refusal({ table: "unguarded" })).toMatchObject({ code: "42501", status: 403 });
    expect(await refusal({ table: "unguarded", user: ALICE })).toMatchObject({
      code: "42501",
      status: 403,
    });
    const service = await server.subscribe({ table: "unguarded", role: "service_role" });
    await world.sql`insert into unguarded values (1, 'x')`;
    await service.heard(1);
  });

  test("a table whose guard is taken down tells nothing more", async () => {
    const anon = await server.subscribe({ table: "whole_key" });
    await world.sql`alter table whole_key disable row level security`;
    await world.sql`insert into whole_key values (9, 'x', 's')`;
    await world.settle(anon);
    await world.sql`alter table whole_key enable row level security`;
    expect(anon.told).toEqual([]);
  });

  test("roles without the right to select, or without it for the key", async () => {
    expect(await refusal({ table: "staff" })).toMatchObject({ code: "42501", status: 401 });
    expect(await refusal({ table: "nameless", user: ALICE })).toMatchObject({
      code: "42501",
      status: 403,
    });
    const columns = ["salary"];
    expect(await refusal({ table: "staff", user: ALICE, columns })).toMatchObject({
      code: "42501",
    });
    expect(await refusal({ table: "staff", user: ALICE, columns: ["x"] })).toMatchObject({
      code: "42703",
    });
  });

  test("tables without a replica identity, with the statement to run; they are not published", async () => {
    for (const types of [["INSERT"], ["DELETE"]] as const) {
      const error = await refusal({ table: "keyless", role: "service_role", types });
      expect(error).toMatchObject({ code: "realtime_identity_missing", status: 400 });
      expect(error["hint"]).toContain('alter table "public"."keyless" replica identity full;');
    }
    await world.sql`insert into keyless values (1, 'x')`;
    await world.sql`update keyless set name = 'y'`;
  });

  test("partitioned tables of which a part is without one, whatever the root has", async () => {
    const asking = { role: "service_role" };
    const error = await refusal({ table: "parts", ...asking });
    expect(error).toMatchObject({
      code: "realtime_identity_missing",
      message: expect.stringContaining("public.parts_b"),
    });
    expect(error["hint"]).toContain('alter table "public"."parts_b" replica identity full;');
    expect(await refusal({ table: "whole_parts", ...asking })).toMatchObject({
      hint: expect.stringContaining('alter table "public"."whole_parts_1" replica identity full;'),
    });
    await world.sql`insert into parts values (1, 'b')`;
    await world.sql`update parts set id = 2`;
    await world.sql`insert into whole_parts values (1)`;
    await world.sql`delete from whole_parts`;
    await world.sql`alter table parts_b replica identity full`;
    await world.sql`alter table whole_parts_1 replica identity full`;
    const service = await server.subscribe({ table: "parts", ...asking });
    await server.subscribe({ table: "whole_parts", ...asking });
    await world.sql`update parts set id = 3`;
    await service.heard(1);
    expect(service.short).toEqual(['UPDATE {"id":3,"region":"b"}']);
  });

  test("not tables that others inherit from, which are not published with them", async () => {
    const service = await server.subscribe({ table: "ancestors", role: "service_role" });
    await world.sql`insert into descendants values (1)`;
    await world.sql`update descendants set id = 2`;
    await world.sql`insert into ancestors values (3)`;
    await service.heard(1);
    expect(service.short).toEqual(['INSERT {"id":3}']);
  });

  test("tables that something else holds, for so long", async () => {
    const other = await world.sql.reserve();
    await other`begin`;
    await other`lock table held in share update exclusive mode`;
    const error = await refusal({ table: "held", role: "service_role" });
    expect(error).toMatchObject({ code: "realtime_unavailable", status: 503 });
    await other`rollback`;
    other.release();
    const service = await server.subscribe({ table: "held", role: "service_role" });
    await world.sql`insert into held values (1)`;
    await service.heard(1);
  });

  test("row security without a key to look rows up by", async () => {
    expect(await refusal({ table: "whole" })).toMatchObject({ code: "realtime_key_missing" });
    const service = await server.subscribe({ table: "whole", role: "service_role" });
    await world.sql`insert into whole values (1, 'x')`;
    await world.sql`delete from whole`;
    await service.heard(2);
    expect(service.short).toEqual(['INSERT {"id":1,"name":"x"}', 'DELETE {"id":1,"name":"x"}']);
  });

  test("more subscriptions than the server may have", async () => {
    const small = world.server({ config: { realtime_max_subscribers: 2 } });
    const first = await small.subscribe({ table: "notes" });
    await small.subscribe({ table: "notes" });
    expect(await failure(small.subscribe({ table: "notes" }))).toMatchObject({
      code: "realtime_full",
      status: 503,
    });
    first.subscription.close();
    await small.subscribe({ table: "notes" });
    await small.stop();
  });
});

describe("a subscription ends", () => {
  test("with its credential", async () => {
    const one = await server.subscribe({ table: "notes", role: "service_role" });
    await world.sql`insert into notes values (1, null, false, 'in time')`;
    await one.heard(1);
    const expiresAt = Date.now() + 100;
    one.subscription.update(principalFor({ role: "service_role", expiresAt }));
    const other = await server.subscribe({ table: "notes", role: "service_role" });
    await until("the end", () => one.endReason !== null);
    expect(one.endReason).toBe("the credential has expired");
    await world.sql`insert into notes values (2, null, false, 'too late')`;
    await other.heard(1);
    expect(one.changes).toHaveLength(1);
  });

  test("with its table", async () => {
    await world.sql.unsafe(
      "create table brief (id int primary key); alter table brief enable row level security",
    );
    const one = await until("the table", () =>
      server.subscribe({ table: "brief", role: "service_role" }).catch(() => null),
    );
    await world.sql`drop table brief`;
    await until("the end", () => one.endReason !== null);
    expect(one.endReason).toBe("the table is not served any more");
  });

  test("when it is closed: nothing is told after that", async () => {
    const one = await server.subscribe({ table: "notes", role: "service_role" });
    const other = await server.subscribe({ table: "notes", role: "service_role" });
    one.subscription.close();
    await world.sql`insert into notes values (1, null, false, 'x')`;
    await other.heard(1);
    expect(one.told).toEqual([]);
    expect(one.endReason).toBeNull();
  });
});
