/** `GET /data/v1/{table}/subscribe` on a whole server: what clients send and get over HTTP. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect as connectTcp, type Socket } from "node:net";
import type { Sql } from "postgres";
import { connect } from "../postgres/wire-database.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { EventReader } from "./event-reader.ts";

let server: TestServer;
let sql: Sql;
let session: { access_token: string; user: { id: string } };
const readers: EventReader[] = [];
beforeAll(async () => {
  server = await startTestServer({
    only: ["auth", "data"],
    config: { data: { db_schemas: ["public", "extra"], realtime_max_buffered_bytes: 65_536 } },
  });
  sql = connect(server.ownerUrl);
  await sql.unsafe(`
    create table tasks (id int primary key, owner uuid, title text, doc json);
    alter table tasks enable row level security;
    create policy own on tasks for select to authenticated using (owner = auth.uid());
    create table open_table (id int primary key);
    create schema extra;
    grant usage on schema extra to anon, authenticated, service_role;
    create table extra.things (id int primary key);
    alter table extra.things enable row level security;
    create policy everybody on extra.things for select using (true);
    grant select on extra.things to anon;
    notify pgrst, 'reload schema'`);
  const answer = await fetch(`${server.url}/auth/v1/signup`, {
    method: "POST",
    headers: { apikey: server.publishableKey, "content-type": "application/json" },
    body: JSON.stringify({ email: "reader@example.com", password: "correct horse battery" }),
  });
  session = (await answer.json()) as typeof session;
  await until("the schema", async () => (await ask("/tasks?limit=0")).ok);
});
afterAll(async () => {
  for (const reader of readers) reader.close();
  await sql.end({ timeout: 5 });
  await server.stop();
});

const user = () => ({ authorization: `Bearer ${session.access_token}` });
const ask = (path: string, headers: Record<string, string> = user()) =>
  fetch(`${server.url}/data/v1${path}`, { headers });

async function follow(path: string, headers: Record<string, string> = user()) {
  const reader = await EventReader.open(`${server.url}/data/v1${path}`, headers);
  readers.push(reader);
  return reader;
}

describe("a stream", () => {
  test("tells changes as events with ids, under the caller's rights", async () => {
    const own = await follow("/tasks/subscribe");
    expect(own.headers.get("content-type")).toBe("text/event-stream");
    expect(own.headers.get("cache-control")).toBe("no-store");
    await sql`insert into tasks values (1, ${session.user.id}, 'mine', ${'{"a":\n1}'}::text::json),
      (2, null, 'nobody''s', null)`;
    await sql`update tasks set title = 'changed' where id = 1`;
    await own.heard("update", 1);
    await sql`delete from tasks where id = 1`;
    const removal = await own.heard("delete", 1);
    expect(own.retryMs).toBe(2_000);
    expect(own.firstId).toMatch(/^[0-9a-f]{8}-[0-9a-f]+-[0-9a-z]+$/);
    const [insert] = own.named("insert");
    expect(insert?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]+-[0-9a-z]+$/);
    expect(JSON.parse(insert?.data ?? "")).toEqual({
      table: "tasks",
      schema: "public",
      commit_timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      new: { id: 1, owner: session.user.id, title: "mine", doc: { a: 1 } },
    });
    expect(JSON.parse(own.named("update")[0]?.data ?? "")).toMatchObject({
      new: { title: "changed" },
      old: { id: 1 },
    });
    expect(JSON.parse(removal.data)).toMatchObject({ new: null, old: { id: 1 } });
    expect(own.events.map(({ name }) => name)).toEqual(["insert", "update", "delete"]);
  });

  test("takes kinds, columns and filters, logic trees too", async () => {
    const headers = { apikey: server.secretKey };
    const path =
      "/tasks/subscribe?events=insert,delete&select=id,title&or=(id.eq.10,title.like.x*)";
    const some = await follow(path, headers);
    const all = await follow("/tasks/subscribe", headers);
    await sql`insert into tasks values (10, null, 'ten', null), (11, null, 'eleven', null), (12, null, 'xii', null)`;
    await sql`update tasks set title = 'x' where id = 10`;
    await sql`delete from tasks where id = 10`;
    await all.heard("delete", 1);
    await some.heard("insert", 2);
    expect(some.events.map(({ name, data }) => [name, JSON.parse(data).new])).toEqual([
      ["insert", { id: 10, title: "ten" }],
      ["insert", { id: 12, title: "xii" }],
    ]);
  });

  test("goes on where Last-Event-ID says, and tells when it cannot", async () => {
    const headers = { apikey: server.secretKey };
    const first = await follow("/tasks/subscribe", headers);
    await sql`insert into tasks values (20, null, 'a', null), (21, null, 'b', null)`;
    await first.heard("insert", 2);
    first.close();
    await sql`insert into tasks values (22, null, 'c', null)`;
    const id = first.named("insert")[0]?.id ?? "";
    const back = await follow("/tasks/subscribe", { ...headers, "last-event-id": id });
    await back.heard("insert", 2);
    expect(back.events.map(({ data }) => JSON.parse(data).new.id)).toEqual([21, 22]);
    const lost = await follow("/tasks/subscribe", { ...headers, "last-event-id": "12345" });
    const gap = await lost.heard("gap", 1);
    expect(JSON.parse(gap.data)).toEqual({ reason: "the position is not of this feed" });
    expect(gap.id).toMatch(/^[0-9a-f]{8}-/);
  });

  test("that was lost before anything happened goes on where it began", async () => {
    const headers = { apikey: server.secretKey };
    const first = await follow("/tasks/subscribe", headers);
    await until("the beginning", () => first.firstId !== null);
    first.close();
    await sql`insert into tasks values (25, null, 'meanwhile', null)`;
    const id = first.firstId ?? "";
    const back = await follow("/tasks/subscribe", { ...headers, "last-event-id": id });
    expect(JSON.parse((await back.heard("insert", 1)).data).new.id).toBe(25);
  });

  test("of another schema is asked for with Accept-Profile", async () => {
    const reader = await follow("/things/subscribe", { "accept-profile": "extra" });
    await sql`insert into extra.things values (1)`;
    expect(JSON.parse((await reader.heard("insert", 1)).data)).toMatchObject({ schema: "extra" });
  });

  test("is reached under the alias, too", async () => {
    const url = `${server.url}/rest/v1/tasks/subscribe`;
    const reader = await EventReader.open(url, { apikey: server.secretKey });
    readers.push(reader);
    await sql`insert into tasks values (30, null, 'a', null)`;
    await reader.heard("insert", 1);
  });
});

describe("before it begins", () => {
  test.each([
    ["/absent/subscribe", {}, 404, "PGRST205"],
    ["/open_table/subscribe", {}, 403, "42501"],
    ["/tasks/subscribe?absent=eq.1", {}, 400, "42703"],
    ["/tasks/subscribe?id=eq.x", {}, 400, "22P02"],
    ["/tasks/subscribe?id=1", {}, 400, "PGRST100"],
    ["/tasks/subscribe?events=insert,drop", {}, 400, "PGRST100"],
    ["/tasks/subscribe?events=", {}, 400, "PGRST100"],
    ["/tasks/subscribe?select=title::text", {}, 400, "PGRST100"],
    ["/tasks/subscribe?select=id,other(*)", {}, 400, "PGRST100"],
    ["/tasks/subscribe?order=id", {}, 400, "PGRST100"],
    ["/tasks/subscribe?limit=1", {}, 400, "PGRST100"],
    ["/tasks/subscribe?other.id=eq.1", {}, 400, "PGRST108"],
    ["/tasks/subscribe", { authorization: "Bearer x.y.z" }, 401, "PGRST301"],
    ["/tasks/subscribe", { "accept-profile": "reactor" }, 406, "PGRST106"],
    [`/tasks/subscribe?${"id=eq.1&".repeat(101)}`, {}, 400, "too_many_filters"],
  ])("%s with %p is refused as any request", async (path, headers, status, code) => {
    const answer = await ask(path, { ...user(), ...headers });
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([
      status,
      code,
    ]);
    expect(answer.headers.get("proxy-status")).toBe(`PostgREST; error=${code}`);
  });
});

test("HEAD is refused, and follows nothing", async () => {
  const before = await subscriptions();
  const url = `${server.url}/data/v1/tasks/subscribe`;
  const answer = await fetch(url, { method: "HEAD", headers: user() });
  expect(answer.status).toBe(405);
  expect(answer.headers.get("proxy-status")).toBe("PostgREST; error=PGRST117");
  expect(await subscriptions()).toBe(before);
});

describe("its end", () => {
  test("comes when the client leaves: the subscription goes with it", async () => {
    const before = await subscriptions();
    const reader = await follow("/tasks/subscribe");
    expect(await subscriptions()).toBe(before + 1);
    reader.close();
    await until("the end", async () => (await subscriptions()) === before);
  });

  test("comes to a reader that does not read, with a reason, and others do not wait for it", async () => {
    const headers = { apikey: server.secretKey };
    const before = await subscriptions();
    const quick = await follow("/tasks/subscribe", headers);
    const slow = await stalled("/data/v1/tasks/subscribe");
    await until("both", async () => (await subscriptions()) === before + 2);
    const title = "x".repeat(20_000);
    let id = 1000;
    await until("the end of the slow one", async () => {
      for (let n = 0; n < 50; n++)
        await sql`insert into tasks values (${id++}, null, ${title}, null)`;
      return (await subscriptions()) === before + 1;
    });
    await quick.heard("insert", id - 1000);
    quick.close();
    const text = await slow.readOn();
    expect(text).toContain('event: end\ndata: {"reason":"the reader is too slow"}');
  });

  test("comes with the server's, and a reason", async () => {
    const own = await startTestServer({
      only: ["auth", "data"],
      databaseUrl: server.ownerUrl,
      vaultKey: server.vaultKey,
    });
    const url = `${own.url}/data/v1/tasks/subscribe`;
    const reader = await EventReader.open(url, { apikey: server.secretKey });
    await own.stop();
    const end = await reader.heard("end", 1);
    expect(JSON.parse(end.data)).toEqual({ reason: "the server is stopping" });
    await until("the end of the stream", () => reader.hasEnded);
  });
});

/** A client that reads the head of the answer and then no more. */
async function stalled(path: string) {
  const { hostname, port } = new URL(server.url);
  const socket: Socket = connectTcp({ host: hostname, port: Number(port) });
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
  });
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\napikey: ${server.secretKey}\r\n\r\n`);
  await until("the answer", () => text.includes("retry:"));
  socket.pause();
  return {
    /** To the end of the answer (chunked, RFC 9112 §7.1). */
    async readOn(): Promise<string> {
      socket.resume();
      await until("the end", () => text.endsWith("\r\n0\r\n\r\n"));
      socket.destroy();
      return text;
    },
  };
}

async function subscriptions(): Promise<number> {
  const headers = { authorization: `Bearer ${server.adminToken}` };
  const text = await (await fetch(`${server.url}/metrics`, { headers })).text();
  return Number(/^reactor_realtime_subscriptions (\d+)/m.exec(text)?.[1]);
}
