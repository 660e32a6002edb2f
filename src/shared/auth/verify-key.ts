/** Compares an opaque key with the project's two, in a time that tells nothing of how far it fits. */
import { timingSafeEqual } from "node:crypto";
import { coreErrors } from "../../core/errors.ts";
import type { Principal } from "../../core/ports/auth.ts";
import type { Project } from "../../core/project.ts";
import { ANONYMOUS, SERVICE } from "./principals.ts";

/** @throws bad_credential */
export function verifyKey(
  project: Pick<Project, "publishableKey" | "secretKey">,
  key: string,
): Principal {
  const sent = Buffer.from(key);
  if (isEqual(sent, project.publishableKey)) return ANONYMOUS;
  if (isEqual(sent, project.secretKey)) return SERVICE;
  throw coreErrors.bad_credential("The API key is not one of this project's");
}

/** How long a key is, is no secret: all have the same form. */
function isEqual(sent: Buffer, key: string): boolean {
  const wanted = Buffer.from(key);
  return sent.length === wanted.length && timingSafeEqual(sent, wanted);
}
