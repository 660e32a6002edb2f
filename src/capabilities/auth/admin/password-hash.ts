/** `password_hash`: a password that another system hashed, taken over as it is. */
import { isImportableHash } from "../accounts/foreign-hash.ts";
import { authErrors } from "../errors.ts";
import { textOf } from "../http/read-json.ts";
import type { JsonObject } from "../schema.ts";

/** Of the column. */
const LENGTH_MAX = 255;

/** Null when none was sent. @throws validation_failed */
export function readPasswordHash(body: JsonObject): string | null {
  const hash = textOf(body, "password_hash");
  if (hash === "") return null;
  if (textOf(body, "password") !== "") {
    throw authErrors.validation_failed("Only a password or a password hash should be provided");
  }
  if (hash.length > LENGTH_MAX || !isImportableHash(hash)) {
    throw authErrors.validation_failed(
      "The password hash has no known form",
      "bcrypt ($2a$, $2b$, $2y$), argon2 ($argon2id$, $argon2i$, $argon2d$), scrypt ($scrypt$ln=,r=,p=$) or Firebase's ($fbscrypt$), of bounded cost",
    );
  }
  return hash;
}
