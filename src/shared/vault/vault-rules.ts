/** The bounds every Vault adapter keeps. */
import { sharedErrors } from "../errors.ts";

const PATH = /^[a-z0-9][a-z0-9_.-]*(?:\/[a-z0-9][a-z0-9_.-]*)*$/;
const PATH_LENGTH_MAX = 256;
const VALUE_BYTES_MAX = 65_536;

/** @throws secret_path_invalid */
export function checkPath(path: string): void {
  if (path.length > PATH_LENGTH_MAX || !PATH.test(path)) throw sharedErrors.secret_path_invalid();
}

/** @throws secret_value_invalid */
export function checkSecret(value: string): void {
  if (!value.isWellFormed()) {
    throw sharedErrors.secret_value_invalid("It is not well-formed Unicode");
  }
  if (Buffer.byteLength(value) > VALUE_BYTES_MAX) {
    throw sharedErrors.secret_value_invalid(`It is larger than ${VALUE_BYTES_MAX} bytes`);
  }
}
