/** The routes of `/data/v1`: PostgREST's contract. Bodies are read by the operations, not by Elysia. */
import { Elysia } from "elysia";
import { contextOf } from "../../core/context.ts";
import { base } from "../../core/http.ts";
import { allowedAtRoot, allowedOnFunction, allowedOnTable } from "./allowed-methods.ts";
import { type Answering, answerRequest } from "./answer-request.ts";
import { callFunction } from "./call-function.ts";
import type { WriteKind } from "./compile/compile-write.ts";
import { describeRoute } from "./describe-route.ts";
import { errors } from "./errors.ts";
import { explained } from "./explain/explain-request.ts";
import { describeRoot } from "./openapi/describe-root.ts";
import { readRows } from "./read-rows.ts";
import { describeRealtime } from "./realtime/channels/describe-realtime.ts";
import { openSocket } from "./realtime/channels/open-socket.ts";
import type { ChannelRoom } from "./realtime/channels/room.ts";
import { sendBroadcast, sendBroadcasts } from "./realtime/channels/send-broadcasts.ts";
import { type SubscribeParts, subscribeRows } from "./realtime/sse/subscribe-rows.ts";
import type { Rooms } from "./rooms.ts";
import { generateTypes } from "./types/generate-types.ts";
import { writeRows } from "./write-rows.ts";

const RAW = "none" as const;

type Answer = (request: Request, run: Answering) => Promise<Response>;

/** @param channels null: realtime is not served. */
export function dataRoutes(
  rooms: Rooms,
  channels: ChannelRoom | null,
  subscribing: SubscribeParts,
) {
  const answer: Answer = (request, run) => answerRequest(rooms, request, run);
  const read = (request: Request, name: string) =>
    answer(request, (room, context) =>
      explained(room, request, context, { kind: "table", name, command: "select" }, (asked) =>
        readRows(room, asked, context, name),
      ),
    );
  const write = (request: Request, name: string, command: WriteKind) =>
    answer(request, (room, context) =>
      explained(room, request, context, { kind: "table", name, command }, (asked) =>
        writeRows(room, asked, context, name, command),
      ),
    );
  return new Elysia({ name: "data" })
    .use(base())
    .use(functionRoutes(answer))
    .get(
      "/data/v1/_types",
      ({ request }) => answer(request, (room, context) => generateTypes(room, request, context)),
      { parse: RAW, detail: describeRoute("types") },
    )
    .get(
      "/data/v1/:table/subscribe",
      ({ request, params }) =>
        answer(request, (room, context) =>
          subscribeRows(subscribing, room, request, context, params.table),
        ),
      { parse: RAW, detail: describeRoute("subscribe") },
    )
    .get("/data/v1/:table", ({ request, params }) => read(request, params.table), {
      parse: RAW,
      detail: describeRoute("read"),
    })
    .head("/data/v1/:table", ({ request, params }) => read(request, params.table), {
      parse: RAW,
      detail: describeRoute("head"),
    })
    .post("/data/v1/:table", ({ request, params }) => write(request, params.table, "insert"), {
      parse: RAW,
      detail: describeRoute("insert"),
    })
    .put("/data/v1/:table", ({ request, params }) => write(request, params.table, "put"), {
      parse: RAW,
      detail: describeRoute("put"),
    })
    .patch("/data/v1/:table", ({ request, params }) => write(request, params.table, "update"), {
      parse: RAW,
      detail: describeRoute("update"),
    })
    .delete("/data/v1/:table", ({ request, params }) => write(request, params.table, "delete"), {
      parse: RAW,
      detail: describeRoute("delete"),
    })
    .options(
      "/data/v1/:table",
      ({ request, params }) =>
        answer(request, (room, context) => allowedOnTable(room, request, context, params.table)),
      { parse: RAW, detail: describeRoute("options") },
    )
    .all("/data/v1/:table", ({ request }) => answer(request, () => unsupported(request)), HIDDEN)
    .use(rootRoutes(answer))
    .all("/data/v1/*", ({ request }) => answer(request, noPath), HIDDEN)
    .use(channels === null ? new Elysia() : realtimeRoutes(channels));
}

/** With and without the slash. */
function rootRoutes(answer: Answer) {
  const describe = (request: Request) =>
    answer(request, (room, context) => describeRoot(room, request, context));
  const allow = (request: Request) =>
    answer(request, (room, context) => allowedAtRoot(room, request, context));
  return new Elysia({ name: "data.root" })
    .use(base())
    .get("/data/v1/", ({ request }) => describe(request), {
      parse: RAW,
      detail: describeRoute("root"),
    })
    .options("/data/v1/", ({ request }) => allow(request), HIDDEN)
    .options("/data/v1", ({ request }) => allow(request), HIDDEN)
    .all("/data/v1/", ({ request }) => describe(request), HIDDEN)
    .all("/data/v1", ({ request }) => describe(request), HIDDEN);
}

function functionRoutes(answer: Answer) {
  const call = (request: Request, name: string) =>
    answer(request, (room, context) =>
      explained(room, request, context, { kind: "function", name }, (asked) =>
        callFunction(room, asked, context, name),
      ),
    );
  return new Elysia({ name: "data.functions" })
    .use(base())
    .get("/data/v1/rpc/:function", ({ request, params }) => call(request, params.function), {
      parse: RAW,
      detail: describeRoute("callGet"),
    })
    .head("/data/v1/rpc/:function", ({ request, params }) => call(request, params.function), {
      parse: RAW,
      detail: describeRoute("callGet"),
    })
    .post("/data/v1/rpc/:function", ({ request, params }) => call(request, params.function), {
      parse: RAW,
      detail: describeRoute("callPost"),
    })
    .options(
      "/data/v1/rpc/:function",
      ({ request, params }) =>
        answer(request, (room, context) =>
          allowedOnFunction(room, request, context, params.function),
        ),
      { parse: RAW, detail: describeRoute("options") },
    )
    .all(
      "/data/v1/rpc/:function",
      ({ request }) => answer(request, () => notOnRpc(request)),
      HIDDEN,
    );
}

/** `/realtime/v1`: the Phoenix socket of `@supabase/realtime-js`, and its broadcasts by HTTP. */
function realtimeRoutes(channels: ChannelRoom) {
  return new Elysia({ name: "realtime" })
    .use(base())
    .get(
      "/realtime/v1/websocket",
      ({ request }) => openSocket(channels, request, contextOf(request)),
      { parse: RAW, detail: describeRealtime("socket") },
    )
    .post(
      "/realtime/v1/api/broadcast",
      ({ request }) => sendBroadcasts(channels, request, contextOf(request)),
      { parse: RAW, detail: describeRealtime("broadcasts") },
    )
    .post(
      "/realtime/v1/api/broadcast/:topic/events/:event",
      ({ request, params }) => sendBroadcast(channels, request, contextOf(request), params),
      { parse: RAW, detail: describeRealtime("broadcast") },
    );
}

const HIDDEN = { parse: RAW, detail: { hide: true } };

async function unsupported({ method }: Request): Promise<never> {
  throw errors.PGRST117(method);
}

async function notOnRpc({ method }: Request): Promise<never> {
  throw errors.PGRST101(method);
}

async function noPath(): Promise<never> {
  throw errors.PGRST125();
}
