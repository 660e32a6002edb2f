/**
 * Takes a compact JWS apart (RFC 7515 §3.1), as far as that is needed to choose a key. Only the one
 * spelling of each segment counts, and nothing in the header changes how the token is read.
 */
import { undecodable } from "./token-errors.ts";

export interface ParsedToken {
  readonly algorithm: string;
  readonly kid: string | null;
  /** The claims as they stand in the token; perhaps no JSON. */
  readonly claimsJson: string;
  /** What was signed. */
  readonly signed: string;
  readonly signature: Uint8Array;
}

const KNOWN = /^(?:HS|RS|ES)(?:256|384|512)$|^EdDSA$/;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @throws PGRST301 */
export function parseToken(token: string): ParsedToken {
  const segments = token.split(".");
  if (segments.length !== 3) throw undecodable.parts(segments.length);
  const [header = "", payload = "", signature = ""] = segments;
  const { alg, kid, crit } = readHeader(header);
  if (alg === "none") throw undecodable.unsecured();
  if (typeof alg !== "string" || !KNOWN.test(alg)) throw undecodable.malformed();
  // What it names would have to be understood (RFC 7515 §4.1.11), and nothing is.
  if (crit !== undefined) throw undecodable.malformed();
  return {
    algorithm: alg,
    kid: kidOf(kid),
    claimsJson: decodeText(payload),
    signed: `${header}.${payload}`,
    signature: decodeBytes(signature),
  };
}

function readHeader(segment: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(decodeText(segment));
  } catch {
    throw undecodable.malformed();
  }
  if (typeof value !== "object" || value === null) throw undecodable.malformed();
  return value as Record<string, unknown>;
}

/** A key id that is no text names no key, and must not count as none. */
function kidOf(kid: unknown): string | null {
  if (kid === undefined || kid === null) return null;
  if (typeof kid !== "string") throw undecodable.malformed();
  return kid;
}

/** No padding, no other alphabet, no stray bits at the end. */
function decodeBytes(segment: string): Uint8Array {
  const bytes = Buffer.from(segment, "base64url");
  if (bytes.toString("base64url") !== segment) throw undecodable.malformed();
  return bytes;
}

function decodeText(segment: string): string {
  try {
    return decoder.decode(decodeBytes(segment));
  } catch (error) {
    if (error instanceof TypeError) throw undecodable.malformed();
    throw error;
  }
}
