/** What every operation needs of a request, read once: who asks, which schema, which query string. */
import type { RequestContext } from "../../core/context.ts";
import type { Principal } from "../../core/ports/auth.ts";
import { errors } from "./errors.ts";
import type { DataRoom } from "./room.ts";

export interface Incoming {
  readonly context: RequestContext;
  readonly principal: Principal;
  readonly method: string;
  readonly headers: Headers;
  /** Query string without `?`. */
  readonly search: string;
  readonly schema: string;
  /** The schema is named in the answer: only where there is a choice. */
  readonly showsSchema: boolean;
}

export async function readIncoming(
  room: DataRoom,
  request: Request,
  context: RequestContext,
): Promise<Incoming> {
  const asking = context.principal();
  const principal = asking instanceof Promise ? await asking : asking;
  const { url, method, headers } = request;
  if (url.length > room.config.max_url_bytes) throw errors.url_too_long(room.config.max_url_bytes);
  const mark = url.indexOf("?");
  return {
    context,
    principal,
    method,
    headers,
    search: mark < 0 ? "" : url.slice(mark + 1),
    schema: schemaOf(room, method, headers),
    showsSchema: room.searchPaths.size > 1,
  };
}

/** docs.postgrest.org, "Schemas": Accept-Profile for reading, Content-Profile for writing. */
function schemaOf(room: DataRoom, method: string, headers: Headers): string {
  const isRead = method === "GET" || method === "HEAD";
  const asked = headers.get(isRead ? "accept-profile" : "content-profile");
  if (asked === null || asked === room.defaultSchema) return room.defaultSchema;
  if (!room.searchPaths.has(asked)) throw errors.PGRST106(asked, [...room.searchPaths.keys()]);
  return asked;
}
