/** GET and HEAD `/data/v1/`: the OpenAPI description, or what `db_root_spec` answers in its place. */
import type { RequestContext } from "../../../core/context.ts";
import { callFunction } from "../call-function.ts";
import { errors } from "../errors.ts";
import { headerText } from "../header-text.ts";
import { type Incoming, readIncoming } from "../incoming.ts";
import { parseAccept } from "../parse/media.ts";
import type { DataRoom } from "../room.ts";
import type { DatabaseFunction, Schema, Table } from "../schema/schema.ts";
import { accessibleTo } from "./accessible.ts";
import { openapiDocument } from "./document.ts";

const OPENAPI = "application/openapi+json";
const OFFERED: ReadonlySet<string> = new Set(["*/*", "application/*", "application/json", OPENAPI]);

/** @throws PGRST107, PGRST117, PGRST126 */
export async function describeRoot(
  room: DataRoom,
  request: Request,
  context: RequestContext,
): Promise<Response> {
  const { db_root_spec: rootFunction, openapi_mode: mode } = room.config;
  if (rootFunction !== "") return callRoot(room, request, context, rootFunction);
  const incoming = await readIncoming(room, request, context);
  if (mode === "disabled") throw errors.PGRST126();
  const { method, headers } = incoming;
  if (method !== "GET" && method !== "HEAD") throw errors.PGRST117(method);
  const accepted = parseAccept(headers.get("accept"));
  if (!accepted.some(({ key }) => OFFERED.has(key))) {
    throw errors.PGRST107(accepted.map(({ name }) => name));
  }
  const { schema } = await room.cache.get(context.tenant);
  const body = JSON.stringify(await describe(room, incoming, schema));
  return new Response(method === "HEAD" ? null : body, {
    headers: {
      "Content-Type": `${OPENAPI}; charset=utf-8`,
      ...(incoming.showsSchema ? { "Content-Profile": headerText(incoming.schema) } : {}),
      "Cache-Control": "no-store",
    },
  });
}

async function describe(room: DataRoom, incoming: Incoming, schema: Schema) {
  const { openapi_mode: mode, openapi_security_active: securityActive } = room.config;
  const name = incoming.schema;
  // In `ignore-privileges` too: the request runs as every other does, a pre-request function included.
  const accessible = await accessibleTo(room, incoming, schema);
  const isFollowing = mode === "follow-privileges";
  const here = <T extends Table | DatabaseFunction>(
    items: readonly T[],
    may: ReadonlySet<string>,
  ) =>
    items
      .filter((item) => item.schema === name && (!isFollowing || may.has(item.name)))
      .toSorted((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
  return openapiDocument({
    schema,
    name,
    tables: here([...schema.tables.values()], accessible.tables),
    functions: here([...schema.functions.values()].flat(), accessible.functions),
    base: baseOf(room, incoming),
    securityActive,
  });
}

/** The proxy's URL if one is configured, else the way the request came. */
function baseOf({ config }: DataRoom, { context }: Incoming) {
  const proxy = config.openapi_server_proxy_uri;
  const url = new URL(proxy === "" ? context.origin + context.originalPath : proxy);
  const scheme = url.protocol.slice(0, -1);
  const port = url.port === "" ? (scheme === "https" ? "443" : "80") : url.port;
  const path = proxy === "" ? url.pathname.replace(/(?<=.)\/+$/, "") : url.pathname;
  return { scheme, host: `${url.hostname}:${port}`, path };
}

/** The function answers JSON, which may be asked for by the name of what it describes. */
async function callRoot(
  room: DataRoom,
  request: Request,
  context: RequestContext,
  name: string,
): Promise<Response> {
  const { method, headers } = request;
  if (!["GET", "HEAD", "POST"].includes(method)) throw errors.PGRST101(method);
  const [best] = parseAccept(headers.get("accept"));
  const isOpenapi = best?.key === OPENAPI;
  if (isOpenapi) headers.set("accept", "application/json");
  const answer = await callFunction(room, request, context, rootFunctionName(name));
  if (isOpenapi) answer.headers.set("Content-Type", `${OPENAPI}; charset=utf-8`);
  return answer;
}

/** The schema is that of the request, whatever stands before the name. */
export function rootFunctionName(setting: string): string {
  return setting.slice(setting.indexOf(".") + 1);
}
