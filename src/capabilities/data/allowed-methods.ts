/** OPTIONS `/data/v1/{table}`: which methods the table takes (docs.postgrest.org, "OPTIONS"). */
import type { RequestContext } from "../../core/context.ts";
import { findTable } from "./find-table.ts";
import { readIncoming } from "./incoming.ts";
import type { DataRoom } from "./room.ts";

export async function allowedMethods(
  room: DataRoom,
  request: Request,
  context: RequestContext,
  name: string,
): Promise<Response> {
  const incoming = await readIncoming(room, request, context);
  const { schema } = await room.cache.get(context.tenant);
  const table = findTable(schema, incoming.schema, name);
  const allow = [
    "OPTIONS,GET,HEAD",
    ...(table.insertable ? ["POST"] : []),
    ...(table.updatable ? ["PATCH"] : []),
    ...(table.deletable ? ["DELETE"] : []),
  ];
  return new Response(null, { status: 200, headers: { Allow: allow.join(",") } });
}
