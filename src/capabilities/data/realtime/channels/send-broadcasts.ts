/**
 * Broadcasts by HTTP: `POST /realtime/v1/api/broadcast` takes several, and
 * `…/broadcast/{topic}/events/{event}` one, whose body is the payload. 202: handed to the subscribers.
 */
import { readBody, readJsonObject } from "../../../../core/body.ts";
import type { RequestContext } from "../../../../core/context.ts";
import { coreErrors } from "../../../../core/errors.ts";
import type { Principal } from "../../../../core/ports/auth.ts";
import { readCredentials } from "../../../../shared/auth/credentials.ts";
import { requireScopes } from "../../needed-scopes.ts";
import type { Broadcast, BroadcastBody } from "./broadcast.ts";
import { channelErrors } from "./errors.ts";
import { topicScope } from "./key-scopes.ts";
import { storeBroadcast } from "./message-store.ts";
import { NOTHING_ALLOWED, type Permissions, readPermissions } from "./permissions.ts";
import { readPersist } from "./persist.ts";
import type { ChannelRoom } from "./room.ts";
import { topicKey } from "./topic.ts";
import { visibleHeaders } from "./visible-headers.ts";
import { decodeUtf8, isName, isObject } from "./wire.ts";

interface Message {
  readonly topic: string;
  readonly isPrivate: boolean;
  readonly broadcast: Broadcast;
}

interface Sending {
  readonly room: ChannelRoom;
  readonly context: RequestContext;
  readonly request: Request;
  readonly principal: Principal;
}

const MESSAGES_MAX = 100;
const BODY_BYTES_MAX = 8 * 1024 * 1024;
const TIMEOUT_MS = 5_000;
const SECOND_MS = 1_000;

/**
 * All of them or none. @throws bad_credential, invalid_broadcast, broadcast_too_large,
 *   broadcast_denied, public_channels_off, too_many_requests
 */
export async function sendBroadcasts(
  room: ChannelRoom,
  request: Request,
  context: RequestContext,
): Promise<Response> {
  const sending = await begin(room, request, context);
  const body = await readJsonObject(request, BODY_BYTES_MAX);
  const messages = messagesIn(body["messages"], room.config.realtime_max_payload_bytes);
  await admit(sending, messages.length);
  for (const { topic } of messages) requireScopes(sending.principal, [topicScope(topic, "write")]);
  const topics = new Set(messages.filter((m) => m.isPrivate).map((m) => m.topic));
  for (const topic of topics) await allowed(sending, topic);
  await deliver(sending, messages);
  return accepted();
}

/** @throws as above, unsupported_media_type */
export async function sendBroadcast(
  room: ChannelRoom,
  request: Request,
  context: RequestContext,
  target: { readonly topic: string; readonly event: string },
): Promise<Response> {
  const sending = await begin(room, request, context);
  const { topic, event } = target;
  if (!isName(topic) || !isName(event)) {
    throw channelErrors.invalid_broadcast("topic and event are texts of 1 to 255 bytes");
  }
  requireScopes(sending.principal, [topicScope(topic, "write")]);
  const query = new URLSearchParams(request.url.split("?", 2)[1] ?? "");
  const isPrivate = query.get("private") === "true";
  const ttlS = ttlIn(query, isPrivate, room.config.realtime_messages_keep_s);
  const body = await payloadOf(request, room.config.realtime_max_payload_bytes);
  const message: Message = {
    topic,
    isPrivate,
    broadcast: { event, body, meta: null, whole: null },
  };
  await admit(sending, 1);
  const permissions = isPrivate ? await allowed(sending, topic) : NOTHING_ALLOWED;
  await deliver(sending, [message]);
  if (ttlS !== null && permissions.writePersistence) {
    const { system } = room.databases.for(context.tenant);
    await storeBroadcast(system, topic, message.broadcast, ttlS);
  }
  return accepted();
}

async function begin(
  room: ChannelRoom,
  request: Request,
  context: RequestContext,
): Promise<Sending> {
  const credentials = readCredentials(request.headers);
  const principal = await room.auth.authenticate(context.tenant, credentials);
  return { room, context, request, principal };
}

function accepted(): Response {
  return new Response(null, { status: 202 });
}

function messagesIn(value: unknown, limitBytes: number): Message[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MESSAGES_MAX) {
    throw channelErrors.invalid_broadcast(`messages is a list of 1 to ${MESSAGES_MAX}`);
  }
  return value.map((entry) => messageIn(entry, limitBytes));
}

function messageIn(entry: unknown, limitBytes: number): Message {
  if (!isObject(entry)) throw channelErrors.invalid_broadcast("a message is an object");
  const { topic, event, payload, private: isPrivate = false } = entry;
  if (!isName(topic)) throw channelErrors.invalid_broadcast("topic is a text of 1 to 255 bytes");
  if (!isName(event)) throw channelErrors.invalid_broadcast("event is a text of 1 to 255 bytes");
  if (payload === undefined) throw channelErrors.invalid_broadcast("payload is missing");
  if (typeof isPrivate !== "boolean") {
    throw channelErrors.invalid_broadcast("private is true or false");
  }
  const text = JSON.stringify(payload);
  if (Buffer.byteLength(text) > limitBytes) throw channelErrors.broadcast_too_large(limitBytes);
  const body = { encoding: "json", text } as const;
  return { topic, isPrivate, broadcast: { event, body, meta: null, whole: null } };
}

async function payloadOf(request: Request, limitBytes: number): Promise<BroadcastBody> {
  const type = (request.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json" && type !== "application/octet-stream") {
    throw coreErrors.unsupported_media_type(
      type ?? "",
      "application/json or application/octet-stream",
    );
  }
  const bytes = await readBody(request, limitBytes);
  if (type === "application/octet-stream") return { encoding: "binary", bytes };
  try {
    const text = decodeUtf8(bytes);
    JSON.parse(text);
    return { encoding: "json", text };
  } catch {
    throw coreErrors.bad_request("The request body is not valid JSON in UTF-8");
  }
}

/** `persist=true` or `persist[ttl]=seconds`. */
function ttlIn(query: URLSearchParams, isPrivate: boolean, keepS: number): number | null {
  const ttl = query.get("persist[ttl]");
  const asked = readPersist(ttl === null ? query.get("persist") : { ttl }, keepS);
  if (asked === "invalid") {
    throw channelErrors.invalid_broadcast(`persist is true, or a ttl of 1 to ${keepS} seconds`);
  }
  if (asked !== null && !isPrivate) {
    throw channelErrors.invalid_broadcast("persist can only be used on private channels");
  }
  return asked;
}

/** @throws too_many_requests */
async function admit({ room, context, principal }: Sending, count: number): Promise<void> {
  const perS = room.config.realtime_max_messages_per_s;
  const limit = { limit: Math.max(perS, MESSAGES_MAX) * 2, windowMs: 2 * SECOND_MS };
  const caller = principal.userId ?? context.address;
  const decision = await room.httpLimiter.take(context.tenant, caller, limit, count);
  if (!decision.allowed) {
    throw coreErrors.too_many_requests(Math.ceil(decision.retryAfterMs / SECOND_MS));
  }
}

/** @throws broadcast_denied */
async function allowed(sending: Sending, topic: string): Promise<Permissions> {
  const { room, context, request, principal } = sending;
  const permissions = await readPermissions(room.databases.for(context.tenant), principal, topic, {
    served: await room.served(context.tenant),
    headers: visibleHeaders(request.headers),
    timeoutMs: TIMEOUT_MS,
  });
  if (!permissions.writeBroadcast) throw channelErrors.broadcast_denied(topic);
  return permissions;
}

/** @throws public_channels_off, unavailable */
async function deliver({ room, context }: Sending, messages: readonly Message[]): Promise<void> {
  if (!room.config.realtime_public_channels && messages.some(({ isPrivate }) => !isPrivate)) {
    throw channelErrors.public_channels_off();
  }
  const hub = room.hubOf(context.tenant);
  const handed = messages.map(({ topic, isPrivate, broadcast }) =>
    hub.broadcast(topicKey(topic, isPrivate), broadcast, null),
  );
  if ((await Promise.all(handed)).includes(false)) {
    throw coreErrors.unavailable("The way to the other servers");
  }
}
