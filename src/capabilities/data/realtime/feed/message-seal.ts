/**
 * Seals what goes over the Bus with a key that only the servers of the installation have: NOTIFY can be
 * listened to, and sent, by every role that can log in to the database, and these messages hold rows
 * before anybody's rights were asked.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import type { Rng } from "../../../../core/ports/rng.ts";
import type { Vault } from "../../../../core/ports/vault.ts";
import type { TenantCtx } from "../../../../core/tenant.ts";

const KEY_PATH = "data/realtime_bus";
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;

export class MessageSeal {
  readonly #key: Uint8Array;
  readonly #rng: Rng;

  /** @param key 32 bytes. */
  constructor(key: Uint8Array, rng: Rng) {
    this.#key = key;
    this.#rng = rng;
  }

  /** The installation's key; made by the first server that asks. */
  static async open(vault: Vault, tenant: TenantCtx, rng: Rng): Promise<MessageSeal> {
    const made = Buffer.from(rng.bytes(KEY_BYTES)).toString("base64");
    const { value } = await vault.putIfAbsent(tenant, KEY_PATH, made);
    return new MessageSeal(Buffer.from(value, "base64"), rng);
  }

  seal(text: string): string {
    const iv = this.#rng.bytes(IV_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.#key, iv);
    const sealed = [cipher.update(text, "utf8"), cipher.final()];
    return Buffer.concat([iv, cipher.getAuthTag(), ...sealed]).toString("base64");
  }

  /** Null when it was not sealed with this key. */
  open(sealed: string): string | null {
    const bytes = Buffer.from(sealed, "base64");
    if (bytes.length < IV_BYTES + TAG_BYTES) return null;
    const decipher = createDecipheriv("aes-256-gcm", this.#key, bytes.subarray(0, IV_BYTES));
    decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    try {
      const body = decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES));
      return Buffer.concat([body, decipher.final()]).toString("utf8");
    } catch {
      return null;
    }
  }
}
