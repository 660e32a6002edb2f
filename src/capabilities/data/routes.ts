/** The routes of `/data/v1`: PostgREST's contract. Bodies are read by the operations, not by Elysia. */
import { Elysia } from "elysia";
import { contextOf } from "../../core/context.ts";
import { base } from "../../core/http.ts";
import { allowedMethods } from "./allowed-methods.ts";
import { callFunction } from "./call-function.ts";
import { describeRoute } from "./describe-route.ts";
import { errors } from "./errors.ts";
import { readRows } from "./read-rows.ts";
import { describeRealtime } from "./realtime/channels/describe-realtime.ts";
import { openSocket } from "./realtime/channels/open-socket.ts";
import type { ChannelRoom } from "./realtime/channels/room.ts";
import { sendBroadcast, sendBroadcasts } from "./realtime/channels/send-broadcasts.ts";
import type { DataRoom } from "./room.ts";
import { generateTypes } from "./types/generate-types.ts";
import { writeRows } from "./write-rows.ts";

const RAW = "none" as const;

export function dataRoutes(room: DataRoom, channels: ChannelRoom) {
  return new Elysia({ name: "data" })
    .use(base())
    .get(
      "/data/v1/rpc/:function",
      ({ request, params }) => callFunction(room, request, contextOf(request), params.function),
      { parse: RAW, detail: describeRoute("callGet") },
    )
    .head(
      "/data/v1/rpc/:function",
      ({ request, params }) => callFunction(room, request, contextOf(request), params.function),
      { parse: RAW, detail: describeRoute("callGet") },
    )
    .post(
      "/data/v1/rpc/:function",
      ({ request, params }) => callFunction(room, request, contextOf(request), params.function),
      { parse: RAW, detail: describeRoute("callPost") },
    )
    .all("/data/v1/rpc/:function", ({ request }) => notOnRpc(request.method), HIDDEN)
    .get("/data/v1/_types", ({ request }) => generateTypes(room, request, contextOf(request)), {
      parse: RAW,
      detail: describeRoute("types"),
    })
    .get(
      "/data/v1/:table",
      ({ request, params }) => readRows(room, request, contextOf(request), params.table),
      { parse: RAW, detail: describeRoute("read") },
    )
    .head(
      "/data/v1/:table",
      ({ request, params }) => readRows(room, request, contextOf(request), params.table),
      { parse: RAW, detail: describeRoute("head") },
    )
    .post(
      "/data/v1/:table",
      ({ request, params }) => writeRows(room, request, contextOf(request), params.table, "insert"),
      { parse: RAW, detail: describeRoute("insert") },
    )
    .put(
      "/data/v1/:table",
      ({ request, params }) => writeRows(room, request, contextOf(request), params.table, "put"),
      { parse: RAW, detail: describeRoute("put") },
    )
    .patch(
      "/data/v1/:table",
      ({ request, params }) => writeRows(room, request, contextOf(request), params.table, "update"),
      { parse: RAW, detail: describeRoute("update") },
    )
    .delete(
      "/data/v1/:table",
      ({ request, params }) => writeRows(room, request, contextOf(request), params.table, "delete"),
      { parse: RAW, detail: describeRoute("delete") },
    )
    .options(
      "/data/v1/:table",
      ({ request, params }) => allowedMethods(room, request, contextOf(request), params.table),
      { parse: RAW, detail: describeRoute("options") },
    )
    .all("/data/v1/:table", ({ request }) => unsupported(request.method), HIDDEN)
    .all("/data/v1", () => noRoot(), HIDDEN)
    .all("/data/v1/", () => noRoot(), HIDDEN)
    .all("/data/v1/*", () => noPath(), HIDDEN)
    .use(realtimeRoutes(channels));
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

function unsupported(method: string): never {
  throw errors.PGRST117(method);
}

function notOnRpc(method: string): never {
  throw errors.PGRST101(method);
}

function noRoot(): never {
  throw errors.PGRST126();
}

function noPath(): never {
  throw errors.PGRST125();
}
