/** `postgres_changes` of a channel over a feed that the test holds in its hand. */
import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { errors } from "../../src/capabilities/data/errors.ts";
import type {
  Change,
  ChangeFeed,
  ChangeInterest,
  ChangeSink,
} from "../../src/capabilities/data/realtime/change-feed.ts";
import { coreErrors } from "../../src/core/errors.ts";
import type { Principal } from "../../src/core/ports/auth.ts";
import { createSimClock } from "../support/sim-clock.ts";
import { until } from "../support/until.ts";
import { type HandSocket, OTHER, openChannelWorld, tokenOf, USER } from "./channel-harness.ts";

setDefaultTimeout(60_000);

interface Subscribed {
  readonly interest: ChangeInterest;
  readonly sink: ChangeSink;
  principal: Principal;
  isOpen: boolean;
}

/** Says yes unless told otherwise. */
class HandFeed implements ChangeFeed {
  subscribed: Subscribed[] = [];
  answer: () => Promise<void> = () => Promise.resolve();

  async subscribe(_tenant: unknown, interest: ChangeInterest, sink: ChangeSink) {
    await this.answer();
    const made: Subscribed = { interest, sink, principal: interest.principal, isOpen: true };
    this.subscribed.push(made);
    return {
      update(principal: Principal) {
        made.principal = principal;
      },
      close() {
        made.isOpen = false;
      },
    };
  }

  get open(): Subscribed[] {
    return this.subscribed.filter((one) => one.isOpen);
  }
}

const CHANGE: Change = {
  id: "0/1",
  commitTimestamp: "2026-01-01T00:00:00.000Z",
  schema: "public",
  table: "orders",
  type: "UPDATE",
  columns: [
    { name: "id", type: "int8" },
    { name: "state", type: "text" },
  ],
  record: '{"id":12345678901234567890,"state":"paid"}',
  oldRecord: '{"id":12345678901234567890}',
};

const clock = createSimClock();
const feed = new HandFeed();
let world: Awaited<ReturnType<typeof openChannelWorld>>;
const sockets: HandSocket[] = [];

beforeAll(async () => {
  world = await openChannelWorld({ feed, clock });
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
  expect(feed.open).toEqual([]);
  feed.subscribed = [];
  feed.answer = () => Promise.resolve();
});
afterAll(() => world.close());

async function join(bindings: object[], options: object = {}, token?: string) {
  const socket = world.connect();
  sockets.push(socket);
  const config = { presence: { enabled: false }, postgres_changes: bindings, ...options };
  const answer = await socket.join("realtime:db", config, token);
  return { socket, answer };
}

const SUBSCRIBED = {
  extension: "postgres_changes",
  status: "ok",
  message: "Subscribed to PostgreSQL",
  channel: "db",
};

test("bindings are answered as they came, each with an id, and then confirmed", async () => {
  const sent = [
    { event: "*", schema: "public", table: "orders", filter: "id=eq.1" },
    { event: "INSERT", schema: "public" },
  ];
  const { socket, answer } = await join(sent);
  expect(answer.payload.response).toEqual({
    postgres_changes: [
      { ...sent[0], id: 1 },
      { ...sent[1], id: 2 },
    ],
  });
  expect((await socket.take("system")).payload).toEqual(SUBSCRIBED);
  const [first, second] = feed.subscribed;
  expect(first?.interest).toMatchObject({
    schema: "public",
    table: "orders",
    types: new Set(["INSERT", "UPDATE", "DELETE"]),
    filters: [{ condition: { field: { name: "id" }, operation: { op: "eq" } }, values: ["1"] }],
  });
  expect(second?.interest).toMatchObject({ table: null, types: new Set(["INSERT"]), filters: [] });
});

test("a change arrives as the client reads it, with every digit", async () => {
  const { socket } = await join([{ event: "*", schema: "public", table: "orders" }]);
  const raw: string[] = [];
  const { session } = socket;
  session.send = (frame) => raw.push(String(frame));
  feed.open[0]?.sink.change(CHANGE);
  feed.open[0]?.sink.change({ ...CHANGE, type: "INSERT", oldRecord: null });
  feed.open[0]?.sink.change({ ...CHANGE, type: "DELETE", record: null });
  expect(raw[0]).toContain('"record":{"id":12345678901234567890,"state":"paid"}');
  const payloads = raw.map((frame) => JSON.parse(frame)[4]);
  expect(payloads[0]).toEqual({
    ids: [1],
    data: {
      schema: "public",
      table: "orders",
      type: "UPDATE",
      commit_timestamp: "2026-01-01T00:00:00.000Z",
      errors: null,
      columns: CHANGE.columns,
      record: { id: expect.any(Number), state: "paid" },
      old_record: { id: expect.any(Number) },
    },
  });
  expect("old_record" in payloads[1].data).toBe(false);
  expect("record" in payloads[2].data).toBe(false);
});

test("select leaves the other columns out", async () => {
  const { socket } = await join([
    { event: "*", schema: "public", table: "orders", select: ["state"] },
  ]);
  feed.open[0]?.sink.change(CHANGE);
  const { data } = (await socket.take("postgres_changes")).payload;
  expect(data).toMatchObject({
    columns: [{ name: "state", type: "text" }],
    record: { state: "paid" },
    old_record: {},
  });
  expect(Object.keys(data.record)).toEqual(["state"]);
});

test("a schema that is * is every exposed one", async () => {
  await join([{ event: "*", schema: "*" }]);
  expect(feed.open.map(({ interest }) => interest.schema)).toEqual(["public", "more"]);
});

describe("a binding that cannot be", () => {
  test.each([
    [{ event: "TRUNCATE" }, "There is no event TRUNCATE"],
    [{ event: "*", filter: "id" }, "The filter id cannot be read"],
    [{ event: "*", filter: "id=is.what" }, "PGRST100: "],
  ])("%j is told, and the channel goes on", async (binding, message) => {
    const { socket, answer } = await join([{ event: "*", schema: "public" }, binding]);
    expect(answer.payload.status).toBe("ok");
    const { payload } = await socket.take("system");
    expect(payload).toMatchObject({ extension: "postgres_changes", status: "error" });
    expect(payload.message).toStartWith(message);
    // All of the bindings or none: a client that hears of some would take the rest for quiet.
    expect(feed.open).toEqual([]);
    await clock.advance(60_000);
    expect(feed.open).toEqual([]);
  });

  test("because the feed says no is told in its words", async () => {
    feed.answer = () => Promise.reject(errors.PGRST205("public", "nope", null));
    const { socket } = await join([{ event: "*", schema: "public", table: "nope" }]);
    expect((await socket.take("system")).payload.message).toBe(
      "PGRST205: Could not find the table 'public.nope' in the schema cache",
    );
  });

  test("because the feed is away is tried again", async () => {
    feed.answer = () => Promise.reject(coreErrors.unavailable("The change feed"));
    const { socket } = await join([{ event: "*", schema: "public" }]);
    expect((await socket.take("system")).payload.status).toBe("error");
    feed.answer = () => Promise.resolve();
    await clock.advance(5_000);
    expect((await socket.take("system")).payload).toEqual(SUBSCRIBED);
  });
});

describe("with wait", () => {
  const wait = (timeout?: number) => ({ postgres_changes_options: { wait: true, timeout } });

  test("the join is answered when changes flow, and what came before waits behind it", async () => {
    const gate = Promise.withResolvers<void>();
    let isAsked = false;
    feed.answer = () => {
      isAsked = true;
      return gate.promise;
    };
    const joining = join([{ event: "*", schema: "public" }], wait());
    await until("the feed is asked", () => isAsked);
    expect(sockets[0]?.heard).toEqual([]);
    gate.resolve();
    const { socket } = await joining;
    feed.open[0]?.sink.change(CHANGE);
    await socket.take("postgres_changes");
    expect(socket.heard.map(({ event }) => event)).toEqual(["phx_reply", "system"]);
  });

  test("more than can be held back makes the client join again", async () => {
    const gate = Promise.withResolvers<void>();
    const bindings = [
      { event: "*", schema: "public" },
      { event: "INSERT", schema: "public" },
    ];
    feed.answer = () => (feed.subscribed.length === 0 ? Promise.resolve() : gate.promise);
    const joining = join(bindings, wait());
    await until("the first of two", () => feed.subscribed.length === 1);
    for (let n = 0; n < 1_001; n++) feed.open[0]?.sink.change(CHANGE);
    gate.resolve();
    const { socket } = await joining;
    expect(socket.heard.filter(({ event }) => event === "postgres_changes")).toHaveLength(1_000);
    expect(await socket.take("phx_error")).toMatchObject({ topic: "realtime:db", ref: "j1" });
    expect(socket.session.channels.size).toBe(0);
  });

  test("it fails with the reason", async () => {
    feed.answer = () => Promise.reject(errors.PGRST205("public", "nope", null));
    const { answer } = await join([{ event: "*", schema: "public", table: "nope" }], wait());
    expect(answer.payload).toMatchObject({ status: "error" });
    expect(answer.payload.response.reason).toStartWith(
      "RealtimeDisabledForConfiguration: PGRST205",
    );
  });

  test("it fails after its time", async () => {
    feed.answer = () => new Promise(() => undefined);
    const joining = join([{ event: "*", schema: "public" }], wait(700));
    await until("the question", () => sockets[0]?.session.channels.size === 1);
    await until("its time", async () => {
      await clock.advance(700);
      return sockets[0]?.heard.length === 1;
    });
    const { answer } = await joining;
    expect(answer.payload.response.reason).toBe(
      "PostgresChangesSubscribeTimeout: Timed out after 700ms waiting for the postgres_changes subscription",
    );
  });
});

describe("a subscription", () => {
  test("follows the token, and ends with its channel", async () => {
    const { socket } = await join(
      [{ event: "*", schema: "public" }],
      {},
      tokenOf("authenticated", USER),
    );
    await socket.take("system");
    const [one] = feed.open;
    const access_token = tokenOf("authenticated", OTHER);
    socket.send(["j1", "r", "realtime:db", "access_token", { access_token }]);
    await until("the other", () => one?.principal.userId === OTHER);
    socket.send(["j1", "l", "realtime:db", "phx_leave", {}]);
    expect(one?.isOpen).toBe(false);
    one?.sink.change(CHANGE);
    expect(socket.heard.some(({ event }) => event === "postgres_changes")).toBe(false);
  });

  test("tells of a gap and stays", async () => {
    const { socket } = await join([{ event: "*", schema: "public" }]);
    await socket.take("system");
    feed.open[0]?.sink.gap("the feed was interrupted", "1");
    expect((await socket.take("system")).payload).toMatchObject({
      extension: "postgres_changes",
      status: "error",
      message: "Changes may be missing: the feed was interrupted",
    });
    feed.open[0]?.sink.change(CHANGE);
    await socket.take("postgres_changes");
  });

  test("that ends by itself is told and made again", async () => {
    const { socket } = await join([{ event: "*", schema: "public" }]);
    await socket.take("system");
    feed.open[0]?.sink.ended("the table was dropped");
    expect((await socket.take("system")).payload.message).toBe(
      "The subscription has ended: the table was dropped",
    );
    expect(feed.open).toEqual([]);
    await clock.advance(5_000);
    expect((await socket.take("system")).payload).toEqual(SUBSCRIBED);
    expect(feed.open).toHaveLength(1);
  });

  test("that comes when its channel has gone is closed", async () => {
    const gate = Promise.withResolvers<void>();
    let isAsked = false;
    feed.answer = () => {
      isAsked = true;
      return gate.promise;
    };
    const { socket } = await join([{ event: "*", schema: "public" }]);
    await until("the feed is asked", () => isAsked);
    socket.close();
    gate.resolve();
    await until("it is made", () => feed.subscribed.length === 1);
    await until("and closed", () => feed.open.length === 0);
  });
});
