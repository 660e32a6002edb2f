/** Reads the form that a provider has a browser send (`response_mode=form_post`), within limits. */
import { coreErrors } from "../../../core/errors.ts";

const FORM_BYTES_MAX = 32 * 1024;
const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;

/** @throws unsupported_media_type, payload_too_large */
export async function readCallbackForm(
  request: Request,
  bytesMax = FORM_BYTES_MAX,
): Promise<URLSearchParams> {
  const type = request.headers.get("content-type") ?? "";
  if (!FORM_TYPE.test(type)) {
    throw coreErrors.unsupported_media_type(
      type.slice(0, 100),
      "application/x-www-form-urlencoded",
    );
  }
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of request.body ?? []) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > bytesMax) throw coreErrors.payload_too_large(bytesMax);
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString());
}
