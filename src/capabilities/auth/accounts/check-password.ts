/** The rules a new password must meet. Sign-in does not apply them: old passwords keep working. */
import { authErrors } from "../errors.ts";

/** Bytes of UTF-8: argon2 takes more, a hashing queue should not. */
const PASSWORD_BYTES_MAX = 1024;

/** @throws weak_password with reason `length`, validation_failed when too long. */
export function checkPassword(password: string, minLength: number): void {
  if ([...password].length < minLength) {
    throw authErrors.weak_password(`Password should be at least ${minLength} characters.`, [
      "length",
    ]);
  }
  if (isPasswordTooLong(password)) {
    throw authErrors.validation_failed(
      `Password cannot be longer than ${PASSWORD_BYTES_MAX} bytes`,
    );
  }
}

export function isPasswordTooLong(password: string): boolean {
  return Buffer.byteLength(password) > PASSWORD_BYTES_MAX;
}
