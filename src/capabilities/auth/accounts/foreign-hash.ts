/**
 * Password hashes of other systems: which ones can be verified here, and whether one is due to be
 * replaced by ours. Costs are bounded, because whoever signs in makes this server pay them.
 */
import { scrypt, timingSafeEqual } from "node:crypto";

/** Memory that one hash may take; of scrypt, what all its lanes take one after the other. */
const MEMORY_BYTES_MAX = 128 * 1024 * 1024;

const BCRYPT = /^\$2[abxy]\$(?<cost>0[4-9]|1[0-5])\$[./A-Za-z0-9]{53}$/;
const ARGON2 =
  /^\$argon2(?:id|i|d)\$v=19\$m=(?<m>\d{1,7}),t=(?<t>\d{1,2}),p=(?<p>\d{1,2})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,86}$/;
/** As passlib and the PHC string format write it: base64 without padding. */
const SCRYPT =
  /^\$scrypt\$ln=(?<ln>\d{1,2}),r=(?<r>\d{1,2}),p=(?<p>\d{1,2})\$(?<salt>[A-Za-z0-9+/]{1,86})\$(?<hash>[A-Za-z0-9+/]{22,86})$/;
/** Firebase's: `ss` is the salt separator, `sk` the signer key, both base64. */
const FIREBASE =
  /^\$fbscrypt\$v=1,n=(?<ln>\d{1,2}),r=(?<r>\d{1,2}),p=(?<p>\d{1,2})(?:,ss=(?<ss>[A-Za-z0-9+/]*={0,2}))?,sk=(?<sk>[A-Za-z0-9+/]+={0,2})\$(?<salt>[A-Za-z0-9+/]+={0,2})\$(?<hash>[A-Za-z0-9+/]+={0,2})$/;

const FORMS = [BCRYPT, ARGON2, SCRYPT, FIREBASE];

/** True for what a sign-in can be checked against, at a cost this server will pay. */
export function isImportableHash(text: string): boolean {
  const found = FORMS.map((form) => form.exec(text)).find((match) => match !== null);
  if (!found) return false;
  const { m, t, p, ln, r } = found.groups ?? {};
  const lanes = Number(p ?? 1);
  if (m !== undefined) {
    const isBounded = Number(m) * 1024 <= MEMORY_BYTES_MAX && Number(t) >= 1 && Number(t) <= 20;
    return isBounded && lanes >= 1 && lanes <= 16 && Number(m) >= 8 * lanes;
  }
  if (ln === undefined) return true;
  const [cost, block] = [Number(ln), Number(r)];
  const bytes = 128 * block * 2 ** cost;
  return cost >= 1 && block >= 1 && lanes >= 1 && lanes <= 16 && bytes * lanes <= MEMORY_BYTES_MAX;
}

/** True for scrypt, which `Bun.password` does not know. */
export function isScryptHash(stored: string): boolean {
  return stored.startsWith("$scrypt$") || stored.startsWith("$fbscrypt$");
}

/** Bytes that bcrypt reads. `Bun.password` hashes a longer password first; other systems cut it. */
const BCRYPT_BYTES = 72;

/** The readings of a password that may have made `stored`, the likeliest first. */
export function readingsOf(password: string, stored: string): readonly (string | Uint8Array)[] {
  const bytes = Buffer.from(password);
  const isCut = stored.startsWith("$2") && bytes.length > BCRYPT_BYTES;
  return isCut ? [password, bytes.subarray(0, BCRYPT_BYTES)] : [password];
}

/** True when `password` made `stored`, of either scrypt form. Computes off the event loop. */
export async function verifyScrypt(password: string, stored: string): Promise<boolean> {
  if (!isImportableHash(stored)) return false;
  const firebase = FIREBASE.exec(stored)?.groups;
  const { ln, r, p, salt = "", hash = "" } = firebase ?? SCRYPT.exec(stored)?.groups ?? {};
  const wanted = Buffer.from(hash, "base64");
  const cost = { N: 2 ** Number(ln), r: Number(r), p: Number(p) };
  const seasoning = Buffer.concat([
    Buffer.from(salt, "base64"),
    Buffer.from(firebase?.["ss"] ?? "", "base64"),
  ]);
  const key = await derive(password, seasoning, firebase ? 32 : wanted.length, cost);
  const signer = firebase?.["sk"];
  const made = signer === undefined ? key : await encrypt(key, Buffer.from(signer, "base64"));
  return made.length === wanted.length && timingSafeEqual(made, wanted);
}

function derive(
  password: string,
  salt: Buffer,
  lengthBytes: number,
  cost: { N: number; r: number; p: number },
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { ...cost, maxmem: 2 * MEMORY_BYTES_MAX };
    scrypt(password, salt, lengthBytes, options, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

/** Firebase keeps the signer key encrypted by the derived one: AES-256 in counter mode from zero. */
async function encrypt(key: Buffer, text: Buffer): Promise<Buffer> {
  const algorithm = { name: "AES-CTR", counter: new Uint8Array(16), length: 64 };
  const raw = new Uint8Array(key);
  const imported = await crypto.subtle.importKey("raw", raw, "AES-CTR", false, ["encrypt"]);
  return Buffer.from(await crypto.subtle.encrypt(algorithm, imported, new Uint8Array(text)));
}

/** True when a hash is of another kind, or cheaper, than those made here now. */
export function isOutdatedHash(stored: string, memoryKib: number, iterations: number): boolean {
  const { m, t } = ARGON2.exec(stored)?.groups ?? {};
  if (m === undefined || !stored.startsWith("$argon2id$")) return true;
  return Number(m) < memoryKib || Number(t) < iterations;
}
