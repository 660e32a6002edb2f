/** Compares an opaque key with the project's two, in a time that tells nothing of how far it fits. */
import { createHash, timingSafeEqual } from "node:crypto";
import { coreErrors } from "../../core/errors.ts";
import type { Principal } from "../../core/ports/auth.ts";
import type { Project } from "../../core/project.ts";
import { ANONYMOUS, SERVICE } from "./principals.ts";

/** @throws bad_credential */
export function verifyKey(
  project: Pick<Project, "publishableKey" | "secretKey">,
  key: string,
): Principal {
  const sent = digest(key);
  if (timingSafeEqual(sent, digest(project.publishableKey))) return ANONYMOUS;
  if (timingSafeEqual(sent, digest(project.secretKey))) return SERVICE;
  throw coreErrors.bad_credential("The API key is not one of this project's");
}

/** Of one length, whatever was sent. */
function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
