/**
 * Every public feature of `@supabase/realtime-js`, unchanged, against running servers: two of them on
 * one database, so that what one client does on one is seen by another on the other.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import {
  type RealtimeChannel,
  RealtimeClient,
  type RealtimeClientOptions,
} from "@supabase/supabase-js";
import { until } from "../support/until.ts";
import {
  asOwner,
  type ChannelServer,
  clientOf,
  closeClients,
  hears,
  join,
  memberOf,
  subscribed,
} from "./channels-world.ts";

/** Servers on one database, with one vault key. */
export interface ChannelServers {
  /** @param port any free one when it is left out */
  serve(port?: number): Promise<StoppableServer>;
  close(): Promise<void>;
}

interface StoppableServer extends ChannelServer {
  stop(): Promise<unknown>;
}

let servers: ChannelServers;
let a: StoppableServer;
let b: StoppableServer;
let userToken: string;

export function runRealtimeJs(open: () => Promise<ChannelServers>): void {
  beforeAll(async () => {
    servers = await open();
    a = await servers.serve();
    b = await servers.serve();
    const { data } = await clientOf(a).auth.signUp({
      email: "ann@example.com",
      password: "correct horse 9",
    });
    userToken = data.session?.access_token ?? "";
    await asOwner(
      a,
      `create policy listen on realtime.messages for select to authenticated using (realtime.topic() like 'club%');
       create policy speak on realtime.messages for insert to authenticated
         with check (realtime.topic() like 'club%' and realtime.topic() <> 'club-silent');`,
    );
  });
  afterEach(closeClients);
  afterAll(async () => {
    await b.stop();
    await a.stop();
    await servers.close();
  });
  describe.each(VERSIONS)("broadcast, vsn %s", broadcast);
  describe("bytes", binary);
  describe.each(VERSIONS)("presence, vsn %s", presence);
  describe.each(VERSIONS)("a channel, vsn %s", channels);
  describe("stored broadcasts", stored);
  describe("the client", clients);
}

const VERSIONS = ["1.0.0", "2.0.0"] as const;
type Version = (typeof VERSIONS)[number];

function broadcast(vsn: Version): void {
  test("with self the sender hears itself, with ack it is answered", async () => {
    const config = { broadcast: { self: true, ack: true } };
    const channel = clientOf(a, { vsn }).channel("room", { config });
    const heard = hears(channel, "hi");
    await join(channel);
    expect(await channel.send({ type: "broadcast", event: "hi", payload: { ü: "😀" } })).toBe("ok");
    expect(await channel.send({ type: "broadcast", event: "other", payload: {} })).toBe("ok");
    await until("it", () => heard.length === 1);
    expect(heard).toEqual([{ type: "broadcast", event: "hi", payload: { ü: "😀" } }]);
  });

  test("in a burst keeps its order across servers", async () => {
    const [sender, listener] = [
      clientOf(a, { vsn }).channel("burst"),
      clientOf(b, { vsn }).channel("burst"),
    ];
    const heard = hears(listener);
    await join(listener);
    await join(sender);
    for (let n = 0; n < 150; n++) {
      await sender.send({ type: "broadcast", event: "n", payload: { n } });
    }
    await until("all", () => heard.length === 150);
    expect(heard.map((m) => (m["payload"] as { n: number }).n)).toEqual(
      Array.from({ length: 150 }, (_, n) => n),
    );
  });

  test("too large is answered with an error", async () => {
    const channel = clientOf(a, { vsn }).channel("big", { config: { broadcast: { ack: true } } });
    await join(channel);
    const payload = { x: "x".repeat(300_000) };
    expect(await channel.send({ type: "broadcast", event: "e", payload })).toBe("error");
  });

  test("before joining goes by HTTP", async () => {
    const listener = clientOf(b, { vsn }).channel("rest");
    const heard = hears(listener);
    await join(listener);
    const channel = clientOf(a, { vsn }).channel("rest");
    expect(await channel.send({ type: "broadcast", event: "e", payload: { by: "http" } })).toBe(
      "ok",
    );
    await until("it", () => heard.length === 1);
    expect(heard).toEqual([{ type: "broadcast", event: "e", payload: { by: "http" } }]);
  });

  test("httpSend", async () => {
    const listener = clientOf(b, { vsn }).channel("http/ a&b?c#d");
    const heard = hears(listener);
    await join(listener);
    const channel = clientOf(a, { vsn }).channel("http/ a&b?c#d");
    expect(await channel.httpSend("ev ent", { n: [1] })).toEqual({ success: true });
    await until("it", () => heard.length === 1);
    expect(heard).toEqual([{ type: "broadcast", event: "ev ent", payload: { n: [1] } }]);
  });
}

function binary(): void {
  const bytes = Uint8Array.of(0, 1, 254, 255);

  test("are sent and received as an ArrayBuffer; version 1.0.0 does not get them", async () => {
    const sender = clientOf(a).channel("bytes");
    const listener = clientOf(b).channel("bytes");
    const old = clientOf(b, { vsn: "1.0.0" }).channel("bytes");
    const [heard, heardOld] = [hears(listener), hears(old)];
    for (const channel of [sender, listener, old]) await join(channel);
    await sender.send({ type: "broadcast", event: "raw", payload: bytes.buffer });
    await sender.httpSend("http", bytes);
    await sender.send({ type: "broadcast", event: "json", payload: {} });
    await until("all", () => heard.length === 3 && heardOld.length === 1);
    const byEvent = new Map(heard.map((m) => [m["event"], m["payload"]]));
    expect([...new Uint8Array(byEvent.get("raw") as ArrayBuffer)]).toEqual([...bytes]);
    expect([...new Uint8Array(byEvent.get("http") as ArrayBuffer)]).toEqual([...bytes]);
    expect(heardOld.map(({ event }) => event)).toEqual(["json"]);
  });
}

function presence(vsn: Version): void {
  const person = (server: ChannelServer, key: string, topic: string) => {
    const channel = clientOf(server, { vsn }).channel(topic, { config: { presence: { key } } });
    const events: string[] = [];
    channel
      .on("presence", { event: "join" }, ({ key: who, newPresences }) => {
        events.push(`join ${who} ${JSON.stringify(newPresences.map((p) => p["n"]))}`);
      })
      .on("presence", { event: "leave" }, ({ key: who, leftPresences }) => {
        events.push(`leave ${who} ${JSON.stringify(leftPresences.map((p) => p["n"]))}`);
      })
      .on("presence", { event: "sync" }, () => events.push("sync"));
    return { channel, events };
  };
  const state = (channel: RealtimeChannel) =>
    Object.fromEntries(
      Object.entries(channel.presenceState<{ n: number }>()).map(([key, list]) => [
        key,
        list.map(({ n }) => n).sort(),
      ]),
    );

  test("join, several under a key, update, leave and the end of a socket", async () => {
    const topic = `people-${vsn}`;
    const [one, two, again] = [
      person(a, "ann", topic),
      person(b, "bob", topic),
      person(b, "ann", topic),
    ];
    for (const { channel } of [one, two, again]) await join(channel);
    expect(await one.channel.track({ n: 1 })).toBe("ok");
    expect(await two.channel.track({ n: 2 })).toBe("ok");
    expect(await again.channel.track({ n: 3 })).toBe("ok");
    for (const { channel } of [one, two, again]) {
      await until(
        "all three",
        () => JSON.stringify(state(channel)).length === '{"ann":[1,3],"bob":[2]}'.length,
      );
      expect(state(channel)).toEqual({ ann: [1, 3], bob: [2] });
    }
    await one.channel.track({ n: 4 });
    await until("the update", () => state(two.channel)["ann"]?.includes(4));
    expect(state(two.channel)).toEqual({ ann: [3, 4], bob: [2] });
    expect(await again.channel.untrack()).toBe("ok");
    await until("it", () => state(two.channel)["ann"]?.length === 1);
    await one.channel.unsubscribe();
    await until("nobody but bob", () => Object.keys(state(two.channel)).length === 1);
    expect(two.events).toContain("leave ann [3]");
    expect(two.events).toContain("leave ann [4]");
    expect(two.events.filter((event) => event === "join bob [2]")).toHaveLength(1);
    // Whoever comes now sees what is.
    const late = person(a, "cleo", topic);
    await join(late.channel);
    await until("the state", () => late.events.includes("sync"));
    expect(state(late.channel)).toEqual({ bob: [2] });
  });

  test("of a client that only shows itself is seen, and it sees the others from then on", async () => {
    const topic = `shy-${vsn}`;
    const other = person(b, "other", topic);
    await join(other.channel);
    await other.channel.track({ n: 1 });
    const shy = clientOf(a, { vsn }).channel(topic, { config: { presence: { key: "shy" } } });
    await join(shy);
    await shy.track({ n: 2 });
    await until("it is seen", () => "shy" in state(other.channel));
    await until("it sees", () => "other" in state(shy));
  });
}

function channels(vsn: Version): void {
  test("is private for members, and closed to others with a reason", async () => {
    const config = { private: true, broadcast: { ack: true } };
    const member = await memberOf(a, userToken, { vsn });
    const channel = member.channel("club", { config });
    const heard = hears(channel);
    await join(channel);
    const silent = await join(member.channel("club-silent", { config }));
    expect(await silent.send({ type: "broadcast", event: "e", payload: {} })).toBe("error");
    const stranger = clientOf(b, { vsn }).channel("club", { config });
    expect(await subscribed(stranger)).toEqual({
      status: "CHANNEL_ERROR",
      error: "Unauthorized: You do not have permissions to read from this Channel topic: club",
    });
    const boss = await join(clientOf(b, { vsn, key: b.secretKey }).channel("club", { config }));
    expect(await boss.send({ type: "broadcast", event: "e", payload: { n: 1 } })).toBe("ok");
    await until("it", () => heard.length === 1);
  });

  test("private by HTTP asks the policies too", async () => {
    const config = { private: true };
    const channel = (await memberOf(a, userToken, { vsn })).channel("club-http", { config });
    const heard = hears(channel);
    await join(channel);
    expect(await channel.httpSend("e", { n: 1 })).toEqual({ success: true });
    await until("it", () => heard.length === 1);
    const stranger = clientOf(a, { vsn }).channel("club-http", { config });
    await expect(stranger.httpSend("e", {})).rejects.toThrow(/permission to broadcast/);
    expect(await stranger.send({ type: "broadcast", event: "e", payload: {} })).toBe("error");
  });

  test("says when what the database sends is listened to", async () => {
    const config = { broadcast: { replication_ready: true } };
    const channel = clientOf(a, { vsn }).channel("ready", { config });
    const system: unknown[] = [];
    channel.on("system", {}, (payload) => system.push(payload));
    await join(channel);
    await until("the word", () => system.length === 1);
    expect(system).toEqual([
      {
        extension: "system",
        status: "ok",
        message: "Replication connection established",
        channel: "ready",
      },
    ]);
  });

  test("is left, removed, and joined again", async () => {
    const client = clientOf(a, { vsn });
    const channel = client.channel("leave");
    const states: string[] = [];
    await new Promise<void>((resolve) => {
      channel.subscribe((status) => {
        states.push(status);
        if (status === "SUBSCRIBED") resolve();
      });
    });
    expect(client.channel("leave")).toBe(channel);
    expect(await channel.unsubscribe()).toBe("ok");
    expect(states).toEqual(["SUBSCRIBED", "CLOSED"]);
    const again = client.channel("leave");
    expect(again).not.toBe(channel);
    const heard = hears(again);
    await join(again);
    await asOwner(a, `select realtime.send('{}', 'e', 'leave', false)`);
    await until("it", () => heard.length === 1);
    expect(await client.removeChannel(again)).toBe("ok");
    await join(client.channel("x"));
    await join(client.channel("y"));
    expect(await client.removeAllChannels()).toEqual(["ok", "ok"]);
    expect(client.getChannels()).toEqual([]);
  });

  test("keeps the bindings that were copied to it", async () => {
    const client = clientOf(a, { vsn });
    const first = client.channel("copied");
    const heard = hears(first, "e");
    const second = client.channel("copied-to");
    second.copyBindings(first);
    await join(second);
    await asOwner(a, `select realtime.send('{}', 'e', 'copied-to', false)`);
    await until("it", () => heard.length === 1);
  });
}

function stored(): void {
  const config = { private: true, broadcast: { ack: true } };
  const member = () => memberOf(a, userToken);

  test("are replayed, whether sent by socket, by HTTP or from SQL", async () => {
    await asOwner(a, "delete from realtime.messages");
    const channel = (await member()).channel("club-kept", { config });
    await join(channel);
    const sent = { type: "broadcast" as const, payload: {}, persist: true };
    expect(await channel.send({ ...sent, event: "socket" })).toBe("ok");
    expect(await channel.send({ ...sent, event: "not kept", persist: false })).toBe("ok");
    await channel.httpSend("http", Uint8Array.of(1, 2), { persist: { ttl: 60 } });
    await asOwner(a, `select realtime.send('{"n":1}', 'sql', 'club-kept')`);
    const since = { since: Date.now() - 60_000, limit: 10 };
    const later = (await member()).channel("club-kept", {
      config: { ...config, broadcast: { replay: since } },
    });
    const heard = hears(later);
    await join(later);
    await until("all three", () => heard.length === 3);
    expect(heard.map(({ event }) => event)).toEqual(["socket", "http", "sql"]);
    expect(heard.map(({ meta }) => meta)).toEqual(
      heard.map(() => ({ replayed: true, id: expect.any(String) })),
    );
    // Alive it comes once more without the mark.
    await asOwner(a, `select realtime.send('{"n":2}', 'sql', 'club-kept')`);
    await until("the next", () => heard.length === 4);
    expect(heard[3]?.["meta"]).toEqual({ id: expect.any(String) });
  });

  test("for longer than rows are kept are refused", async () => {
    const channel = (await member()).channel("club-kept", { config });
    await join(channel);
    const ttl = 100 * 3600;
    const message = { type: "broadcast" as const, event: "e", payload: {}, persist: { ttl } };
    expect(await channel.send(message)).toBe("invalid_persist_ttl");
    await expect(channel.httpSend("e", {}, { persist: { ttl } })).rejects.toThrow();
  });
}

function clients(): void {
  test("connects, tells its state and address, beats, and disconnects", async () => {
    const { realtime } = clientOf(a);
    expect(realtime.endpointURL()).toContain("/realtime/v1/websocket?apikey=");
    realtime.connect();
    await until("it is open", () => realtime.isConnected());
    expect(realtime.connectionState()).toBe("open");
    const beats: string[] = [];
    realtime.onHeartbeat((status) => beats.push(status));
    await realtime.sendHeartbeat();
    await until("a beat", () => beats.includes("ok"));
    expect(beats).toEqual(["sent", "ok"]);
    expect(await realtime.disconnect()).toBe("ok");
    expect(realtime.connectionState()).toBe("closed");
  });

  const standalone = (options: Partial<RealtimeClientOptions> = {}) =>
    new RealtimeClient(`${a.url.replace("http", "ws")}/realtime/v1`, {
      ...options,
      params: { apikey: a.publishableKey },
    });

  test.each([
    ["of its own", {}],
    ["of a worker", { worker: true }],
  ])("keeps its socket alive by heartbeats %s", async (_what, options) => {
    const beats: string[] = [];
    const client = standalone({
      ...options,
      heartbeatIntervalMs: 50,
      heartbeatCallback: (status) => beats.push(status),
      logLevel: "info",
    });
    client.connect();
    await until("three answers", () => beats.filter((beat) => beat === "ok").length >= 3);
    expect(beats.some((beat) => beat === "timeout" || beat === "error")).toBe(false);
    expect(client.isConnected()).toBe(true);
    await client.disconnect();
  });

  test("pushes messages of its own, is answered, and logs both", async () => {
    const lines: string[] = [];
    const client = standalone({ logger: (kind, text) => lines.push(`${kind} ${text}`) });
    client.connect();
    await until("it is open", () => client.isConnected());
    client.push({ topic: "phoenix", event: "heartbeat", payload: {}, ref: "mine" });
    client.push({ topic: "realtime:never", event: "hello", payload: {}, ref: "lost" });
    await until(
      "both answers",
      () => lines.filter((line) => line.startsWith("receive")).length === 2,
    );
    expect(lines).toContain("receive ok phoenix phx_reply (mine)");
    expect(lines).toContain("receive error realtime:never phx_reply (lost)");
    await client.disconnect();
  });

  test("joins with what updateJoinPayload put there", async () => {
    const client = standalone();
    const channel = client.channel("club-payload", { config: { private: true } });
    channel.updateJoinPayload({ access_token: userToken });
    expect(await subscribed(channel)).toEqual({ status: "SUBSCRIBED" });
    await client.disconnect();
  });

  test("gives its open channels a new token; one that may no longer read is closed", async () => {
    const client = standalone();
    await client.setAuth(userToken);
    const channel = client.channel("club-token", { config: { private: true } });
    const states: string[] = [];
    const system: { message: string }[] = [];
    channel.on("system", {}, (payload) => system.push(payload));
    await new Promise<void>((resolve) => {
      channel.subscribe((status) => {
        states.push(status);
        if (status === "SUBSCRIBED") resolve();
      });
    });
    // As after signing out: the project's key again.
    await client.setAuth(a.publishableKey);
    await until("the end", () => states.includes("CLOSED"));
    expect(system.at(-1)?.message).toBe(
      "You no longer have permission to read from this Channel topic: club-token",
    );
    await client.disconnect();
  });

  test("asks its callback for the token of each join", async () => {
    let token = a.publishableKey;
    const asking = await memberOf(a, () => token);
    const config = { private: true };
    expect((await subscribed(asking.channel("club-cb", { config }))).status).toBe("CHANNEL_ERROR");
    await asking.removeAllChannels();
    token = userToken;
    await asking.realtime.setAuth();
    await join(asking.channel("club-cb", { config }));
  });

  test("a wrong key is not let in", async () => {
    const answer = await subscribed(clientOf(a, { key: "sb_publishable_wrong" }).channel("x"));
    expect(answer.status).toBe("CHANNEL_ERROR");
  });

  test("comes back and joins again when its server goes", async () => {
    const going = await servers.serve();
    const port = Number(new URL(going.url).port);
    const client = clientOf(going);
    const channel = client.channel("survivor");
    const heard = hears(channel);
    const states: string[] = [];
    channel.subscribe((status, error) =>
      states.push(error ? `${status}: ${error.message}` : status),
    );
    await until("joined", () => states.includes("SUBSCRIBED"));
    await going.stop();
    await until("told", () => states.length === 2);
    expect(states[1]).toBe("CHANNEL_ERROR: socket closed: 1001 (the server is stopping)");
    const next = await servers.serve(port);
    await until(
      "joined again",
      () => states.filter((s) => s === "SUBSCRIBED").length === 2,
      30_000,
    );
    await asOwner(a, `select realtime.send('{}', 'e', 'survivor', false)`);
    await until("it", () => heard.length === 1);
    await client.realtime.disconnect();
    await next.stop();
  });
}
