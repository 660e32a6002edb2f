/** Names that people give to factors and passkeys. */
import { authErrors } from "../errors.ts";
import { textOf } from "../http/read-json.ts";
import type { JsonObject } from "../schema.ts";

/** Characters, as GoTrue allows for passkeys. */
const NAME_MAX = 120;

/** `friendly_name` without surrounding space; empty when absent. @throws validation_failed */
export function friendlyNameOf(body: JsonObject): string {
  const name = textOf(body, "friendly_name").trim();
  if ([...name].length > NAME_MAX) {
    throw authErrors.validation_failed(`friendly_name must be ${NAME_MAX} characters or less`);
  }
  return name;
}
