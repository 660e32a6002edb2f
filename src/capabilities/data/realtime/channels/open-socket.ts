/** `GET /realtime/v1/websocket`: proves who connects, and makes the request a socket. */
import type { RequestContext } from "../../../../core/context.ts";
import type { Credentials } from "../../../../core/ports/auth.ts";
import { readCredentials } from "../../../../shared/auth/credentials.ts";
import { channelErrors } from "./errors.ts";
import type { ChannelRoom } from "./room.ts";
import { Session } from "./session.ts";
import { visibleHeaders } from "./visible-headers.ts";
import type { Version } from "./wire.ts";

/**
 * A browser can put no headers to a WebSocket: the key comes in the query (`apikey`), which is never
 * logged. Another client's headers count as everywhere.
 * @throws bad_credential, org_forbidden, over_request_rate_limit, api_key_budget_spent, unsupported_version, upgrade_required, too_many_sockets
 */
export async function openSocket(
  room: ChannelRoom,
  request: Request,
  context: RequestContext,
): Promise<Response> {
  const mark = request.url.indexOf("?");
  const query = new URLSearchParams(mark < 0 ? "" : request.url.slice(mark + 1));
  const version = versionOf(query.get("vsn"));
  const credentials = credentialsOf(request.headers, query.get("apikey"));
  const { tenant } = context;
  const principal = await room.auth.authenticate(tenant, credentials);
  const sessions = room.sessionsOf(tenant);
  if (sessions.size >= room.config.realtime_max_sockets) throw channelErrors.too_many_sockets();
  const headers = visibleHeaders(request.headers);
  const session = new Session(room, { tenant, version, principal, credentials, headers });
  if (!context.upgrade(session)) throw channelErrors.upgrade_required();
  sessions.add(session);
  // Nobody reads it: the connection is no longer HTTP.
  return new Response(null, { status: 200 });
}

/** Phoenix's own default is 1.0.0. */
function versionOf(vsn: string | null): Version {
  if (vsn === null || vsn === "" || vsn.startsWith("1.")) return 1;
  if (vsn.startsWith("2.")) return 2;
  throw channelErrors.unsupported_version();
}

/** With dots it is a token, which counts like a bearer. */
function credentialsOf(headers: Headers, inQuery: string | null): Credentials {
  const sent = readCredentials(headers);
  if (inQuery === null) return sent;
  if (inQuery.includes(".")) return { ...sent, bearer: sent.bearer ?? inQuery };
  return { ...sent, apikey: inQuery };
}
