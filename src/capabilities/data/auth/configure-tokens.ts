/** The token verifier that `[data]` asks for. */
import { readFileSync } from "node:fs";
import type { Clock } from "../../../core/ports/clock.ts";
import { DataConfigFault, type EffectiveConfig } from "../effective-config.ts";
import { parseJsPath } from "./js-path.ts";
import {
  createTokenVerifier,
  type TokenCacheEvents,
  type TokenVerifier,
} from "./token-verifier.ts";
import { readKeys, SecretFault, type VerificationKey } from "./verification-keys.ts";

/** Null without a secret. Reads `@file` each time. @throws DataConfigFault */
export function configureTokens(
  config: EffectiveConfig,
  clock: Clock,
  events: TokenCacheEvents,
): TokenVerifier | null {
  const rolePath = parseJsPath(config.jwt_role_claim_key);
  if (!rolePath) {
    throw new DataConfigFault(
      "jwt_role_claim_key",
      `failed to parse role-claim-key value (${config.jwt_role_claim_key})`,
    );
  }
  checkAudience(config.jwt_aud);
  if (config.jwt_secret === "") return null;
  const rules = {
    keys: keysOf(config),
    audience: config.jwt_aud,
    rolePath,
    anonRole: config.db_anon_role,
    cacheMax: config.jwt_cache_max_entries,
  };
  return createTokenVerifier(rules, clock, events);
}

/** StringOrURI (RFC 7519 §2): a text with a colon is a URI. */
function checkAudience(audience: string): void {
  if (
    !audience.includes(":") ||
    /^[A-Za-z][A-Za-z0-9+.-]*:(?:[\w.~:/?#[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*$/.test(audience)
  )
    return;
  throw new DataConfigFault("jwt_aud", "jwt-aud should be a string or a valid URI");
}

function keysOf(config: EffectiveConfig): VerificationKey[] {
  try {
    return readKeys(secretOf(config));
  } catch (error) {
    if (error instanceof SecretFault) throw new DataConfigFault("jwt_secret", error.message);
    throw error;
  }
}

function secretOf({ jwt_secret: secret, jwt_secret_is_base64: isBase64 }: EffectiveConfig) {
  const bytes = secret.startsWith("@") ? readSecretFile(secret.slice(1)) : Buffer.from(secret);
  return isBase64 ? decodeBase64(bytes.toString("latin1")) : bytes;
}

/** As it is, but for one line's end, which editors add. */
function readSecretFile(path: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new SecretFault(`the file cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  return bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes;
}

/** Both alphabets; `.` for `=`, as in URLs. */
function decodeBase64(text: string): Buffer {
  const plain = text.trim().replaceAll("_", "/").replaceAll("-", "+").replaceAll(".", "=");
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(plain)) {
    throw new SecretFault("it is not base64");
  }
  return Buffer.from(plain, "base64");
}
