/** The protocol between one client and the server: answers, order, limits, and what is hostile. */
import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { createMemoryBus } from "../../src/shared/bus/memory-bus.ts";
import { silentLog } from "../support/postgres.ts";
import { createSimClock } from "../support/sim-clock.ts";
import { until } from "../support/until.ts";
import { type HandSocket, openChannelWorld, tokenOf, USER } from "./channel-harness.ts";

setDefaultTimeout(60_000);

type World = Awaited<ReturnType<typeof openChannelWorld>>;

const clock = createSimClock();
let world: World;
const sockets: HandSocket[] = [];

beforeAll(async () => {
  world = await openChannelWorld({
    clock,
    config: {
      realtime_max_channels: 3,
      realtime_max_joins_per_s: 5,
      realtime_max_messages_per_s: 20,
      realtime_max_payload_bytes: 2_000,
      realtime_max_buffered_bytes: 20_000,
    },
  });
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});
afterAll(() => world.close());

/** Time that a join may need to pass: the hub waits to hear itself. */
function open(options: { token?: string } = {}): HandSocket {
  const socket = world.connect(options);
  sockets.push(socket);
  return socket;
}

describe("joining", () => {
  test("is answered with the bindings; a heartbeat with ok", async () => {
    const socket = open();
    const answer = await socket.join("realtime:a", { presence: { enabled: false } });
    expect(answer).toEqual({
      joinRef: "j1",
      ref: "j1",
      topic: "realtime:a",
      event: "phx_reply",
      payload: { status: "ok", response: { postgres_changes: [] } },
    });
    socket.send([null, "9", "phoenix", "heartbeat", {}]);
    expect(socket.heard.at(-1)).toMatchObject({
      ref: "9",
      topic: "phoenix",
      payload: { status: "ok", response: {} },
    });
  });

  test("again closes what was joined before", async () => {
    const socket = open();
    await socket.join("realtime:a", { presence: { enabled: false } });
    await socket.join("realtime:a", { presence: { enabled: false } });
    expect(socket.heard.map(({ event, joinRef, ref }) => [event, joinRef, ref])).toEqual([
      ["phx_reply", "j1", "j1"],
      ["phx_close", "j1", "j1"],
      ["phx_reply", "j2", "j2"],
    ]);
    expect(socket.session.channels.size).toBe(1);
  });

  test("and leaving at once is answered once, and leaves nothing", async () => {
    const socket = open();
    socket.send(["1", "1", "realtime:quick", "phx_join", {}]);
    socket.send(["1", "2", "realtime:quick", "phx_leave", {}]);
    expect(socket.heard.map((h) => [h.event, h.ref])).toEqual([
      ["phx_reply", "2"],
      ["phx_close", "1"],
    ]);
    await open().join("realtime:other", {});
    expect(socket.heard).toHaveLength(2);
    expect(world.room.totals().channels).toBe(1);
  });

  test("what is sent before the answer waits for it, in order", async () => {
    const [one, two] = [open(), open()];
    await two.join("realtime:order", { broadcast: { self: true } });
    one.send(["1", "1", "realtime:order", "phx_join", { config: { broadcast: { ack: true } } }]);
    for (const n of [1, 2, 3]) {
      const payload = { type: "broadcast", event: "e", payload: n };
      one.send(["1", String(n + 1), "realtime:order", "broadcast", payload]);
    }
    await until("the answers", () => one.heard.some(({ ref }) => ref === "4"));
    expect(one.heard.map(({ ref }) => ref).filter((ref) => ref !== null)).toEqual([
      "1",
      "2",
      "3",
      "4",
    ]);
    const got = two.heard.filter(({ event }) => event === "broadcast");
    expect(got.map(({ payload }) => payload.payload)).toEqual([1, 2, 3]);
  });

  test.each([
    ["realtime:", "TopicNameRequired: "],
    ["room", "TopicNameRequired: "],
    ["phoenix:x", "TopicNameRequired: "],
  ])("%j is refused", async (topic, reason) => {
    const { payload } = await open().join(topic);
    expect(payload).toMatchObject({ status: "error" });
    expect(payload.response.reason).toStartWith(reason);
  });

  test("a malformed wish is refused", async () => {
    const { payload } = await open().join("realtime:a", { postgres_changes: "all" });
    expect(payload.response.reason).toStartWith("InvalidJoinPayload: ");
  });

  test("a bad token is refused, an expired one with its age", async () => {
    const socket = open();
    const bad = await socket.join("realtime:a", {}, "bad.token.x");
    expect(bad.payload.response.reason).toBe("InvalidJWTToken: The token was refused: planted");
    const old = await socket.join(
      "realtime:a",
      {},
      tokenOf("authenticated", USER, clock.now() - 5_500),
    );
    expect(old.payload.response.reason).toBe("InvalidJWTToken: Token has expired 5 seconds ago");
    const long = await socket.join("realtime:a", {}, "x".repeat(9_000));
    expect(long.payload.response.reason).toStartWith("MalformedJWT: ");
    expect(socket.session.channels.size).toBe(0);
  });

  test("only so many channels a socket", async () => {
    const socket = open();
    for (const n of [1, 2, 3]) await socket.join(`realtime:${n}`);
    const { payload } = await socket.join("realtime:4");
    expect(payload.response.reason).toBe("ChannelRateLimitReached: Too many channels");
    socket.send(["j1", "x", "realtime:1", "phx_leave", {}]);
    expect((await socket.join("realtime:4")).payload.status).toBe("ok");
  });

  test("only so many joins a second", async () => {
    const socket = open();
    for (let n = 0; n < 5; n++) await socket.join("realtime:again");
    const { payload } = await socket.join("realtime:again");
    expect(payload.response.reason).toStartWith("ClientJoinRateLimitReached: ");
    await clock.advance(1_000);
    expect((await socket.join("realtime:again")).payload.status).toBe("ok");
  });
});

describe("messages", () => {
  test("on a channel that is not joined are told so; leaving it is fine", () => {
    const socket = open();
    socket.send(["1", "2", "realtime:no", "broadcast", { event: "e", payload: {} }]);
    socket.send(["1", "3", "realtime:no", "phx_leave", {}]);
    expect(socket.heard.map(({ payload }) => payload)).toEqual([
      { status: "error", response: { reason: "unmatched topic" } },
      { status: "ok", response: {} },
    ]);
  });

  test("of an earlier join of the channel do not end the later one", async () => {
    const socket = open();
    await socket.join("realtime:a");
    await socket.join("realtime:a");
    socket.send(["j1", "x", "realtime:a", "phx_leave", {}]);
    expect(socket.session.channels.has("realtime:a")).toBe(true);
  });

  test.each([
    [{ event: 1, payload: {} }, "invalid_payload"],
    [{}, "invalid_payload"],
    [{ event: "e", payload: "x".repeat(2_001) }, "payload_size_exceeded"],
  ])("broadcast %j is answered with why not, if answers were asked for", async (payload, error) => {
    const [asking, silent] = [open(), open()];
    for (const [socket, ack] of [
      [asking, true],
      [silent, false],
    ] as const) {
      await socket.join("realtime:bad", { broadcast: { ack }, presence: { enabled: false } });
      socket.send([null, "b", "realtime:bad", "broadcast", payload]);
    }
    expect(asking.heard.at(-1)?.payload).toEqual({ status: "error", response: { error } });
    expect(silent.heard).toHaveLength(1);
  });

  test("a binary push and unknown events are passed over", async () => {
    const socket = open();
    await socket.join("realtime:a", { presence: { enabled: false } });
    socket.send([null, "1", "realtime:a", "launch", { missiles: true }]);
    socket.send(Uint8Array.of(0, 0, 0, 10, 1, ...Buffer.from("realtime:ax"), 1));
    expect(socket.heard).toHaveLength(1);
    expect(socket.closed).toBeNull();
  });

  test.each([
    [{ event: "track", payload: [] }, "Presence track payload must be a map"],
    [{ event: "track", payload: { x: "y".repeat(2_000) } }, "Track message size exceeded"],
    [{ event: "vanish" }, "Unknown presence event"],
    [{}, "Unknown presence event"],
  ])("presence %j is refused", async (payload, reason) => {
    const socket = open();
    await socket.join("realtime:a", { presence: { enabled: false } });
    socket.send([null, "p", "realtime:a", "presence", payload]);
    expect(socket.heard.at(-1)?.payload).toEqual({ status: "error", response: { reason } });
  });

  test("a client cannot choose the phx_ref of its presence", async () => {
    const socket = open();
    await socket.join("realtime:p", { presence: { key: "__proto__" } });
    const payload = { phx_ref: "mine", phx_ref_prev: "mine", a: 1 };
    socket.send([null, "p", "realtime:p", "presence", { event: "track", payload }]);
    await clock.advance(50);
    const { joins } = (await socket.take("presence_diff")).payload;
    const [meta] = Object.getOwnPropertyDescriptor(joins, "__proto__")?.value.metas ?? [];
    expect(meta).toMatchObject({ a: 1 });
    expect(meta.phx_ref).not.toBe("mine");
  });
});

describe("a socket is closed with a reason", () => {
  test.each([
    ["text that is no frame", "hello"],
    ["bytes that are none", Uint8Array.of(9, 9, 9)],
    ["JSON without end", "[".repeat(100_000)],
  ])("for %s", async (_what, data) => {
    const socket = open();
    await socket.join("realtime:a");
    socket.send(data);
    expect(socket.closed).toEqual({ code: 1007, reason: "malformed frame" });
    expect(socket.session.channels.size).toBe(0);
    // Nothing of it is listened to any more.
    socket.send([null, "1", "phoenix", "heartbeat", {}]);
    expect(socket.heard.at(-1)?.ref).not.toBe("1");
  });

  test("for too many messages, joined or not", async () => {
    const socket = open();
    for (let n = 0; n < 40; n++) socket.send([null, String(n), "realtime:x", "e", {}]);
    expect(socket.closed).toBeNull();
    await clock.advance(500);
    for (let n = 0; n < 11; n++) socket.send([null, String(n), "realtime:x", "e", {}]);
    expect(socket.closed).toEqual({ code: 1008, reason: "too many messages per second" });
  });

  test("for reading too slowly, and nobody else waits for it", async () => {
    const [slow, quick, sender] = [open(), open(), open()];
    for (const socket of [slow, quick, sender]) {
      await socket.join("realtime:flood", { presence: { enabled: false } });
    }
    slow.isStuck = true;
    for (let n = 0; n < 15; n++) {
      const payload = { type: "broadcast", event: "e", payload: "x".repeat(1_900) };
      sender.send([null, String(n), "realtime:flood", "broadcast", payload]);
    }
    expect(slow.closed).toEqual({ code: 1013, reason: "slow consumer" });
    expect(quick.heard.filter(({ event }) => event === "broadcast")).toHaveLength(15);
    expect(sender.closed).toBeNull();
  });

  test("for silence", async () => {
    const [silent, alive] = [open(), open()];
    await clock.advance(60_000);
    alive.send([null, "1", "phoenix", "heartbeat", {}]);
    await clock.advance(31_000);
    for (const { session } of [silent, alive]) session.endIfSilent(clock.monotonic() - 90_000);
    expect(silent.closed).toEqual({ code: 1008, reason: "no heartbeat" });
    expect(alive.closed).toBeNull();
  });
});

describe("a token", () => {
  test("that expires closes its channels with the reason, and only those", async () => {
    const socket = open();
    const token = tokenOf("authenticated", USER, clock.now() + 10_000);
    await socket.join("realtime:mine", { presence: { enabled: false } }, token);
    await socket.join("realtime:everybodys", { presence: { enabled: false } });
    await clock.advance(9_000);
    expect(socket.session.channels.size).toBe(2);
    await clock.advance(1_000);
    expect((await socket.take("system")).payload).toEqual({
      extension: "system",
      status: "error",
      message: "Token has expired 0 seconds ago",
      channel: "mine",
    });
    expect(await socket.take("phx_close")).toMatchObject({ topic: "realtime:mine", ref: "j1" });
    expect([...socket.session.channels.keys()]).toEqual(["realtime:everybodys"]);
    expect(socket.closed).toBeNull();
  });

  test("that is refreshed keeps the channel", async () => {
    const socket = open();
    const [first, second] = [10_000, 3 * 3_600_000].map((ms) =>
      tokenOf("authenticated", USER, clock.now() + ms),
    );
    await socket.join("realtime:mine", { presence: { enabled: false } }, first);
    socket.send([null, "1", "realtime:mine", "access_token", { access_token: second }]);
    await until(
      "the new token",
      () => socket.session.channels.get("realtime:mine")?.token === second,
    );
    await clock.advance(2 * 3_600_000);
    expect(socket.session.channels.size).toBe(1);
    await clock.advance(3_600_000);
    expect(socket.session.channels.size).toBe(0);
  });

  test("after another waits its turn, and what follows waits behind it", async () => {
    const socket = open();
    await socket.join("realtime:mine", { broadcast: { ack: true }, presence: { enabled: false } });
    const tokens = [1, 2].map((n) => tokenOf("authenticated", USER, clock.now() + n * 60_000));
    for (const [n, access_token] of tokens.entries()) {
      socket.send([null, `t${n}`, "realtime:mine", "access_token", { access_token }]);
    }
    socket.send([null, "b", "realtime:mine", "broadcast", { event: "e", payload: {} }]);
    const token = () => socket.session.channels.get("realtime:mine")?.token;
    await until("the first", () => token() === tokens[0]);
    await clock.advance(900);
    expect([token(), socket.heard.length]).toEqual([tokens[0], 1]);
    await clock.advance(200);
    await until("the second", () => token() === tokens[1]);
    await until("the answer", () => socket.heard.at(-1)?.ref === "b");
  });

  test("that is bad when refreshed ends the channel", async () => {
    const socket = open();
    await socket.join("realtime:mine", { presence: { enabled: false } });
    socket.send([null, "1", "realtime:mine", "access_token", { access_token: "bad.x.y" }]);
    expect((await socket.take("system")).payload.message).toBe("The token was refused: planted");
    await socket.take("phx_close");
    expect(socket.session.channels.size).toBe(0);
  });

  test.each([[null], [""], [7], [{}]])(
    "%j is no token and changes nothing",
    async (access_token) => {
      const socket = open();
      await socket.join("realtime:mine", { presence: { enabled: false } });
      socket.send([null, "1", "realtime:mine", "access_token", { access_token }]);
      expect(socket.heard).toHaveLength(1);
      expect(socket.session.channels.size).toBe(1);
    },
  );
});

test("what others than our servers put on the Bus is passed over, and tells them nothing", async () => {
  const bus = createMemoryBus(silentLog);
  const beside = await openChannelWorld({ bus, clock, beside: world });
  const seen: string[] = [];
  await bus.subscribe(DEFAULT_TENANT, "realtime", ({ payload }) => seen.push(payload));
  const socket = beside.connect();
  sockets.push(socket);
  await socket.join("realtime:bus", { broadcast: { ack: true }, presence: { enabled: false } });
  const payload = "a secret of the channel";
  socket.send([null, "b", "realtime:bus", "broadcast", { event: "e", payload }]);
  await until("the message on its way", () => seen.length > 1);
  expect(seen.join()).not.toContain(payload);
  expect(seen.join()).not.toContain("bus");
  const cast = { kind: "cast", from: "x", topic: "u:bus", event: "forged", form: "json" };
  for (const forged of [
    `${JSON.stringify(cast)}\n{}`,
    "",
    "AAAA",
    "no base64 at all",
    "x".repeat(99),
  ]) {
    await bus.publish(DEFAULT_TENANT, "realtime", forged);
  }
  const again = { event: "after", payload: {} };
  socket.send([null, "c", "realtime:bus", "broadcast", again]);
  await until("the next answer", () => socket.heard.at(-1)?.ref === "c");
  expect(socket.heard.filter(({ event }) => event === "broadcast")).toEqual([]);
  expect(beside.log.lines.filter(({ event }) => event === "realtime.message_forged")).toHaveLength(
    5,
  );
  socket.close();
  await beside.close();
});
