/**
 * The issuer identifier of the OAuth server (RFC 8414 §2): always an address, because clients find
 * everything else below it and compare it with the `iss` of ID tokens and answers. With
 * `server.public_url` it is also the `iss` of access tokens. Without one those carry the name that
 * was made at first boot, which outlives a change of port, and the address is the one by which the
 * client reached us.
 */
import type { Project } from "../../../core/project.ts";

const MOUNT = "/auth/v1";

export function issuerAddress({ issuer }: Project, origin: string): string {
  return /^https?:/.test(issuer) ? issuer : `${origin}${MOUNT}`;
}

/** Where the server as a whole is, without a trailing slash: pages and functions are below it. */
export function baseOf(address: string): string {
  return address.slice(0, -MOUNT.length);
}
