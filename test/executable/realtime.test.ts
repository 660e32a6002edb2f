/** The compiled executable and the unchanged client: broadcasts, SQL, policies, rows, and the end. */
import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createClient, type RealtimeChannel } from "@supabase/supabase-js";
import { startExternalPostgres } from "../postgres/debian-servers.ts";
import { connect } from "../postgres/wire-database.ts";
import { executableBench } from "../support/executable-bench.ts";
import { until } from "../support/until.ts";

const bench = executableBench();

const MIGRATION = `
  create table public.posts (id int primary key, text text);
  alter table public.posts enable row level security;
  create policy everybody on public.posts for select using (true);
  create function public.tell() returns trigger language plpgsql security definer as $$
  begin
    perform realtime.broadcast_changes('posts', tg_op, tg_op, tg_table_name, tg_table_schema, new, old);
    return null;
  end $$;
  create trigger tell after insert on public.posts for each row execute function public.tell();
  create policy readers on realtime.messages for select to anon using (realtime.topic() = 'posts');`;

function subscribe(channel: RealtimeChannel): Promise<string> {
  return new Promise((resolve) => channel.subscribe((status) => resolve(status)));
}

test("clients talk, see one another, and hear what SQL sends", async () => {
  const project = bench.folder();
  mkdirSync(join(project, "migrations"));
  writeFileSync(join(project, "migrations/0001_posts.sql"), MIGRATION);
  const server = await bench.start(project, ["serve", "--port", "0"]);
  const { publishable_key: key, secret_key: secret } = server.status;
  const clients = [key, key, secret].map((k) =>
    createClient(server.url, k, { auth: { persistSession: false, autoRefreshToken: false } }),
  );
  const [ann, bob, admin] = clients as [
    (typeof clients)[0],
    (typeof clients)[0],
    (typeof clients)[0],
  ];
  const [one, two] = [ann.channel("room"), bob.channel("room")];
  const heard: unknown[] = [];
  const closed: string[] = [];
  two.on("broadcast", { event: "*" }, ({ event, payload }) => heard.push([event, payload]));
  two.on("presence", { event: "sync" }, () => undefined);
  expect(await subscribe(one)).toBe("SUBSCRIBED");
  two.subscribe((status, error) => closed.push(`${status} ${error?.message ?? ""}`));
  await until("bob", () => closed.length === 1);
  await one.send({ type: "broadcast", event: "json", payload: { n: 1 } });
  await one.track({ name: "ann" });
  await until("both", () => heard.length === 1 && Object.keys(two.presenceState()).length === 1);
  expect(heard).toEqual([["json", { n: 1 }]]);
  const posts = bob.channel("posts", { config: { private: true } });
  posts.on("broadcast", { event: "INSERT" }, ({ payload }) => heard.push(payload["record"]));
  expect(await subscribe(posts)).toBe("SUBSCRIBED");
  expect(await subscribe(bob.channel("other", { config: { private: true } }))).toBe(
    "CHANNEL_ERROR",
  );
  const rows: unknown[] = [];
  const db = bob.channel("db", { config: { postgres_changes_options: { wait: true } } });
  db.on("postgres_changes", { event: "INSERT", schema: "public", table: "posts" }, (change) => {
    rows.push(change.new);
  });
  expect(await subscribe(db)).toBe("SUBSCRIBED");
  expect((await admin.from("posts").insert({ id: 7, text: "seven" })).error).toBeNull();
  await until("the row", () => heard.length === 2);
  expect(heard[1]).toEqual({ id: 7, text: "seven" });
  await until("its change", () => rows.length === 1);
  expect(rows).toEqual([{ id: 7, text: "seven" }]);
  server.kill("SIGTERM");
  expect(await server.ended).toBe(0);
  await until("the news", () => closed.length === 2);
  expect(closed[1]).toBe("CHANNEL_ERROR socket closed: 1001 (the server is stopping)");
  for (const client of clients) await client.realtime.disconnect();
});

test("on somebody else's PostgreSQL without a logical log, changes come by triggers", async () => {
  const external = await startExternalPostgres({ wal_level: "replica" });
  try {
    const admin = connect(external.adminUrl);
    await admin`create role owner login createrole password 'owner'`;
    await admin`create database app owner owner`;
    await admin.end();
    const project = bench.folder();
    const url = external.url("owner", "owner", "sslmode=require").replace("/postgres?", "/app?");
    writeFileSync(join(project, "reactor.toml"), `[database]\nurl = "${url}"\n`);
    mkdirSync(join(project, "migrations"));
    writeFileSync(
      join(project, "migrations/0001_posts.sql"),
      `create table public.posts (id int primary key, text text);
       alter table public.posts enable row level security;
       create policy everybody on public.posts for select using (true);
       -- Its owner cannot make a role that bypasses row security.
       create policy writers on public.posts to service_role using (true) with check (true);`,
    );
    const server = await bench.start(project, ["serve", "--port", "0"]);
    const { publishable_key: key, secret_key: secret } = server.status;
    const client = (k: string) =>
      createClient(server.url, k, { auth: { persistSession: false, autoRefreshToken: false } });
    const [reader, writer] = [client(key), client(secret)];
    const rows: unknown[] = [];
    const channel = reader.channel("db", { config: { postgres_changes_options: { wait: true } } });
    channel.on("postgres_changes", { event: "*", schema: "public", table: "posts" }, (change) => {
      rows.push([change.eventType, change.eventType === "DELETE" ? change.old : change.new]);
    });
    expect(await subscribe(channel)).toBe("SUBSCRIBED");
    const posts = () => writer.from("posts");
    const writes = [
      () => posts().insert({ id: 7, text: "seven" }),
      () => posts().update({ text: null }).eq("id", 7),
      () => posts().delete().eq("id", 7),
    ];
    for (const [told, write] of writes.entries()) {
      expect((await write()).error).toBeNull();
      await until("the change", () => rows.length === told + 1);
    }
    expect(rows).toEqual([
      ["INSERT", { id: 7, text: "seven" }],
      ["UPDATE", { id: 7, text: null }],
      ["DELETE", { id: 7 }],
    ]);
    await reader.realtime.disconnect();
    await server.stop();
  } finally {
    await external.stop();
  }
});
