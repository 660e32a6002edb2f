/** Private channels: PostgreSQL's row policies on realtime.messages decide, as the caller. */
import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { until } from "../support/until.ts";
import { type HandSocket, OTHER, openChannelWorld, tokenOf, USER } from "./channel-harness.ts";

setDefaultTimeout(60_000);

type World = Awaited<ReturnType<typeof openChannelWorld>>;

let world: World;
let strict: World;
const sockets: HandSocket[] = [];

const MINE = tokenOf("authenticated", USER);
const THEIRS = tokenOf("authenticated", OTHER);
const DENIED = "You do not have permissions to read from this Channel topic: ";

const POLICIES = `
  create table public.members (user_id uuid, room text, speaks boolean);
  insert into public.members values
    ('${USER}', 'room', true), ('${USER}', 'quiet', false), ('${USER}', 'stage', true),
    ('${OTHER}', 'stage', false);
  alter table public.members enable row level security;
  create policy own on public.members for select using (user_id = auth.uid());
  grant select on public.members to authenticated;
  create policy listen on realtime.messages for select to authenticated using (
    exists (select from public.members m where m.room = realtime.topic() and m.user_id = auth.uid()));
  create policy speak on realtime.messages for insert to authenticated with check (
    extension in ('broadcast', 'presence') and exists (select from public.members m
      where m.room = realtime.topic() and m.user_id = auth.uid() and m.speaks));
  create policy store on realtime.messages for insert to authenticated
    with check (extension = 'persistence' and realtime.topic() = 'room');
  create policy by_column on realtime.messages for select to authenticated
    using (topic = 'column' and extension = 'presence');
  create function public.fails() returns boolean language plpgsql as $$
    begin raise exception 'broken on purpose'; end $$;
  create policy broken on realtime.messages for select to authenticated
    using (case when realtime.topic() = 'broken' then public.fails() else false end);
  create policy by_setting on realtime.messages for select to anon
    using (realtime.topic() = current_setting('app.settings.greeting', true)
      and current_setting('request.headers')::json ->> 'x-team' is null);
  create policy slow on realtime.messages for select to authenticated
    using (case when realtime.topic() = 'slow' then pg_sleep(30) is null else false end);
`;

beforeAll(async () => {
  world = await openChannelWorld();
  await world.sql.unsafe(POLICIES);
  strict = await openChannelWorld({ beside: world, config: { realtime_public_channels: false } });
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});
afterAll(async () => {
  await strict.close();
  await world.close();
});

function open(token = "anon", at = world): HandSocket {
  const socket = at.connect({ token });
  sockets.push(socket);
  return socket;
}

const PRIVATE = { private: true, broadcast: { ack: true }, presence: { enabled: false } };

async function statusOf(socket: HandSocket, topic: string, token?: string) {
  const { payload } = await socket.join(`realtime:${topic}`, PRIVATE, token);
  return payload.status === "ok" ? "ok" : payload.response.reason;
}

describe("who may join", () => {
  test.each([
    ["room", MINE, "ok"],
    ["room", THEIRS, `Unauthorized: ${DENIED}room`],
    ["nowhere", MINE, `Unauthorized: ${DENIED}nowhere`],
    ["room", undefined, `Unauthorized: ${DENIED}room`],
    ["room", tokenOf("service_role"), "ok"],
    ["anything", tokenOf("service_role"), "ok"],
    // A policy over the column, and for presence alone.
    ["column", MINE, "ok"],
    // A policy over the settings of the project.
    ["hello", undefined, "ok"],
    ["broken", MINE, `Unauthorized: ${DENIED}broken`],
  ])("%s with %s: %s", async (topic, token, expected) => {
    expect(await statusOf(open(), topic, token)).toBe(expected);
  });

  test("a role that may not use the schema is refused, one that does not exist too", async () => {
    await world.sql.unsafe("create role stranger; grant stranger to authenticator");
    expect(await statusOf(open(), "room", tokenOf("stranger", USER))).toBe(
      `Unauthorized: ${DENIED}room`,
    );
    expect(await statusOf(open(), "room", tokenOf("nobody_at_all", USER))).not.toBe("ok");
    await world.sql.unsafe("drop role stranger");
  });

  test("a name that would be SQL is a name", async () => {
    for (const topic of ["'; drop table realtime.messages; --", '"x"', "$1", "a\\b", "ü😀"]) {
      expect(await statusOf(open(), topic, MINE)).toBe(`Unauthorized: ${DENIED}${topic}`);
    }
    expect(await world.sql`select 1 from realtime.messages`).toHaveLength(0);
  });

  test("a policy that does not end is cut off", async () => {
    expect(await statusOf(open(), "slow", MINE)).toStartWith("QueryCanceled: ");
  });

  test("asking leaves nothing behind and wakes nobody", async () => {
    const listener = open();
    await listener.join("realtime:room", PRIVATE, MINE);
    for (let n = 0; n < 5; n++) await open().join("realtime:room", PRIVATE, MINE);
    await world.sql`select realtime.send('{}', 'real', 'room')`;
    expect((await listener.take("broadcast")).payload.event).toBe("real");
    expect(await world.sql`select event from realtime.messages`).toEqual([
      { event: "real" },
    ] as never);
    await world.sql`delete from realtime.messages`;
  });

  test("where only private channels are allowed, the others are refused", async () => {
    const { payload } = await open("anon", strict).join("realtime:room");
    expect(payload.response.reason).toBe("PrivateOnly: This project only allows private channels");
    expect(await statusOf(open("anon", strict), "room", MINE)).toBe("ok");
  });

  test("the answer is of the caller alone, many at once", async () => {
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, n) => statusOf(open(), "room", n % 2 ? MINE : THEIRS)),
    );
    expect(answers).toEqual(answers.map((_, n) => (n % 2 ? "ok" : `Unauthorized: ${DENIED}room`)));
  });
});

const say = (topic: string, payload: unknown = {}) =>
  [
    "j1",
    "say",
    `realtime:${topic}`,
    "broadcast",
    { type: "broadcast", event: "e", payload },
  ] as const;
const answerTo = (socket: HandSocket, ref: string) =>
  until(`the answer to ${ref}`, () => socket.heard.find((h) => h.ref === ref)?.payload);

describe("what a member may do", () => {
  test("send only with a policy for insert", async () => {
    const [speaker, quiet] = [open(), open()];
    await speaker.join("realtime:room", PRIVATE, MINE);
    await quiet.join("realtime:quiet", PRIVATE, MINE);
    speaker.send(say("room"));
    quiet.send(say("quiet"));
    expect(await answerTo(speaker, "say")).toEqual({ status: "ok", response: {} });
    expect(await answerTo(quiet, "say")).toEqual({
      status: "error",
      response: { error: "unauthorized" },
    });
  });

  test("be present only with a policy for insert", async () => {
    const [speaker, quiet] = [open(), open()];
    for (const [socket, topic] of [
      [speaker, "room"],
      [quiet, "quiet"],
    ] as const) {
      await socket.join(`realtime:${topic}`, PRIVATE, MINE);
      socket.send(["j1", "t", `realtime:${topic}`, "presence", { event: "track", payload: {} }]);
    }
    expect(await answerTo(speaker, "t")).toMatchObject({ status: "ok" });
    expect(await answerTo(quiet, "t")).toEqual({
      status: "error",
      response: { reason: "Unauthorized" },
    });
  });

  test("hear no broadcast where only presence may be read", async () => {
    const [socket, all] = [open(), open()];
    await socket.join("realtime:column", PRIVATE, MINE);
    await all.join("realtime:column", PRIVATE, tokenOf("service_role"));
    all.send(say("column"));
    await world.sql`select realtime.send('{}', 'sql', 'column')`;
    await all.take("broadcast");
    expect(socket.heard.filter(({ event }) => event === "broadcast")).toEqual([]);
    await world.sql`delete from realtime.messages`;
  });

  test("private and public channels of one name never meet", async () => {
    const [outside, inside] = [open(), open()];
    await outside.join("realtime:room", { broadcast: { self: true } });
    await inside.join("realtime:room", PRIVATE, MINE);
    inside.send(say("room", "inside"));
    outside.send(say("room", "outside"));
    await world.sql`select realtime.send('{"from":"sql"}', 'private', 'room', true)`;
    await world.sql`select realtime.send('{"from":"sql"}', 'public', 'room', false)`;
    const events = async (socket: HandSocket, count: number) => {
      const broadcasts = () => socket.heard.filter(({ event }) => event === "broadcast");
      await until("them", () => broadcasts().length === count);
      return broadcasts().map(({ payload }) => payload.event);
    };
    expect(await events(outside, 2)).toEqual(["e", "public"]);
    expect(await events(inside, 1)).toEqual(["private"]);
    await world.sql`delete from realtime.messages`;
  });
});

describe("a new token", () => {
  const refresh = (socket: HandSocket, topic: string, access_token: string) =>
    socket.send(["j1", "r", `realtime:${topic}`, "access_token", { access_token }]);

  test("of somebody who may not read closes the channel", async () => {
    const socket = open();
    await socket.join("realtime:room", PRIVATE, MINE);
    refresh(socket, "room", THEIRS);
    expect((await socket.take("system")).payload).toMatchObject({
      status: "error",
      message: "You no longer have permission to read from this Channel topic: room",
    });
    await socket.take("phx_close");
  });

  test("of somebody who may read less closes the channel", async () => {
    const socket = open();
    await socket.join("realtime:column", PRIVATE, tokenOf("service_role"));
    refresh(socket, "column", MINE);
    await socket.take("phx_close");
    // From nothing it may be joined with what there is.
    expect(await statusOf(socket, "column", MINE)).toBe("ok");
  });

  test("is asked for its rights anew, also those to send", async () => {
    const socket = open();
    await socket.join("realtime:stage", PRIVATE, MINE);
    socket.send(["j1", "t", "realtime:stage", "presence", { event: "track", payload: {} }]);
    await answerTo(socket, "t");
    refresh(socket, "stage", THEIRS);
    socket.send(say("stage"));
    expect(await answerTo(socket, "say")).toMatchObject({ response: { error: "unauthorized" } });
    // And who may not be present any more is not.
    expect(world.room.hubOf({ id: "default" }).presenceState("p:stage")).toBe("{}");
  });

  test("takes what was withdrawn in the database", async () => {
    const socket = open();
    await socket.join("realtime:quiet", PRIVATE, MINE);
    await world.sql`delete from public.members where room = 'quiet'`;
    refresh(socket, "quiet", `${MINE}9999999999999`);
    await socket.take("phx_close");
  });
});

describe("stored messages", () => {
  const replaying = (since: number, limit?: number) => ({
    ...PRIVATE,
    broadcast: { ack: true, replay: { since, ...(limit ? { limit } : {}) } },
  });
  const persist = (n: number, metadata: string, event = "kept") => {
    const topic = "realtime:room";
    const head = [3, 2, 3, topic.length, event.length, metadata.length, 1];
    const text = `j1ref${topic}${event}${metadata}{"n":${n}}`;
    return Uint8Array.from([...head, ...Buffer.from(text)]);
  };

  test("are replayed to who joins, in order, marked, the newest of them", async () => {
    const writer = open();
    await writer.join("realtime:room", PRIVATE, MINE);
    for (const n of [1, 2, 3]) {
      writer.send(persist(n, '{"persist":true}'));
      const { payload } = await writer
        .take("phx_reply")
        .then((h) => (h.ref === "ref" ? h : writer.take("phx_reply")));
      expect(payload).toMatchObject({ status: "ok", response: { id: expect.any(String) } });
    }
    const reader = open();
    await reader.join("realtime:room", replaying(0, 2), MINE);
    const replayed = reader.heard.filter(({ event }) => event === "broadcast");
    expect(replayed.map(({ payload }) => payload)).toEqual([
      {
        type: "broadcast",
        event: "kept",
        payload: { n: 2 },
        meta: { replayed: true, id: expect.any(String) },
      },
      {
        type: "broadcast",
        event: "kept",
        payload: { n: 3 },
        meta: { replayed: true, id: expect.any(String) },
      },
    ]);
    // The answer to the join comes first.
    expect(reader.heard[0]?.event).toBe("phx_reply");
    const late = open();
    await late.join("realtime:room", replaying(Date.now() + 60_000), MINE);
    expect(late.heard.filter(({ event }) => event === "broadcast")).toEqual([]);
    await world.sql`delete from realtime.messages`;
  });

  test("are not kept longer than they should be, nor where no policy says so", async () => {
    const [writer, elsewhere] = [open(), open()];
    await writer.join("realtime:room", PRIVATE, MINE);
    await elsewhere.join("realtime:stage", PRIVATE, MINE);
    writer.send(persist(1, '{"persist":{"ttl":3600}}'));
    expect(await answerTo(writer, "ref")).toMatchObject({ response: { id: expect.any(String) } });
    elsewhere.send(
      Uint8Array.from(
        Buffer.from(
          Buffer.from(persist(2, '{"persist":true}'))
            .toString("latin1")
            .replace("room", "stage")
            .replace("\x0d", "\x0e"),
          "latin1",
        ),
      ),
    );
    expect(await answerTo(elsewhere, "ref")).toEqual({ status: "ok", response: {} });
    const [row] = await world.sql`
      select count(*)::int as count,
             extract(epoch from min(expires_at) - (now() at time zone 'utc'))::int as left
        from realtime.messages`;
    expect(row).toMatchObject({ count: 1 });
    expect(row?.["left"]).toBeGreaterThan(3_000);
    await world.sql`update realtime.messages set expires_at = now() - interval '1 hour'`;
    const reader = open();
    await reader.join("realtime:room", replaying(0), MINE);
    expect(reader.heard.filter(({ event }) => event === "broadcast")).toEqual([]);
    await world.sql`delete from realtime.messages`;
  });

  test("with a lifetime that cannot be kept are refused, and not delivered", async () => {
    const [writer, reader] = [open(), open()];
    for (const socket of [writer, reader]) await socket.join("realtime:room", PRIVATE, MINE);
    writer.send(persist(1, '{"persist":{"ttl":999999999}}'));
    expect(await answerTo(writer, "ref")).toMatchObject({
      response: { error: "invalid_persist_ttl" },
    });
    expect(reader.heard.filter(({ event }) => event === "broadcast")).toEqual([]);
  });

  test.each([
    [{ broadcast: { replay: { since: 0 } } }, "Replay is not allowed for public channels"],
    [{ private: true, broadcast: { replay: { since: "x" } } }, "Replay params are not valid"],
  ])("%j cannot be replayed", async (config, reason) => {
    const { payload } = await open().join("realtime:room", config, MINE);
    expect(payload.response.reason).toBe(`UnableToReplayMessages: ${reason}`);
  });

  test("are for those who may read broadcasts", async () => {
    const { payload } = await open().join("realtime:column", replaying(0), MINE);
    expect(payload.response.reason).toBe(`Unauthorized: ${DENIED}column`);
  });
});
