/** What `auth.webauthn_attestation` asks of new authenticators. Read once, at the start. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { AuthConfig } from "../config.ts";
import type { AttestationPolicy } from "./webauthn/attestation.ts";

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * @param dir what relative paths are meant from.
 * @throws Error for a file that cannot be read or holds no certificate, and for `packed` without roots
 */
export function loadAttestationPolicy(config: AuthConfig, dir: string): AttestationPolicy {
  const { webauthn_attestation: least, webauthn_attestation_roots: files } = config;
  const roots = files.flatMap((file) => certificatesIn(resolve(dir, file)));
  if (least === "packed" && roots.length === 0) {
    throw new Error("auth.webauthn_attestation = packed needs auth.webauthn_attestation_roots");
  }
  return { least, roots };
}

function certificatesIn(path: string): X509Certificate[] {
  const found = readFileSync(path, "utf8").match(PEM) ?? [];
  if (found.length === 0) throw new Error(`${path} holds no PEM certificate`);
  return found.map((pem) => new X509Certificate(pem));
}
