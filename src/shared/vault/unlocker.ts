/**
 * Ways to open the vault: a random master key, a passphrase, a recovery code. Each gives a key that
 * seals root keys (AES-256-GCM, bound to tenant, root and way). A recovery code is half of a pair of
 * keys (see `recovery.ts`): new root keys are sealed for it while nobody knows the code.
 */
import * as nodeCrypto from "node:crypto";
import type { Rng } from "../../core/ports/rng.ts";
import { openForRecovery, pairOf, type RecoveryPair, sealForRecovery } from "./recovery.ts";
import { decrypt, encrypt } from "./seal.ts";

export type UnlockKind = "key" | "passphrase" | "recovery";

/** How a way's key is come by: what its row says beside the sealed root. */
export type Kdf = Argon2Kdf | RecoveryKdf;

export interface RecoveryKdf {
  readonly name: "x25519";
  /** base64url of the 32 bytes. */
  readonly publicKey: string;
}

/** RFC 9106 §3.1: argon2id. */
export interface Argon2Kdf {
  readonly name: "argon2id";
  readonly memoryKib: number;
  readonly passes: number;
  readonly parallelism: number;
  /** base64url. */
  readonly salt: string;
}

export type Unlocker = KeyUnlocker | RecoveryUnlocker;

interface KeyUnlocker {
  readonly id: string;
  readonly kind: "key" | "passphrase";
  readonly kdf: Argon2Kdf | null;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/** Seals with the public half alone; opens with the code's. */
interface RecoveryUnlocker {
  readonly id: "recovery";
  readonly kind: "recovery";
  readonly kdf: RecoveryKdf;
  readonly pair: RecoveryPair;
}

const KEY_BYTES = 32;
const SALT_BYTES = 16;
/** 160 bits: nobody searches for it, so nothing need slow them down. */
const CODE_BYTES = 20;
/** RFC 9106 §4, second recommendation, in one lane: half a second once at boot. */
const COST = { memoryKib: 65_536, passes: 3, parallelism: 1 } as const;
/** Crockford's base 32: no I, L, O, U. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

const derive = (secret: Uint8Array, purpose: string, bytes = KEY_BYTES) =>
  new Uint8Array(nodeCrypto.hkdfSync("sha256", secret, "", `reactor vault ${purpose} 1`, bytes));

/** @param masterKey 32 random bytes. */
export function keyUnlocker(masterKey: Uint8Array): Unlocker {
  const id = `key-${Buffer.from(derive(masterKey, "key id", 8)).toString("hex")}`;
  return { id, kind: "key", kdf: null, key: derive(masterKey, "key-encryption key") };
}

/** The way of this passphrase and derivation; a new derivation when none is given. */
export function passphraseUnlocker(passphrase: string, rng: Rng, kdf = freshKdf(rng)): Unlocker {
  return {
    id: `passphrase-${kdf.salt}`,
    kind: "passphrase",
    kdf,
    key: derive(argon2id(passphrase.normalize("NFKC"), kdf), "key-encryption key"),
  };
}

function freshKdf(rng: Rng): Argon2Kdf {
  const salt = Buffer.from(rng.bytes(SALT_BYTES)).toString("base64url");
  return { name: "argon2id", ...COST, salt };
}

interface Argon2 {
  argon2Sync(
    algorithm: "argon2id",
    parameters: {
      readonly message: Uint8Array;
      readonly nonce: Uint8Array;
      readonly parallelism: number;
      readonly tagLength: number;
      /** KiB. */
      readonly memory: number;
      readonly passes: number;
    },
  ): Uint8Array;
}

function argon2id(passphrase: string, kdf: Argon2Kdf): Uint8Array {
  // In Bun and Node 24, and not yet in the types.
  const { argon2Sync } = nodeCrypto as unknown as Argon2;
  return argon2Sync("argon2id", {
    message: Buffer.from(passphrase, "utf8"),
    nonce: Buffer.from(kdf.salt, "base64url"),
    parallelism: kdf.parallelism,
    tagLength: KEY_BYTES,
    memory: kdf.memoryKib,
    passes: kdf.passes,
  });
}

/** A new code: eight groups of four characters. Shown once, kept by a person. */
export function makeRecoveryCode(rng: Rng): string {
  let bits = BigInt(`0x${Buffer.from(rng.bytes(CODE_BYTES)).toString("hex")}`);
  let text = "";
  for (let at = 0; at < (CODE_BYTES * 8) / 5; at += 1) {
    text = `${ALPHABET[Number(bits & 31n)]}${text}`;
    bits >>= 5n;
  }
  return (text.match(/.{4}/g) ?? []).join("-");
}

/** Reads a code however it was copied; null when it is none. */
export function recoveryUnlocker(code: string): Unlocker | null {
  const text = code.toUpperCase().replace(/[\s-]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1");
  if (text.length !== (CODE_BYTES * 8) / 5 || [...text].some((c) => !ALPHABET.includes(c))) {
    return null;
  }
  return ofPair(pairOf(derive(Buffer.from(text), "recovery key")));
}

/** Of a code that is not known here: seals for it, and opens nothing. */
export function recoverySealer({ publicKey }: RecoveryKdf): Unlocker {
  return ofPair({ publicKey: Buffer.from(publicKey, "base64url"), privateKey: null });
}

function ofPair(pair: RecoveryPair): RecoveryUnlocker {
  const publicKey = Buffer.from(pair.publicKey).toString("base64url");
  return { id: "recovery", kind: "recovery", kdf: { name: "x25519", publicKey }, pair };
}

/** Where a sealed root key belongs. */
export interface RootPlace {
  readonly tenantId: string;
  readonly root: number;
}

export function sealRoot(by: Unlocker, place: RootPlace, root: Uint8Array, rng: Rng): Uint8Array {
  const bound = boundTo(by, place);
  if (by.kind === "recovery") return sealForRecovery(by.pair, root, bound, rng);
  return encrypt(by.key, root, bound, rng);
}

/** @throws when it was not sealed by this way, for this place. */
export function openRoot(by: Unlocker, place: RootPlace, sealed: Uint8Array): Uint8Array {
  const bound = boundTo(by, place);
  if (by.kind === "recovery") return openForRecovery(by.pair, sealed, bound);
  return decrypt(by.key, sealed, bound);
}

function boundTo({ id, kind }: Unlocker, { tenantId, root }: RootPlace): Uint8Array {
  return Buffer.from(JSON.stringify(["reactor vault root 1", tenantId, root, kind, id]));
}
