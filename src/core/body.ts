/** Reads a whole request body within a bound, counting as it arrives; as bytes or as one JSON object. */
import { coreErrors } from "./errors.ts";

/** @throws payload_too_large as soon as the bound is passed, whatever Content-Length said. */
export async function readBody(
  request: Pick<Request, "body" | "bytes" | "headers">,
  limitBytes: number,
): Promise<Uint8Array> {
  const announced = Number(request.headers.get("content-length") ?? "0");
  if (announced > limitBytes) throw coreErrors.payload_too_large(limitBytes);
  // One read where the length is known and allowed; that is nearly every request. Looking at `body`
  // first would make a stream of it, which costs more than most bodies.
  if (announced > 0) return await request.bytes();
  if (!request.body) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.byteLength;
    if (size > limitBytes) throw coreErrors.payload_too_large(limitBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * The body as one JSON object, whatever Content-Type says; no body at all is an empty one. For
 * routes whose body says how far to go: Elysia's own parser leaves a body out that comes as another
 * type or is no object, and a missing `dry_run` means to do it.
 * @throws bad_request, payload_too_large
 */
export async function readJsonObject(
  request: Request,
  limitBytes: number,
): Promise<Record<string, unknown>> {
  const bytes = await readBody(request, limitBytes);
  if (bytes.byteLength === 0) return {};
  const value = parseJson(bytes);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw coreErrors.bad_request("The request body must be a JSON object");
  }
  // Routing would leave it out and answer as if it had been taken.
  if (Object.hasOwn(value, "__proto__")) {
    throw coreErrors.bad_request("The request body must not have a member '__proto__'");
  }
  return { ...value };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw coreErrors.bad_request("The request body is not valid JSON in UTF-8");
  }
}
