/**
 * How a secret is sealed: AES-256-GCM under a key of its own, which is sealed under a key derived
 * from the master key. Both bind the place (tenant, path, version) as additional data, so that a
 * sealed value moved to another row does not open.
 *
 * Format 1: `01 | nonce 12 | sealed key 32 | tag 16 | nonce 12 | sealed value | tag 16`.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import type { Rng } from "../../core/ports/rng.ts";

export interface SecretPlace {
  readonly tenantId: string;
  readonly path: string;
  readonly version: number;
}

const FORMAT = 1;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const WRAPPED_BYTES = NONCE_BYTES + KEY_BYTES + TAG_BYTES;

export class Seal {
  readonly #wrappingKey: Uint8Array;
  readonly #rng: Rng;

  /** @param masterKey 32 bytes; only a key derived from it is kept. */
  constructor(masterKey: Uint8Array, rng: Rng) {
    if (masterKey.byteLength !== KEY_BYTES) throw new RangeError("a master key is 32 bytes");
    this.#rng = rng;
    const derived = hkdfSync("sha256", masterKey, "", "reactor vault wrapping key 1", KEY_BYTES);
    this.#wrappingKey = new Uint8Array(derived);
  }

  close(place: SecretPlace, value: string): Uint8Array {
    const key = this.#rng.bytes(KEY_BYTES);
    const parts = [
      Uint8Array.of(FORMAT),
      this.#encrypt(this.#wrappingKey, key, boundTo("key", place)),
      this.#encrypt(key, Buffer.from(value, "utf8"), boundTo("value", place)),
    ];
    return new Uint8Array(Buffer.concat(parts));
  }

  /** @throws when the bytes were not sealed here, for this place, under this master key. */
  open(place: SecretPlace, sealed: Uint8Array): string {
    if (sealed[0] !== FORMAT) throw new Error(`vault format ${sealed[0]} is not known`);
    const wrapped = sealed.subarray(1, 1 + WRAPPED_BYTES);
    const key = decrypt(this.#wrappingKey, wrapped, boundTo("key", place));
    const value = decrypt(key, sealed.subarray(1 + WRAPPED_BYTES), boundTo("value", place));
    return Buffer.from(value).toString("utf8");
  }

  #encrypt(key: Uint8Array, plain: Uint8Array, bound: Uint8Array): Uint8Array {
    const nonce = this.#rng.bytes(NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(bound);
    return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  }
}

function decrypt(key: Uint8Array, sealed: Uint8Array, bound: Uint8Array): Uint8Array {
  const tagAt = sealed.byteLength - TAG_BYTES;
  if (tagAt < NONCE_BYTES) throw new Error("the sealed value is too short");
  const options = { authTagLength: TAG_BYTES };
  const cipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, NONCE_BYTES), options);
  cipher.setAAD(bound).setAuthTag(sealed.subarray(tagAt));
  return Buffer.concat([cipher.update(sealed.subarray(NONCE_BYTES, tagAt)), cipher.final()]);
}

function boundTo(what: "key" | "value", { tenantId, path, version }: SecretPlace): Uint8Array {
  return Buffer.from(JSON.stringify(["reactor vault 1", what, tenantId, path, version]));
}
