/** Reads a whole request body within a bound, counting as it arrives. */
import { coreErrors } from "./errors.ts";

/** @throws payload_too_large as soon as the bound is passed, whatever Content-Length said. */
export async function readBody(request: Request, limitBytes: number): Promise<Uint8Array> {
  const announced = Number(request.headers.get("content-length") ?? "0");
  if (announced > limitBytes) throw coreErrors.payload_too_large(limitBytes);
  if (!request.body) return new Uint8Array();
  // One read where the length is known and allowed; that is nearly every request.
  if (announced > 0) return new Uint8Array(await request.arrayBuffer());
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.byteLength;
    if (size > limitBytes) throw coreErrors.payload_too_large(limitBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
