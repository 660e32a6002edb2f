/**
 * A recovery code is the private half of an X25519 pair (RFC 7748): the public half lies beside what
 * it seals, so that a rotation can seal new root keys for a code that only a person has. Sealed for
 * it is `ephemeral public key 32 | nonce 12 | sealed | tag 16`, under a key derived from the shared
 * secret of the two and both public keys (as HPKE's DHKEM does, RFC 9180 §4.1).
 */
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  type KeyObject,
} from "node:crypto";
import type { Rng } from "../../core/ports/rng.ts";
import { decrypt, encrypt } from "./seal.ts";

export interface RecoveryPair {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Null where the code is not known. */
  readonly privateKey: KeyObject | null;
}

const KEY_BYTES = 32;
/** PKCS #8 of X25519 (RFC 8410 §7), before the 32 bytes of the key. */
const PKCS8 = Buffer.from("302e020100300506032b656e04220420", "hex");
/** SubjectPublicKeyInfo of X25519, before the 32 bytes of the key. */
const SPKI = Buffer.from("302a300506032b656e032100", "hex");

/** @param seed 32 bytes. */
export function pairOf(seed: Uint8Array): RecoveryPair {
  const der = Buffer.concat([PKCS8, seed]);
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  return { publicKey: new Uint8Array(spki.subarray(SPKI.length)), privateKey };
}

export function sealForRecovery(
  { publicKey }: RecoveryPair,
  plain: Uint8Array,
  bound: Uint8Array,
  rng: Rng,
): Uint8Array {
  const once = pairOf(rng.bytes(KEY_BYTES));
  const key = agree(once.privateKey, publicKey, once.publicKey, publicKey);
  return Buffer.concat([once.publicKey, encrypt(key, plain, bound, rng)]);
}

/** @throws when it was not sealed for this code, or the code is not known. */
export function openForRecovery(
  { publicKey, privateKey }: RecoveryPair,
  sealed: Uint8Array,
  bound: Uint8Array,
): Uint8Array {
  const once = sealed.subarray(0, KEY_BYTES);
  const key = agree(privateKey, once, once, publicKey);
  return decrypt(key, sealed.subarray(KEY_BYTES), bound);
}

function agree(
  own: KeyObject | null,
  other: Uint8Array,
  once: Uint8Array,
  recipient: Uint8Array,
): Uint8Array {
  if (!own) throw new Error("the recovery code is not known");
  const key = Buffer.concat([SPKI, other]);
  const publicKey = createPublicKey({ key, format: "der", type: "spki" });
  const secret = diffieHellman({ privateKey: own, publicKey });
  const salt = Buffer.concat([once, recipient]);
  return new Uint8Array(hkdfSync("sha256", secret, salt, "reactor vault recovery 1", KEY_BYTES));
}
