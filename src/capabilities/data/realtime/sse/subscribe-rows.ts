/** `GET /data/v1/{table}/subscribe`: the changes of a table's rows as server-sent events. */
import type { RequestContext } from "../../../../core/context.ts";
import { admitted, permits } from "../../../../core/permissions.ts";
import type { Clock } from "../../../../core/ports/clock.ts";
import { readCredentials } from "../../../../shared/auth/credentials.ts";
import { errors } from "../../errors.ts";
import { readIncoming } from "../../incoming.ts";
import { requireScopes, scopeOf } from "../../needed-scopes.ts";
import type { DataRoom } from "../../room.ts";
import type { ChangeSink } from "../change-feed.ts";
import type { ManagedChangeFeed } from "../feed/create-change-feed.ts";
import { watchKey } from "../watch-key.ts";
import { EventStream } from "./event-stream.ts";
import { readSubscription } from "./read-subscription.ts";
import type { SubscriberStreams } from "./subscriber-streams.ts";

export interface SubscribeParts {
  readonly feed: ManagedChangeFeed;
  readonly streams: SubscriberStreams;
  readonly clock: Clock;
}

/** How long a client waits before it comes back. */
const RETRY_MS = 2_000;

export async function subscribeRows(
  { feed, streams, clock }: SubscribeParts,
  room: DataRoom,
  request: Request,
  context: RequestContext,
  table: string,
): Promise<Response> {
  // Elysia answers HEAD by the GET, and reads its stream to the end to know the length.
  if (request.method === "HEAD") throw errors.PGRST117("HEAD");
  const incoming = await readIncoming(room, request, context, true);
  const asked = readSubscription(incoming.search, room.limits);
  const { schema } = incoming;
  const scope = scopeOf({ schema, name: table }, "read");
  const principal = await admitted(incoming.principal, (one) => requireScopes(one, [scope]));
  let end: (reason: string) => void = () => undefined;
  let leave: () => void = () => undefined;
  const stream = new EventStream({
    clock,
    maxWaitingBytes: room.config.realtime_max_buffered_bytes,
    onEnd: () => leave(),
  });
  const write = (bytes: Uint8Array) => {
    if (!stream.write(bytes)) end("the reader is too slow");
  };
  const sink: ChangeSink = {
    change: (change) => write(streams.changeBytes(change)),
    gap: (reason, id) => write(streams.eventBytes("gap", { reason }, id)),
    ended: (reason) => end(reason),
    ready: () => stream.drain(),
  };
  end = (reason) => {
    stream.end(streams.eventBytes("end", { reason }));
    leave();
  };
  const after = request.headers.get("last-event-id") ?? undefined;
  const interest = { principal, schema, table, ...asked };
  const subscription = await feed.subscribe(context.tenant, interest, sink, after);
  // A place to come back to before anything has happened: without it a lost connection would be a gap
  // that nobody tells.
  stream.write(streams.openingBytes(RETRY_MS, subscription.position()));
  const open = { stream, subscription };
  streams.add(open);
  const onClosing = () => end("the server is stopping");
  const credentials = { ...readCredentials(request.headers), checksScopes: true, rechecks: true };
  const unwatch = watchKey(clock, {
    principal,
    prove: () => room.authenticate(context.tenant, credentials),
    changed: (now) => (permits(now, scope) ? subscription.update(now) : end(`it needs ${scope}`)),
    ended: (reason) => end(reason),
  });
  leave = () => {
    unwatch();
    subscription.close();
    streams.remove(open);
    context.closing?.removeEventListener("abort", onClosing);
  };
  // A client that leaves, also before this answer, cancels the stream: nothing else has to be watched.
  context.keepOpen();
  context.closing?.addEventListener("abort", onClosing, { once: true });
  if (context.closing?.aborted) onClosing();
  if (!stream.isOpen) leave();
  return new Response(stream.body, {
    headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store" },
  });
}
