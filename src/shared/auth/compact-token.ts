/**
 * Takes a compact JWS (RFC 7515 §3.1) apart, refusing every form that a second reader could read
 * differently: sizes, segments, base64url that is not canonical, JSON that is not an object.
 */
import { coreErrors } from "../../core/errors.ts";

export interface CompactToken {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  /** The claims as they stand in the token. */
  readonly claimsJson: string;
  /** What was signed. */
  readonly signed: string;
  readonly signature: Uint8Array;
}

const TOKEN_BYTES_MAX = 8_192;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @throws bad_credential */
export function parseCompactToken(token: string): CompactToken {
  if (token.length > TOKEN_BYTES_MAX) throw malformed("it is too long");
  const segments = token.split(".");
  const [header, payload, signature] = segments;
  if (segments.length !== 3 || !header || !payload || !signature) {
    throw malformed("it does not have three parts");
  }
  const claimsJson = decodeText(payload);
  return {
    header: parseObject(decodeText(header)),
    claims: parseObject(claimsJson),
    claimsJson,
    signed: `${header}.${payload}`,
    signature: decodeBytes(signature),
  };
}

/** Only the one spelling of the bytes: no padding, no other alphabet, no stray bits at the end. */
function decodeBytes(segment: string): Uint8Array {
  const bytes = Buffer.from(segment, "base64url");
  if (bytes.toString("base64url") !== segment) throw malformed("it is not canonical base64url");
  return bytes;
}

function decodeText(segment: string): string {
  try {
    return decoder.decode(decodeBytes(segment));
  } catch (error) {
    if (error instanceof TypeError) throw malformed("it is not UTF-8");
    throw error;
  }
}

function parseObject(json: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw malformed("it does not hold JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw malformed("it does not hold an object");
  }
  return value as Record<string, unknown>;
}

function malformed(how: string) {
  return coreErrors.bad_credential(`The token is malformed: ${how}`);
}
