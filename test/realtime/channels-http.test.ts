/** The doors of `/realtime/v1`: the upgrade, broadcasts by HTTP, and tenants that never meet. */
import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { RealtimeClient } from "@supabase/supabase-js";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { tenantsByHost } from "../../src/shared/tenants.ts";
import { type TestDatabase, testPostgres } from "../support/postgres.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { asOwner, clientOf, closeClients, hears, join } from "./channels-world.ts";

setDefaultTimeout(60_000);

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({
    config: {
      data: {
        realtime_max_sockets: 3,
        realtime_max_messages_per_s: 110,
        realtime_max_payload_bytes: 2_000,
      },
    },
  });
});
afterEach(closeClients);
afterAll(() => server.stop());

interface RawSocket {
  readonly ws: WebSocket;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly opened: Promise<boolean>;
}

function raw(query: string, at = server): RawSocket {
  const ws = new WebSocket(`${at.url.replace("http", "ws")}/realtime/v1/websocket?${query}`);
  const opened = new Promise<boolean>((resolve) => {
    ws.onopen = () => resolve(true);
    ws.onerror = () => resolve(false);
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    ws.onclose = ({ code, reason }) => resolve({ code, reason });
  });
  return { ws, opened, closed };
}

describe("the upgrade", () => {
  const get = (query: string, headers: Record<string, string> = {}) =>
    fetch(`${server.url}/realtime/v1/websocket?${query}`, { headers });
  const upgrade = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  };

  test.each([
    ["no upgrade", "vsn=2.0.0", {}, 426, "upgrade_required"],
    ["another version", "vsn=3.0.0", upgrade, 400, "unsupported_version"],
    ["a wrong key", "vsn=2.0.0&apikey=wrong", upgrade, 401, "bad_credential"],
    ["a key that is no key", "vsn=2.0.0&apikey=", upgrade, 401, "bad_credential"],
    ["a token of somebody else", "vsn=2.0.0&apikey=a.b.c", upgrade, 401, "bad_credential"],
    [
      "a wrong header",
      "vsn=2.0.0",
      { ...upgrade, authorization: "Bearer x" },
      401,
      "bad_credential",
    ],
  ])("%s is refused", async (_what, query, headers, status, code) => {
    const answer = await get(query, headers as Record<string, string>);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ code });
  });

  test("the key is not in the log", async () => {
    const { ws, opened } = raw(`apikey=${server.publishableKey}&vsn=2.0.0`);
    expect(await opened).toBe(true);
    ws.close();
    const lines = JSON.stringify(server.logs.buffer.recent({ limit: 1_000 }));
    expect(lines).toContain("/realtime/v1/websocket");
    expect(lines).not.toContain(server.publishableKey);
  });

  test("only so many sockets, and their places come back", async () => {
    const open = await Promise.all([1, 2, 3].map(() => raw("vsn=2.0.0")));
    for (const { opened } of open) expect(await opened).toBe(true);
    expect(await raw("vsn=2.0.0").opened).toBe(false);
    expect((await get("vsn=2.0.0", upgrade)).status).toBe(503);
    for (const { ws, closed } of open) {
      ws.close();
      await closed;
    }
    await until("a place", async () => {
      const { ws, opened } = raw("vsn=2.0.0");
      const isOpen = await opened;
      ws.close();
      return isOpen;
    });
  });
});

describe("a socket", () => {
  const until1st = async (frame: string | Uint8Array<ArrayBuffer>) => {
    const { ws, opened, closed } = raw("vsn=2.0.0");
    await opened;
    ws.send(frame);
    return await closed;
  };

  test("is closed with a reason for what is no frame, and the server goes on", async () => {
    expect(await until1st("hello")).toEqual({ code: 1007, reason: "malformed frame" });
    expect(await until1st(Uint8Array.of(3, 255, 255))).toEqual({
      code: 1007,
      reason: "malformed frame",
    });
    expect((await until1st("[".repeat(900_000))).code).toBe(1007);
    // Beyond what the listener reads at all.
    expect((await until1st("x".repeat(1_100_000))).code).toBeGreaterThan(1000);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
  });

  test("is closed for a flood", async () => {
    const { ws, opened, closed } = raw("vsn=2.0.0");
    await opened;
    for (let n = 0; n < 300; n++) ws.send('[null,"1","phoenix","heartbeat",{}]');
    expect(await closed).toEqual({ code: 1008, reason: "too many messages per second" });
  });
});

describe("broadcasts by HTTP", () => {
  const post = (path: string, body: BodyInit, headers: Record<string, string> = {}) =>
    fetch(`${server.url}/realtime/v1/api/broadcast${path}`, {
      method: "POST",
      body,
      headers: { apikey: server.publishableKey, "content-type": "application/json", ...headers },
    });
  const one = (message: object) => JSON.stringify({ messages: [message] });
  const GOOD = { topic: "t", event: "e", payload: {} };

  test("are accepted, several at once, and delivered", async () => {
    const channel = clientOf(server).channel("t");
    const heard = hears(channel);
    await join(channel);
    const messages = [1, 2].map((n) => ({ ...GOOD, payload: { n } }));
    const answer = await post("", JSON.stringify({ messages }));
    expect([answer.status, await answer.text()]).toEqual([202, ""]);
    await until("both", () => heard.length === 2);
  });

  test.each([
    ["", "not json", 400, "bad_request"],
    ["", "[]", 400, "bad_request"],
    ["", "{}", 422, "invalid_broadcast"],
    ["", '{"messages":[]}', 422, "invalid_broadcast"],
    ["", JSON.stringify({ messages: Array(101).fill(GOOD) }), 422, "invalid_broadcast"],
    ["", one({ ...GOOD, topic: "" }), 422, "invalid_broadcast"],
    ["", one({ ...GOOD, topic: "t".repeat(256) }), 422, "invalid_broadcast"],
    ["", one({ ...GOOD, topic: "a\0b" }), 422, "invalid_broadcast"],
    ["", one({ ...GOOD, event: 7 }), 422, "invalid_broadcast"],
    ["", one({ topic: "t", event: "e" }), 422, "invalid_broadcast"],
    ["", one({ ...GOOD, private: "yes" }), 422, "invalid_broadcast"],
    ["", one({ ...GOOD, payload: "x".repeat(2_001) }), 413, "broadcast_too_large"],
    ["", one({ ...GOOD, private: true }), 403, "broadcast_denied"],
    ["/t/events/e", "{", 400, "bad_request"],
    ["/t/events/e", `"${"x".repeat(2_001)}"`, 413, "payload_too_large"],
    ["/t/events/e?private=true", "{}", 403, "broadcast_denied"],
    ["/t/events/e?persist=true", "{}", 422, "invalid_broadcast"],
    ["/t/events/e?private=true&persist[ttl]=-1", "{}", 422, "invalid_broadcast"],
    [`/t/events/${"e".repeat(256)}`, "{}", 422, "invalid_broadcast"],
  ])("%j %.60s is %i", async (path, body, status, code) => {
    const answer = await post(path, body);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ code });
  });

  test("reach private channels alone where there are no others", async () => {
    const { ownerUrl: databaseUrl, vaultKey } = server;
    const config = { data: { realtime_public_channels: false } };
    const strict = await startTestServer({ databaseUrl, vaultKey, only: ["auth", "data"], config });
    const send = (message: object) =>
      fetch(`${strict.url}/realtime/v1/api/broadcast`, {
        method: "POST",
        body: one(message),
        headers: { apikey: server.secretKey, "content-type": "application/json" },
      });
    const refused = await send(GOOD);
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({ code: "public_channels_off" });
    expect((await send({ ...GOOD, private: true })).status).toBe(202);
    await strict.stop();
  });

  test("are all sent or none", async () => {
    const channel = clientOf(server).channel("t");
    const heard = hears(channel);
    await join(channel);
    const messages = [GOOD, { ...GOOD, topic: "closed", private: true }];
    expect((await post("", JSON.stringify({ messages }))).status).toBe(403);
    expect((await post("", one({ ...GOOD, event: "after" }))).status).toBe(202);
    await until("the next", () => heard.length === 1);
    expect(heard[0]?.["event"]).toBe("after");
  });

  test("of another type are refused, and so are wrong keys", async () => {
    const answer = await post("/t/events/e", "x", { "content-type": "text/plain" });
    expect(answer.status).toBe(415);
    expect((await post("", one(GOOD), { apikey: "wrong" })).status).toBe(401);
    expect((await post("/t/events/e", "{}", { authorization: "Bearer a.b.c" })).status).toBe(401);
    const get = await fetch(`${server.url}/realtime/v1/api/broadcast`);
    expect([get.status, get.headers.get("allow")]).toEqual([405, "OPTIONS, POST"]);
  });

  test("only so many a second", async () => {
    const many = JSON.stringify({ messages: Array(100).fill(GOOD) });
    const statuses: number[] = [];
    let retryAfter: string | null = null;
    for (let n = 0; n < 5; n++) {
      const answer = await post("", many);
      statuses.push(answer.status);
      retryAfter ??= answer.headers.get("retry-after");
    }
    expect(statuses).toContain(429);
    expect(Number(retryAfter)).toBeGreaterThan(0);
  });
});

describe("two tenants of one server", () => {
  let both: TestServer;
  let databases: TestDatabase[];

  beforeAll(async () => {
    const postgres = await testPostgres();
    databases = [await postgres.createDatabase(), await postgres.createDatabase()];
    const [first, second] = databases.map(({ url }) => url) as [string, string];
    const other = { id: "other" };
    // A client cannot choose its Host, but a name of the loopback interface it can.
    both = await startTestServer({
      databaseUrl: first,
      tenants: tenantsByHost({ "127.0.0.1": DEFAULT_TENANT, localhost: other }),
      tenantUrls: { other: second },
    });
  });
  afterAll(async () => {
    await both.stop();
    for (const database of databases) await database.drop();
  });

  const at = (host: string, apikey = "x") => {
    const { port } = new URL(both.url);
    return new RealtimeClient(`ws://${host}:${port}/realtime/v1`, { params: { apikey } });
  };

  test("share no broadcast, no presence, no message of SQL and no key", async () => {
    const { port } = new URL(both.url);
    const sockets = ["127.0.0.1", "localhost"].map((host) => {
      const ws = new WebSocket(`ws://${host}:${port}/realtime/v1/websocket?vsn=2.0.0`);
      const heard: unknown[][] = [];
      ws.onmessage = ({ data }) => {
        if (typeof data === "string") heard.push(JSON.parse(data));
        else
          heard.push([null, null, null, "broadcast", Buffer.from(data as ArrayBuffer).toString()]);
      };
      ws.binaryType = "arraybuffer";
      return { ws, heard };
    });
    const [left, right] = sockets as [(typeof sockets)[0], (typeof sockets)[0]];
    for (const { ws, heard } of sockets) {
      await until("open", () => ws.readyState === WebSocket.OPEN);
      ws.send('["1","1","realtime:room","phx_join",{"config":{"broadcast":{"self":true}}}]');
      await until("joined", () => heard.some(([, ref]) => ref === "1"));
    }
    left.ws.send('["1","2","realtime:room","presence",{"event":"track","payload":{"left":1}}]');
    left.ws.send('["1","3","realtime:room","broadcast",{"event":"e","payload":"left"}]');
    await asOwner(
      { ...both, ownerUrl: databases[0]?.url ?? "" },
      `select realtime.send('"left sql"', 'e', 'room', false)`,
    );
    await until(
      "all of the left",
      () => left.heard.filter(([, , , event]) => event === "broadcast").length === 2,
    );
    await asOwner(
      { ...both, ownerUrl: databases[1]?.url ?? "" },
      `select realtime.send('"right sql"', 'e', 'room', false)`,
    );
    await until("the right's own", () =>
      right.heard.some(([, , , event]) => event === "broadcast"),
    );
    expect(JSON.stringify(right.heard)).toContain("right sql");
    expect(JSON.stringify(right.heard)).not.toContain("left");
    expect(JSON.stringify(left.heard)).not.toContain("right");
    for (const { ws } of sockets) ws.close();
    // The key of the one is none at the other.
    const wrong = at("localhost", both.publishableKey);
    const channel = wrong.channel("room");
    const status = await new Promise((resolve) => channel.subscribe(resolve));
    expect(status).toBe("CHANNEL_ERROR");
    await wrong.disconnect();
  });
});
