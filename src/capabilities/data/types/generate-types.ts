/** GET `/data/v1/_types`: the schema as types for a client's code. */
import type { RequestContext } from "../../../core/context.ts";
import { callerOf } from "../auth/caller.ts";
import { CONTRACT_VERSION } from "../contract-version.ts";
import { errors } from "../errors.ts";
import { isDeveloper, isPrivilegedRole } from "../privileged.ts";
import type { DataRoom } from "../room.ts";
import { findSchemas, readTypeCatalog } from "./types-store.ts";
import { writeTypeScript } from "./write-typescript.ts";

/** More are a mistake or an attack. */
const SCHEMAS_MAX = 50;

/**
 * @throws types_need_key (401 for nobody, 403 for a role that row security binds),
 * types_language_unknown, types_schema_unknown (400)
 */
export async function generateTypes(
  room: DataRoom,
  request: Request,
  context: RequestContext,
): Promise<Response> {
  await authorize(room, request, context);
  const query = new URL(request.url).searchParams;
  const language = query.get("lang") ?? "typescript";
  if (language !== "typescript") throw errors.types_language_unknown(language);
  const schemas = namesIn(query.get("schemas")) ?? room.config.db_schemas;
  const { system } = room.databases.for(context.tenant);
  const known = await findSchemas(system, schemas);
  const unknown = schemas.filter((name) => !known.has(name));
  if (unknown.length > 0) throw errors.types_schema_unknown(unknown);
  const catalog = await readTypeCatalog(system, {
    schemas,
    extraSearchPath: room.config.db_extra_search_path,
  });
  return new Response(writeTypeScript(catalog, { schemas, contractVersion: CONTRACT_VERSION }), {
    headers: { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" },
  });
}

async function authorize(room: DataRoom, request: Request, context: RequestContext): Promise<void> {
  const principal = await callerOf(room, request.headers, context);
  if (isDeveloper(room, context, request.headers)) return;
  const { schema } = await room.cache.get(context.tenant);
  if (isPrivilegedRole(schema, principal)) return;
  throw principal.role === room.config.db_anon_role
    ? errors.types_need_key(401)
    : errors.types_need_key(403);
}

/** A comma-separated list; null when it names nothing. */
function namesIn(text: string | null): string[] | null {
  const names = [...new Set((text ?? "").split(",").map((name) => name.trim()))].filter(Boolean);
  if (names.length > SCHEMAS_MAX) throw errors.types_schema_unknown(names.slice(SCHEMAS_MAX));
  return names.length === 0 ? null : names;
}
