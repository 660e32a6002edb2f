/**
 * `GET /secrets/{name}` over a function's own link, never over HTTP: 200 with the value as it stands
 * now, 404 when there is none. Its own secret comes before the one of all functions.
 */
import type { FunctionSpec } from "../../core/ports/function-runtime.ts";
import type { TenantState } from "./parts.ts";

const PATH = /^\/secrets\/([^/]{1,192})$/;

/** Null when the request is for something else. */
export async function answerSecretCall(
  { registry, values }: Pick<TenantState, "registry" | "values">,
  spec: Pick<FunctionSpec, "name">,
  request: Request,
): Promise<Response | null> {
  const name = PATH.exec(new URL(request.url).pathname)?.[1];
  if (name === undefined) return null;
  if (request.method !== "GET") return new Response("Secrets are read by GET", { status: 405 });
  await registry.load();
  const found = registry.get(spec.name);
  const value = found ? await values.secret(found, decoded(name)) : null;
  if (value === null) return new Response(null, { status: 404 });
  return new Response(value, { headers: { "Content-Type": "text/plain;charset=utf-8" } });
}

/** What cannot be decoded is the name of nothing. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return "";
  }
}
