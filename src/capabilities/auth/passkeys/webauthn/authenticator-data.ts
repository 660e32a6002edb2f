/** Authenticator data (WebAuthn Level 3 §6.1): what the authenticator says and signs. */
import { readCbor, WebAuthnFault } from "./cbor.ts";
import { type CosePublicKey, readCoseKey } from "./cose-key.ts";

export interface AuthenticatorData {
  /** sha256 of the relying party's id. */
  readonly rpIdHash: Uint8Array;
  /** Somebody was there. */
  readonly userPresent: boolean;
  /** And was recognised: PIN, finger, face. */
  readonly userVerified: boolean;
  readonly backupEligible: boolean;
  readonly backedUp: boolean;
  /** Uses so far; authenticators that do not count say 0. */
  readonly signCount: number;
  /** With a new credential only. */
  readonly credential: AttestedCredential | null;
}

export interface AttestedCredential {
  /** The model of the authenticator, as a UUID; all zero = not told. */
  readonly aaguid: string;
  readonly id: Uint8Array;
  readonly publicKey: CosePublicKey;
}

const FIXED_BYTES = 37;
const CREDENTIAL_ID_MAX = 1023;
const FLAGS = { UP: 0x01, UV: 0x04, BE: 0x08, BS: 0x10, AT: 0x40, ED: 0x80 } as const;

/** @throws WebAuthnFault also for bytes left over and flags that contradict each other */
export function readAuthenticatorData(bytes: Uint8Array): AuthenticatorData {
  if (bytes.length < FIXED_BYTES) throw new WebAuthnFault("authenticator data is cut short");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint8(32);
  const has = (flag: number) => (flags & flag) !== 0;
  if (has(FLAGS.BS) && !has(FLAGS.BE)) {
    throw new WebAuthnFault("a credential that cannot be backed up says it is");
  }
  let at = FIXED_BYTES;
  let credential: AttestedCredential | null = null;
  if (has(FLAGS.AT)) {
    const read = readCredential(bytes.subarray(at));
    credential = read.credential;
    at += read.length;
  }
  if (has(FLAGS.ED)) at += extensionsLength(bytes.subarray(at));
  if (at !== bytes.length) throw new WebAuthnFault("authenticator data has bytes left over");
  return {
    rpIdHash: bytes.slice(0, 32),
    userPresent: has(FLAGS.UP),
    userVerified: has(FLAGS.UV),
    backupEligible: has(FLAGS.BE),
    backedUp: has(FLAGS.BS),
    signCount: view.getUint32(33),
    credential,
  };
}

/** WebAuthn Level 3 §6.5.2: aaguid, length of the id, id, key. */
function readCredential(bytes: Uint8Array): { credential: AttestedCredential; length: number } {
  if (bytes.length < 18) throw new WebAuthnFault("credential data is cut short");
  const idLength = ((bytes[16] as number) << 8) | (bytes[17] as number);
  const keyAt = 18 + idLength;
  if (idLength === 0 || idLength > CREDENTIAL_ID_MAX || keyAt > bytes.length) {
    throw new WebAuthnFault("the credential id has no sensible length");
  }
  const publicKey = readCoseKey(bytes.subarray(keyAt));
  const credential = {
    aaguid: uuidOf(bytes.subarray(0, 16)),
    id: bytes.slice(18, keyAt),
    publicKey,
  };
  return { credential, length: keyAt + publicKey.encoded.length };
}

function extensionsLength(bytes: Uint8Array): number {
  const { value, length } = readCbor(bytes);
  if (!(value instanceof Map)) throw new WebAuthnFault("extensions are no map");
  return length;
}

function uuidOf(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex");
  return [8, 12, 16, 20, 32].map((end, n, ends) => hex.slice(ends[n - 1] ?? 0, end)).join("-");
}
