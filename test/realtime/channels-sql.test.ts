/** Broadcasts from SQL: with the transaction, whole, in order, and over a lost connection. */
import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { sweepMessages } from "../../src/capabilities/data/realtime/channels/tasks.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { until } from "../support/until.ts";
import { type HandSocket, openChannelWorld, USER } from "./channel-harness.ts";

setDefaultTimeout(60_000);

type World = Awaited<ReturnType<typeof openChannelWorld>>;

let world: World;
const sockets: HandSocket[] = [];

beforeAll(async () => {
  world = await openChannelWorld();
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.close();
  await world.sql`delete from realtime.messages`;
});
afterAll(() => world.close());

async function listen(topic: string, config: object = {}): Promise<HandSocket> {
  const socket = world.connect({ token: "service_role" });
  sockets.push(socket);
  const { payload } = await socket.join(`realtime:${topic}`, {
    presence: { enabled: false },
    ...config,
  });
  expect(payload.status).toBe("ok");
  return socket;
}

const broadcasts = (socket: HandSocket) =>
  socket.heard.filter(({ event }) => event === "broadcast").map(({ payload }) => payload);

/** As a user of the API would run it. */
async function asUser(statement: string, role = "authenticated"): Promise<string> {
  const result = await world.room.databases.for(DEFAULT_TENANT).user.query({
    role,
    settings: [["request.jwt.claims", JSON.stringify({ role, sub: USER })]],
    sql: statement,
    params: [],
  });
  return new TextDecoder().decode(result.rows[0]?.[0] ?? undefined);
}

describe("realtime.send", () => {
  test("delivers the payload with an id, and names the row", async () => {
    const socket = await listen("a");
    await world.sql`select realtime.send('{"n":7}', 'e', 'a', false)`;
    await world.sql`select realtime.send('{"id":"own"}', 'e', 'a', false)`;
    await world.sql`select realtime.send('[1]', 'e', 'a', false)`;
    await until("three", () => broadcasts(socket).length === 3);
    const rows = await world.sql`select id::text from realtime.messages order by inserted_at`;
    const ids = rows.map((row) => row["id"] as string);
    expect(broadcasts(socket)).toEqual([
      {
        type: "broadcast",
        event: "e",
        payload: { n: 7, id: ids[0] },
        meta: { id: ids[0] },
      },
      { type: "broadcast", event: "e", payload: { id: "own" }, meta: { id: ids[1] } },
      { type: "broadcast", event: "e", payload: [1], meta: { id: ids[2] } },
    ]);
  });

  test("delivers bytes, and payloads far beyond a notification", async () => {
    const socket = await listen("a");
    const large = "x".repeat(3_000_000);
    await world.sql`select realtime.send(jsonb_build_object('x', ${large}::text), 'large', 'a', false)`;
    await world.sql`select realtime.send_binary('\\x00ff'::bytea, 'bytes', 'a', false)`;
    await until("both", () => broadcasts(socket).length === 2);
    const [first, second] = broadcasts(socket);
    expect(first.payload.x).toBe(large);
    expect([...second.payload]).toEqual([0, 255]);
  });

  test("does not deliver what would be too much for everybody, and says so in the log", async () => {
    const socket = await listen("a");
    const send = (bytes: number) =>
      world.sql`select realtime.send(jsonb_build_object('x', repeat('x', ${bytes}::int)), 'e', 'a', false)`;
    await send(9 * 1024 * 1024);
    await world.sql`select realtime.send('{}', 'after', 'a', false)`;
    await until("the next", () => broadcasts(socket).length === 1);
    expect(broadcasts(socket)[0].event).toBe("after");
    expect(world.log.lines.map(({ event }) => event)).toContain("realtime.message_too_large");
  });

  test("delivers after commit, never after rollback, in the order of the commits", async () => {
    const socket = await listen("a");
    const send = (sql: World["sql"], n: number) =>
      sql`select realtime.send(jsonb_build_object('id', ${n}::int), 'e', 'a', false)`;
    const rolledBack = world.sql.begin(async (tx) => {
      await send(tx as never, 0);
      throw new Error("changed my mind");
    });
    await rolledBack.catch(() => undefined);
    await world.sql.begin(async (tx) => {
      await send(tx as never, 2);
      await send(world.sql, 1);
      await until("the first", () => broadcasts(socket).length === 1);
      await send(tx as never, 3);
    });
    await until("all", () => broadcasts(socket).length === 3);
    expect(broadcasts(socket).map(({ payload }) => payload.id)).toEqual([1, 2, 3]);
  });

  test("keeps the order of many", async () => {
    const socket = await listen("a");
    await world.sql`
      select realtime.send(jsonb_build_object('id', n), 'e', 'a', false)
        from generate_series(1, 2000) as n`;
    await until("all", () => broadcasts(socket).length === 2_000);
    expect(broadcasts(socket).map(({ payload }) => payload.id)).toEqual(
      Array.from({ length: 2_000 }, (_, n) => n + 1),
    );
  });

  test("needs a policy of the caller; without one it is a warning and the rest goes on", async () => {
    const socket = await listen("a", { private: true });
    await world.sql.unsafe(`
      create table public.things (id int);
      grant insert on public.things to authenticated, anon;
      create function public.make_thing(n int) returns int language plpgsql as $$
      begin
        insert into public.things values (n);
        perform realtime.send('{}', 'made', 'a');
        return n;
      end $$;`);
    expect(await asUser("select public.make_thing(1)")).toBe("1");
    await world.sql.unsafe(`create policy may on realtime.messages for insert to authenticated
      with check (realtime.topic() = 'a' and extension = 'broadcast')`);
    expect(await asUser("select public.make_thing(2)")).toBe("2");
    expect(await asUser("select public.make_thing(3)", "anon")).toBe("3");
    await world.sql`select realtime.send('{}', 'last', 'a')`;
    await until("the last", () => broadcasts(socket).some(({ event }) => event === "last"));
    expect(broadcasts(socket).map(({ event }) => event)).toEqual(["made", "last"]);
    expect(await world.sql`select id from public.things order by id`).toHaveLength(3);
    await world.sql.unsafe("drop policy may on realtime.messages; drop table public.things");
  });

  test("a channel whose name is longer than a notification holds is still looked for", async () => {
    const socket = await listen("a");
    await world.sql`select realtime.send('{}', 'e', repeat('t', 5000), false)`;
    await world.sql`select realtime.send('{}', 'e', 'a b  c', false)`;
    await world.sql`select realtime.send('{}', 'mine', 'a', false)`;
    await until("mine", () => broadcasts(socket).length === 1);
    expect(broadcasts(socket)[0].event).toBe("mine");
    const spaced = await listen("a b  c");
    await world.sql`select realtime.send('{}', 'spaced', 'a b  c', false)`;
    await until("spaced", () => broadcasts(spaced).length === 1);
  });
});

test("nobody but the owner reads or writes messages without a policy", async () => {
  await world.sql`select realtime.send('{}', 'e', 'a')`;
  for (const role of ["anon", "authenticated"]) {
    expect(await asUser("select count(*) from realtime.messages", role)).toBe("0");
    const insert = "insert into realtime.messages (topic, extension) values ('a', 'broadcast')";
    await expect(asUser(insert, role)).rejects.toThrow(/row-level security/);
    await expect(asUser("delete from realtime.messages", role)).rejects.toThrow(
      /permission denied/,
    );
  }
});

test("realtime.broadcast_changes in a trigger sends the change of a row", async () => {
  await world.sql.unsafe(`
    create table public.orders (id int primary key, state text);
    create function public.tell() returns trigger language plpgsql security definer as $$
    begin
      perform realtime.broadcast_changes('orders:' || coalesce(new.id, old.id),
        tg_op, tg_op, tg_table_name, tg_table_schema, new, old, tg_level);
      return null;
    end $$;
    create trigger tell after insert or update or delete on public.orders
      for each row execute function public.tell();`);
  const socket = await listen("orders:1", { private: true });
  await world.sql`insert into public.orders values (1, 'new'), (2, 'other')`;
  await world.sql`update public.orders set state = 'paid' where id = 1`;
  await world.sql`delete from public.orders where id = 1`;
  await until("three", () => broadcasts(socket).length === 3);
  const shared = { schema: "public", table: "orders", id: expect.any(String) };
  expect(broadcasts(socket).map(({ event, payload }) => ({ event, payload }))).toEqual([
    {
      event: "INSERT",
      payload: {
        ...shared,
        operation: "INSERT",
        record: { id: 1, state: "new" },
        old_record: null,
      },
    },
    {
      event: "UPDATE",
      payload: {
        ...shared,
        operation: "UPDATE",
        record: { id: 1, state: "paid" },
        old_record: { id: 1, state: "new" },
      },
    },
    {
      event: "DELETE",
      payload: {
        ...shared,
        operation: "DELETE",
        record: null,
        old_record: { id: 1, state: "paid" },
      },
    },
  ]);
  const wrong = (operation: string, level: string) =>
    world.sql`select realtime.broadcast_changes('t', 'e', ${operation}, 'orders', 'public',
      o, o, ${level}) from public.orders o`;
  await expect(wrong("INSERT", "STATEMENT")).rejects.toThrow(/for each row/);
  await expect(wrong("TRUNCATE", "ROW")).rejects.toThrow(/does not know the operation TRUNCATE/);
});

test("what was committed while the connection was lost is delivered once", async () => {
  const socket = await listen("a");
  await world.sql`select realtime.send('{"id":1}', 'e', 'a', false)`;
  await until("the first", () => broadcasts(socket).length === 1);
  const ended = await world.sql`
    select pg_terminate_backend(pid) from pg_stat_activity
     where query = 'listen "realtime_messages"' and datname = current_database()`;
  expect(ended).toHaveLength(1);
  await world.sql`select realtime.send(jsonb_build_object('id', n), 'e', 'a', false)
    from generate_series(2, 1000) as n`;
  await until("the rest", () => broadcasts(socket).length === 1_000);
  await world.sql`select realtime.send('{"id":1001}', 'e', 'a', false)`;
  await until("the last", () => broadcasts(socket).some(({ payload }) => payload.id === 1_001));
  const ids = broadcasts(socket).map(({ payload }) => payload.id);
  expect([...ids].sort((x, y) => x - y)).toEqual(Array.from({ length: 1_001 }, (_, n) => n + 1));
});

test("a transaction that was open when the connection was lost is delivered too", async () => {
  const socket = await listen("a");
  await world.sql.begin(async (tx) => {
    await tx`select realtime.send('{"id":"long"}', 'e', 'a', false)`;
    await world.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
       where query = 'listen "realtime_messages"' and datname = current_database()`;
  });
  await until("it", () => broadcasts(socket).length === 1);
});

test("messages past their time are deleted, younger ones stay", async () => {
  await world.sql`
    insert into realtime.messages (topic, extension, inserted_at)
    select 't', 'broadcast', (now() at time zone 'utc') - interval '73 hours'
      from generate_series(1, 2500)`;
  await world.sql`insert into realtime.messages (topic, extension, inserted_at)
    values ('t', 'broadcast', (now() at time zone 'utc') - interval '71 hours')`;
  expect(await sweepMessages(world.room, DEFAULT_TENANT)).toBe(2_500);
  expect(await world.sql`select 1 from realtime.messages`).toHaveLength(1);
});
