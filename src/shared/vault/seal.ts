/**
 * How a secret is sealed: AES-256-GCM under a key of its own, which is sealed under a key derived
 * from a root key. Both bind the place (tenant, path, version) as additional data, so that a
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

  /** @param rootKey 32 bytes; only a key derived from it is kept. */
  constructor(rootKey: Uint8Array, rng: Rng) {
    if (rootKey.byteLength !== KEY_BYTES) throw new RangeError("a root key is 32 bytes");
    this.#rng = rng;
    const derived = hkdfSync("sha256", rootKey, "", "reactor vault wrapping key 1", KEY_BYTES);
    this.#wrappingKey = new Uint8Array(derived);
  }

  close(place: SecretPlace, value: string): Uint8Array {
    const key = this.#rng.bytes(KEY_BYTES);
    const parts = [
      Uint8Array.of(FORMAT),
      encrypt(this.#wrappingKey, key, boundTo("key", place), this.#rng),
      encrypt(key, Buffer.from(value, "utf8"), boundTo("value", place), this.#rng),
    ];
    return new Uint8Array(Buffer.concat(parts));
  }

  /** @throws when the bytes were not sealed here, for this place, under this root key. */
  open(place: SecretPlace, sealed: Uint8Array): string {
    const key = this.#openKey(place, sealed);
    const value = decrypt(key, sealed.subarray(1 + WRAPPED_BYTES), boundTo("value", place));
    return Buffer.from(value).toString("utf8");
  }

  /** What another root key sealed, sealed under this one; the value's own part stays as it is. */
  takeOver(from: Seal, place: SecretPlace, sealed: Uint8Array): Uint8Array {
    const key = from.#openKey(place, sealed);
    const wrapped = encrypt(this.#wrappingKey, key, boundTo("key", place), this.#rng);
    const value = sealed.subarray(1 + WRAPPED_BYTES);
    return new Uint8Array(Buffer.concat([Uint8Array.of(FORMAT), wrapped, value]));
  }

  #openKey(place: SecretPlace, sealed: Uint8Array): Uint8Array {
    if (sealed[0] !== FORMAT) throw new Error(`vault format ${sealed[0]} is not known`);
    const wrapped = sealed.subarray(1, 1 + WRAPPED_BYTES);
    return decrypt(this.#wrappingKey, wrapped, boundTo("key", place));
  }
}

/** `nonce 12 | sealed | tag 16`. */
export function encrypt(
  key: Uint8Array,
  plain: Uint8Array,
  bound: Uint8Array,
  rng: Rng,
): Uint8Array {
  const nonce = rng.bytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(bound);
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** @throws when it was not sealed under this key for this purpose. */
export function decrypt(key: Uint8Array, sealed: Uint8Array, bound: Uint8Array): Uint8Array {
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
