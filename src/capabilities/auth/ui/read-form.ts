/** Reads what a form sent: `application/x-www-form-urlencoded`, small, each field once, good text. */
import { coreErrors } from "../../../core/errors.ts";
import { authErrors } from "../errors.ts";
import { readBytes } from "../http/read-json.ts";

const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;

/** A field that was not sent is "". */
export type Form = (name: string) => string;

/** @throws unsupported_media_type, payload_too_large, validation_failed */
export async function readForm(request: Request): Promise<Form> {
  const type = request.headers.get("content-type") ?? "";
  if (!FORM_TYPE.test(type)) {
    throw coreErrors.unsupported_media_type(
      type.slice(0, 100),
      "application/x-www-form-urlencoded",
    );
  }
  const fields = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(
    Buffer.from(await readBytes(request)).toString(),
  )) {
    if (fields.has(name)) throw authErrors.validation_failed("A field was sent twice");
    if (value.includes("\u0000")) throw authErrors.validation_failed("Text holds a NUL character");
    fields.set(name, value);
  }
  return (name) => fields.get(name) ?? "";
}
