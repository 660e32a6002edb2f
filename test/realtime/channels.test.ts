/** Channels as the unchanged client uses them, on one server and on two. */
import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { asOwner, clientOf, closeClients, hears, join } from "./channels-world.ts";

setDefaultTimeout(60_000);

let a: TestServer;
let b: TestServer;

beforeAll(async () => {
  a = await startTestServer();
  b = await startTestServer({ databaseUrl: a.ownerUrl, vaultKey: a.vaultKey });
});
afterEach(closeClients);
afterAll(async () => {
  await b.stop();
  await a.stop();
});

describe.each(["1.0.0", "2.0.0"] as const)("vsn %s", (vsn) => {
  test("a broadcast reaches the others on the channel, not the sender", async () => {
    const [one, two] = [clientOf(a, { vsn }), clientOf(b, { vsn })];
    const sender = one.channel("room");
    const listener = two.channel("room");
    const [own, heard] = [hears(sender), hears(listener)];
    await join(listener);
    await join(sender);
    expect(await sender.send({ type: "broadcast", event: "hi", payload: { n: 1 } })).toBe("ok");
    await until("the broadcast", () => heard.length === 1);
    expect(heard).toEqual([{ type: "broadcast", event: "hi", payload: { n: 1 } }]);
    expect(own).toEqual([]);
  });

  test("SQL broadcasts when its transaction commits", async () => {
    const channel = clientOf(b, { vsn }).channel("sql");
    const heard = hears(channel);
    await join(channel);
    await asOwner(a, `begin; select realtime.send('{"n":0}', 'never', 'sql', false); rollback`);
    await asOwner(a, `select realtime.send('{"n":1}', 'now', 'sql', false)`);
    await until("the broadcast", () => heard.length === 1);
    expect(heard).toMatchObject([{ type: "broadcast", event: "now", payload: { n: 1 } }]);
  });

  test("presence is seen across servers", async () => {
    const one = clientOf(a, { vsn }).channel("here", { config: { presence: { key: "ann" } } });
    const two = clientOf(b, { vsn }).channel("here", { config: { presence: { key: "bob" } } });
    for (const channel of [one, two]) {
      channel.on("presence", { event: "sync" }, () => undefined);
      await join(channel);
    }
    expect(await one.track({ at: 1 })).toBe("ok");
    expect(await two.track({ at: 2 })).toBe("ok");
    for (const channel of [one, two]) {
      await until("both", () => Object.keys(channel.presenceState()).length === 2);
      expect(channel.presenceState()).toMatchObject({ ann: [{ at: 1 }], bob: [{ at: 2 }] });
    }
    await one.untrack();
    await until("ann is gone", () => Object.keys(two.presenceState()).length === 1);
  });
});
