/** `postgres_changes` with the unchanged client over the real change feed, on two servers. */
import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import {
  postgresChangesFilter,
  type RealtimeChannel,
  type SupabaseClient,
} from "@supabase/supabase-js";
import { startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { asOwner, clientOf, closeClients, join, memberOf, subscribed } from "./channels-world.ts";

setDefaultTimeout(60_000);

let a: TestServer;
let b: TestServer;
let ann: { token: string; id: string };
let bob: { token: string; id: string };

const SCHEMA = `
  create table public.notes (
    id bigint primary key, owner uuid, text text, tags text[], doc jsonb, price numeric, secret text, at timestamptz);
  alter table public.notes replica identity full;
  alter table public.notes enable row level security;
  create policy own on public.notes using (owner = (select auth.uid()) or owner is null);
  revoke all on public.notes from anon, authenticated;
  grant select (id, owner, text, tags, doc, price, at) on public.notes to anon, authenticated;
  create table public.closed (id int primary key);
  create table public.tiny (id int primary key, n int);
  alter table public.tiny enable row level security;
  create policy all_of_it on public.tiny for select using (true);
  alter publication supabase_realtime add table public.notes, public.tiny;`;

async function signUp(email: string) {
  const { data } = await clientOf(a).auth.signUp({ email, password: "correct horse 9" });
  return { token: data.session?.access_token ?? "", id: data.user?.id ?? "" };
}

beforeAll(async () => {
  a = await startTestServer();
  b = await startTestServer({ databaseUrl: a.ownerUrl, vaultKey: a.vaultKey });
  await asOwner(a, SCHEMA);
  ann = await signUp("ann@example.com");
  bob = await signUp("bob@example.com");
  await until("the schema on both", async () => {
    const found = await Promise.all(
      [a, b].map(
        async (server) => (await clientOf(server).from("tiny").select("id")).status === 200,
      ),
    );
    return found.every(Boolean);
  });
});
afterEach(async () => {
  await closeClients();
  await asOwner(a, "truncate public.notes, public.tiny");
});
afterAll(async () => {
  await b.stop();
  await a.stop();
});

interface Followed {
  readonly channel: RealtimeChannel;
  readonly changes: Record<string, unknown>[];
  readonly system: { extension: string; status: string; message: string }[];
}

let names = 0;

/** Joined, and told that changes flow. */
async function follow(client: SupabaseClient, ...filters: object[]): Promise<Followed> {
  names += 1;
  const channel = client.channel(`rows-${names}`);
  const changes: Followed["changes"] = [];
  const system: Followed["system"] = [];
  channel.on("system", {}, (payload) => system.push(payload));
  for (const filter of filters) {
    channel.on(
      "postgres_changes",
      { event: "*", schema: "public", ...filter } as never,
      (change) => {
        changes.push(change);
      },
    );
  }
  await join(channel);
  await until("the word of the feed", () => system.some((s) => s.extension === "postgres_changes"));
  return { channel, changes, system };
}

const NOTES = { table: "notes" };

describe.each(["1.0.0", "2.0.0"] as const)("vsn %s", (vsn) => {
  test("rows arrive with their types, old and new, on both servers", async () => {
    const followed = await Promise.all(
      [a, b].map((server) => follow(clientOf(server, { vsn }), NOTES)),
    );
    const arrived = (count: number) =>
      Promise.all(followed.map(({ changes }) => until("it", () => changes.length === count)));
    await asOwner(
      a,
      `insert into public.notes values
         (1, null, 'a', '{x,y}', '{"k":[1]}', 1.5, 'hidden', '2026-01-02 03:04:05+00')`,
    );
    await arrived(1);
    await asOwner(a, "update public.notes set text = 'b' where id = 1");
    await arrived(2);
    await asOwner(a, "delete from public.notes where id = 1");
    await arrived(3);
    for (const { changes, system } of followed) {
      expect(system).toContainEqual({
        extension: "postgres_changes",
        status: "ok",
        message: "Subscribed to PostgreSQL",
        channel: expect.any(String),
      } as never);
      const row = { id: 1, owner: null, text: "a", tags: ["x", "y"], doc: { k: [1] }, price: 1.5 };
      expect(changes[0]).toMatchObject({
        schema: "public",
        table: "notes",
        eventType: "INSERT",
        errors: null,
        new: row,
        old: {},
      });
      expect(Number.isNaN(Date.parse(String(changes[0]?.["commit_timestamp"])))).toBe(false);
      expect(changes[1]).toMatchObject({
        eventType: "UPDATE",
        new: { ...row, text: "b" },
        old: { id: 1 },
      });
      expect(changes[2]).toMatchObject({ eventType: "DELETE", new: {}, old: { id: 1 } });
      expect(JSON.stringify(changes)).not.toContain("hidden");
    }
  });
});

test("events, filters and columns are chosen", async () => {
  const filter = postgresChangesFilter()
    .gt("id", 1)
    .in("text", ["a,b", 'q"'] as never);
  const client = clientOf(a);
  const inserts = await follow(client, { table: "notes", event: "INSERT", filter });
  const chosen = await follow(client, { table: "notes", select: ["id", "price"] });
  const schema = await follow(client, {});
  await asOwner(
    a,
    `insert into public.notes (id, text, price) values (1, 'a,b', 1), (2, 'a,b', 2), (3, 'q"', 3), (4, 'x', 4);
     update public.notes set text = 'q"' where id = 4;
     insert into public.tiny values (1, 1);`,
  );
  await until("all", () => schema.changes.length === 6 && chosen.changes.length === 5);
  await until("the chosen", () => inserts.changes.length === 2);
  expect(inserts.changes.map((c) => (c["new"] as { id: number }).id)).toEqual([2, 3]);
  expect(chosen.changes[0]?.["new"]).toEqual({ id: 1, price: 1 });
  expect(schema.changes.map(({ table }) => table)).toContain("tiny");
});

test("several bindings of one channel each get their own", async () => {
  const channel = clientOf(a).channel("several");
  const heard: string[] = [];
  channel
    .on("postgres_changes", { event: "INSERT", schema: "public", table: "tiny" }, () =>
      heard.push("insert"),
    )
    .on("postgres_changes", { event: "UPDATE", schema: "public", table: "tiny" }, () =>
      heard.push("update"),
    )
    .on(
      "postgres_changes",
      { event: "*", schema: "public", table: "tiny", filter: "n=gte.5" },
      () => heard.push("large"),
    );
  const system: { extension: string }[] = [];
  channel.on("system", {}, (payload) => system.push(payload));
  await join(channel);
  await until("the word", () => system.length > 0);
  await asOwner(a, "insert into public.tiny values (1, 1); update public.tiny set n = 5");
  await until("three", () => heard.length === 3);
  expect(heard.sort()).toEqual(["insert", "large", "update"]);
});

test("row security decides, also after a new token", async () => {
  let token = ann.token;
  const client = await memberOf(a, () => token);
  const { changes } = await follow(client, NOTES);
  const insert = (id: number, owner: string) =>
    asOwner(a, `insert into public.notes (id, owner) values (${id}, '${owner}')`);
  await insert(1, bob.id);
  await insert(2, ann.id);
  await until("ann's", () => changes.length === 1);
  token = bob.token;
  await client.realtime.setAuth();
  await until("bob's rights", async () => {
    await asOwner(a, `delete from public.notes where id >= 100`);
    await insert(100, bob.id);
    return changes.some((c) => (c["new"] as { owner?: string }).owner === bob.id);
  });
  const before = changes.length;
  await insert(4, ann.id);
  await insert(5, bob.id);
  await until("bob's", () => changes.length > before);
  const owners = changes.slice(before).map((c) => (c["new"] as { owner?: string }).owner);
  expect(owners).not.toContain(ann.id);
});

describe("what cannot be followed is told", () => {
  test.each([
    [{ table: "nowhere" }, "PGRST205"],
    [{ table: "closed" }, "42501"],
    [{ table: "notes", filter: "nothing=eq.1" }, "42703"],
  ])("%j", async (filter, code) => {
    const { system } = await follow(clientOf(a), filter);
    expect(system.at(-1)).toMatchObject({ extension: "postgres_changes", status: "error" });
    expect(system.at(-1)?.message).toStartWith(code);
  });

  test("with wait the join itself fails", async () => {
    const config = { postgres_changes_options: { wait: true } };
    const channel = clientOf(a).channel("waiting", { config });
    channel.on(
      "postgres_changes",
      { event: "*", schema: "public", table: "nowhere" },
      () => undefined,
    );
    const { status, error } = await subscribed(channel);
    expect(status).toBe("CHANNEL_ERROR");
    expect(error).toStartWith("RealtimeDisabledForConfiguration: PGRST205");
  });
});

test("with wait no change after SUBSCRIBED is missed", async () => {
  const config = { postgres_changes_options: { wait: true } };
  for (let n = 1; n <= 5; n++) {
    const channel = clientOf(n % 2 ? a : b).channel(`wait-${n}`, { config });
    const ids: number[] = [];
    channel.on(
      "postgres_changes",
      { event: "INSERT", schema: "public", table: "tiny" },
      (change) => {
        ids.push((change.new as { id: number }).id);
      },
    );
    await join(channel);
    await asOwner(a, `insert into public.tiny values (${n}, ${n})`);
    await until("it", () => ids.includes(n));
  }
});
