/**
 * API keys on what stays open: sockets and event streams, with the rights, scopes, limits and end
 * that they have over HTTP. Against a server with identity, and one that asks it over HTTP.
 */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import {
  asOwner,
  clientOf,
  closeClients,
  hears,
  join,
  memberOf,
  subscribed,
} from "../realtime/channels-world.ts";
import { EventReader } from "../realtime/event-reader.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);

let whole: TestServer;
/** Has data alone; asks `whole` who a key is. */
let remote: TestServer;
let ada: { readonly id: string; readonly token: string };

const SCHEMA = `
  create table public.plans (id int primary key, owner uuid not null default auth.uid(), text text);
  alter table public.plans enable row level security;
  create policy own on public.plans using (owner = (select auth.uid()));
  create table public.diary (id int primary key, owner uuid not null default auth.uid());
  alter table public.diary enable row level security;
  create policy own on public.diary using (owner = (select auth.uid()));
  alter publication supabase_realtime add table public.plans, public.diary;
  create policy listen on realtime.messages for select to authenticated
    using (realtime.topic() = 'mine-' || (select auth.uid()));
  create policy speak on realtime.messages for insert to authenticated
    with check (realtime.topic() = 'mine-' || (select auth.uid()));
  notify pgrst, 'reload schema';`;

beforeAll(async () => {
  whole = await startTestServer();
  remote = await startTestServer({
    ...{ only: ["data"], databaseUrl: whole.ownerUrl, vaultKey: whole.vaultKey },
    config: { auth: { url: whole.url } },
  });
  await asOwner(whole, SCHEMA);
  const { data } = await clientOf(whole).auth.signUp({
    email: "ada@example.test",
    password: "correct horse battery",
  });
  ada = { id: data.user?.id ?? "", token: data.session?.access_token ?? "" };
  for (const { url, secretKey } of [whole, remote]) {
    await until("the tables are known", async () => {
      const answer = await fetch(`${url}/data/v1/diary`, { headers: { apikey: secretKey } });
      return answer.status === 200;
    });
  }
});
afterEach(closeClients);
afterAll(async () => {
  await remote.stop();
  await whole.stop();
});

async function manage(method: string, path: string, body?: unknown) {
  const response = await fetch(`${whole.url}/auth/v1/api-keys${path}`, {
    method,
    headers: { authorization: `Bearer ${ada.token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return text === "" ? null : JSON.parse(text);
}
const makeKey = (scopes: string[], more: object = {}): Promise<{ id: string; key: string }> =>
  manage("POST", "", { name: "Key", scopes, ...more });

async function insert(table: string, id: number) {
  const answer = await fetch(`${whole.url}/data/v1/${table}`, {
    method: "POST",
    headers: { authorization: `Bearer ${ada.token}`, "content-type": "application/json" },
    body: JSON.stringify({ id }),
  });
  if (answer.status !== 201) throw new Error(await answer.text());
}

async function broadcast(server: TestServer, key: string, topic: string) {
  const { status } = await fetch(`${server.url}/realtime/v1/api/broadcast`, {
    method: "POST",
    headers: { apikey: key, "content-type": "application/json" },
    body: JSON.stringify({ messages: [{ topic, event: "hi", payload: {} }] }),
  });
  return status;
}

const both = () => [whole, remote];
const ACK = { config: { broadcast: { ack: true } } };

test("joins the channels of its scopes and no others, by an unchanged supabase-js", async () => {
  const { key } = await makeKey(["realtime:room:read", "realtime:stage:*"]);
  for (const server of both()) {
    const agent = clientOf(server, { key });
    const room = agent.channel("room", ACK);
    const heard = hears(room);
    await join(room);
    const person = await join((await memberOf(whole, ada.token)).channel("room", ACK));
    await until("heard", async () => {
      await person.send({ type: "broadcast", event: "hi", payload: {} });
      return heard.length > 0;
    });
    expect(await room.send({ type: "broadcast", event: "hi", payload: {} })).toBe("error");
    const stage = await join(agent.channel("stage", ACK));
    expect(await stage.send({ type: "broadcast", event: "hi", payload: {} })).toBe("ok");
    expect(await subscribed(agent.channel("other"))).toMatchObject({
      status: "CHANNEL_ERROR",
      error: expect.stringContaining("insufficient_scope: It needs the scope realtime:other:read"),
    });
    // No permission can name it: it needs all topics.
    expect(await subscribed(agent.channel("room:1"))).toMatchObject({
      status: "CHANNEL_ERROR",
      error: expect.stringContaining("realtime:*:read"),
    });
    expect(await broadcast(server, key, "stage")).toBe(202);
    expect(await broadcast(server, key, "room")).toBe(403);
  }
});

test("has its owner's place on private channels, and no more than its scopes", async () => {
  const mine = `mine-${ada.id}`;
  const config = { config: { private: true, broadcast: { ack: true } } };
  const { key } = await makeKey([`realtime:${mine}:*`, "realtime:theirs:*"]);
  const { key: deaf } = await makeKey(["data:*:*"]);
  for (const server of both()) {
    const agent = clientOf(server, { key });
    const own = await join(agent.channel(mine, config));
    expect(await own.send({ type: "broadcast", event: "hi", payload: {} })).toBe("ok");
    expect(await subscribed(agent.channel("theirs", config))).toMatchObject({
      error: expect.stringContaining("Unauthorized"),
    });
    expect(await subscribed(clientOf(server, { key: deaf }).channel(mine, config))).toMatchObject({
      error: expect.stringContaining("insufficient_scope"),
    });
  }
});

test("follows the rows of its scopes as its owner sees them", async () => {
  const { key } = await makeKey(["data:plans:read"]);
  for (const [at, server] of both().entries()) {
    const rows: unknown[] = [];
    const channel = clientOf(server, { key }).channel("anything");
    channel.on("postgres_changes", { event: "*", schema: "public", table: "plans" }, (change) =>
      rows.push(change.new),
    );
    await join(channel);
    let id = at * 1000;
    await until("the row is heard", async () => {
      id += 1;
      await insert("plans", id);
      return rows.length > 0;
    });
    for (const table of ["diary", "*"]) {
      const refused: string[] = [];
      const other = clientOf(server, { key }).channel("anything");
      other.on("postgres_changes", { event: "*", schema: "public", table }, () => undefined);
      other.on("system", {}, ({ message }) => refused.push(message));
      await subscribed(other);
      await until("refused", () =>
        refused.some((message) => message.includes("It needs data:")) ? true : null,
      );
    }
  }
});

test("is out of what it had open soon after it was revoked, and cannot come back", async () => {
  for (const server of both()) {
    const { key, id } = await makeKey(["data:plans:read", "realtime:room:*"]);
    const channel = clientOf(server, { key }).channel("room", ACK);
    const told: string[] = [];
    channel.on("system", {}, ({ message }) => told.push(message));
    await join(channel);
    const stream = await EventReader.open(`${server.url}/data/v1/plans/subscribe`, { apikey: key });
    await manage("DELETE", `/${id}`);
    await until("told", () => (told.includes("The API key was revoked") ? true : null));
    expect((await stream.heard("end", 1)).data).toContain("The API key was revoked");
    expect((await subscribed(clientOf(server, { key }).channel("room"))).status).not.toBe(
      "SUBSCRIBED",
    );
  }
});

test("loses what its scopes no longer hold", async () => {
  for (const server of both()) {
    const { key, id } = await makeKey(["data:plans:read", "realtime:room:*"]);
    const channel = clientOf(server, { key }).channel("room", ACK);
    const statuses: string[] = [];
    await new Promise((resolve) => {
      channel.subscribe((status) => {
        statuses.push(status);
        if (status === "SUBSCRIBED") resolve(null);
      });
    });
    const stream = await EventReader.open(`${server.url}/data/v1/plans/subscribe`, { apikey: key });
    await manage("PATCH", `/${id}`, { scopes: ["data:diary:read"] });
    await until("refused", () => (statuses.includes("CHANNEL_ERROR") ? true : null));
    expect((await stream.heard("end", 1)).data).toContain("data:plans:read");
  }
});

test("spends its budget by joining and sending, not by staying", async () => {
  for (const server of both()) {
    // Socket, join, and two broadcasts.
    const budget = { limit: 4, period: "total" };
    const { key } = await makeKey(["realtime:room:*"], { budget });
    const { key: other, id } = await makeKey(["realtime:room:*"]);
    const channel = await join(clientOf(server, { key }).channel("room", ACK));
    const watched = clientOf(server, { key: other }).channel("room");
    const told: string[] = [];
    watched.on("system", {}, ({ message }) => told.push(message));
    await join(watched);
    const send = () => channel.send({ type: "broadcast", event: "hi", payload: {} });
    expect(await send()).toBe("ok");
    // By then keys that are open were asked about again, at least once.
    await manage("DELETE", `/${id}`);
    await until("another key was looked at", () => (told.length > 0 ? true : null));
    expect(await send()).toBe("ok");
    expect(await send()).toBe("error");
  }
});
