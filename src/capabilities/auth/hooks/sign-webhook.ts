/**
 * Signatures of outgoing requests by Standard Webhooks 1.0: an HMAC-SHA256 over id, time and body
 * for each secret, so that the receiver knows the sender, refuses repetitions and can change secrets.
 */
import type { Vault } from "../../../core/ports/vault.ts";
import { StartupError } from "../../../core/startup-error.ts";
import type { TenantCtx } from "../../../core/tenant.ts";
import { isInVault, settingValue } from "../../../shared/vault/setting-value.ts";

const SECRET = /^v1,whsec_([A-Za-z0-9+/]+={0,2})$/;
/** The specification asks for 24 to 64 bytes; shorter ones are in use and keep working. */
const SECRET_BYTES_MIN = 16;
const SECRET_BYTES_MAX = 512;

/** The secrets to sign with for a tenant; an empty list signs nothing. */
export type SigningSecrets = (tenant: TenantCtx) => Promise<readonly Uint8Array[]>;

/**
 * `v1,whsec_<base64>`, several separated by `|`, or `vault:path` of such a text. What is no reference
 * is checked at once. @throws StartupError config_invalid
 */
export function readSecrets(key: string, text: string, vault: Vault): SigningSecrets {
  if (isInVault(text)) {
    return async (tenant) => parseSecrets(key, await settingValue(vault, tenant, text));
  }
  const secrets = parseSecrets(key, text);
  return () => Promise.resolve(secrets);
}

function parseSecrets(key: string, text: string): readonly Uint8Array[] {
  if (text === "") return [];
  return text.split("|").map((part) => {
    const base64 = SECRET.exec(part.trim())?.[1] ?? "";
    const bytes = Buffer.from(base64, "base64");
    if (bytes.length >= SECRET_BYTES_MIN && bytes.length <= SECRET_BYTES_MAX) return bytes;
    throw new StartupError({
      code: "config_invalid",
      message: `${key} is not a list of webhook secrets`,
      hint: "A secret is v1,whsec_<base64 of at least 16 random bytes>; separate several by |",
    });
  });
}

/** Headers for one message. `timestampS`: seconds since the epoch. */
export function signatureHeaders(
  secrets: readonly Uint8Array[],
  id: string,
  timestampS: number,
  body: string,
): Record<string, string> {
  if (secrets.length === 0) return {};
  const signatures = secrets.map((secret) => {
    const hmac = new Bun.CryptoHasher("sha256", Buffer.from(secret));
    return `v1,${hmac.update(`${id}.${timestampS}.${body}`).digest("base64")}`;
  });
  return {
    "webhook-id": id,
    "webhook-timestamp": String(timestampS),
    "webhook-signature": signatures.join(" "),
  };
}
