/**
 * SCRAM-SHA-256 as a client (RFC 5802, RFC 7677; protocol 3.0, "SASL Authentication"), without
 * channel binding, and the verifier that Postgres stores for a password.
 */
import { createHash, createHmac, pbkdf2, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { wireErrors } from "./errors.ts";

const derive = promisify(pbkdf2);
/** Postgres uses 4,096; a server that asks for far more only wants our CPU. */
const MAX_ITERATIONS = 1_000_000;
/** RFC 3454 table B.1, "commonly mapped to nothing". */
const MAPPED_TO_NOTHING =
  /\u00AD|\u034F|\u1806|[\u180B-\u180D]|[\u200B-\u200D]|\u2060|[\uFE00-\uFE0F]|\uFEFF/gu;
/** RFC 3454 table C.1.2, non-ASCII spaces. */
const OTHER_SPACES = /[\u00A0\u1680\u2000-\u200A\u202F\u205F\u3000]/gu;

/** One login. Call the three steps in order; each returns or checks what the RFC names. */
export class ScramClient {
  readonly #password: string;
  readonly #nonce: string;
  readonly #user: string;
  #serverSignature: Buffer | null = null;

  /** `nonce` is printable ASCII without commas. Postgres ignores `user` and takes the startup's. */
  constructor(password: string, nonce: string, user = "") {
    this.#password = password;
    this.#nonce = nonce;
    this.#user = user;
  }

  clientFirst(): string {
    return `n,,${this.#bareFirst()}`;
  }

  /** Answers the server's challenge with the client proof. */
  async clientFinal(serverFirst: string): Promise<string> {
    const { nonce, salt, iterations } = parseServerFirst(serverFirst);
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length) {
      throw wireErrors.server_not_authentic("the nonce is not an extension of ours");
    }
    const salted = await saltPassword(this.#password, salt, iterations);
    const withoutProof = `c=biws,r=${nonce}`;
    const authMessage = `${this.#bareFirst()},${serverFirst},${withoutProof}`;
    const clientKey = hmac(salted, "Client Key");
    const signature = hmac(sha256(clientKey), authMessage);
    this.#serverSignature = hmac(hmac(salted, "Server Key"), authMessage);
    return `${withoutProof},p=${xor(clientKey, signature).toString("base64")}`;
  }

  /** Throws unless the server proved that it knows the password's verifier. */
  verifyServerFinal(serverFinal: string): void {
    const expected = this.#serverSignature;
    const given = Buffer.from(/^v=([^,]+)/.exec(serverFinal)?.[1] ?? "", "base64");
    if (!expected || given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw wireErrors.server_not_authentic("the server signature is wrong");
    }
  }

  #bareFirst(): string {
    const user = this.#user.replaceAll("=", "=3D").replaceAll(",", "=2C");
    return `n=${user},r=${this.#nonce}`;
  }
}

/** `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, as `pg_authid.rolpassword` holds it. */
export async function scramVerifier(
  password: string,
  salt: Uint8Array,
  iterations = 4096,
): Promise<string> {
  const salted = await saltPassword(password, Buffer.from(salt), iterations);
  const stored = sha256(hmac(salted, "Client Key")).toString("base64");
  const server = hmac(salted, "Server Key").toString("base64");
  const saltText = Buffer.from(salt).toString("base64");
  return `SCRAM-SHA-256$${iterations}:${saltText}$${stored}:${server}`;
}

function parseServerFirst(text: string): { nonce: string; salt: Buffer; iterations: number } {
  const match = /^r=([^,]+),s=([A-Za-z0-9+/=]+),i=(\d+)(?:,|$)/.exec(text);
  const iterations = Number(match?.[3]);
  if (!match?.[1] || !match[2] || !(iterations >= 1 && iterations <= MAX_ITERATIONS)) {
    throw wireErrors.server_not_authentic("the challenge is malformed");
  }
  return { nonce: match[1], salt: Buffer.from(match[2], "base64"), iterations };
}

/** RFC 4013 in the part that changes a password people use; Postgres does the same on its side. */
function normalise(password: string): string {
  const mapped = password.replace(MAPPED_TO_NOTHING, "").replace(OTHER_SPACES, " ");
  return mapped.normalize("NFKC");
}

function saltPassword(password: string, salt: Buffer, iterations: number): Promise<Buffer> {
  return derive(normalise(password), salt, iterations, 32, "sha256");
}

const hmac = (key: Buffer, text: string) => createHmac("sha256", key).update(text).digest();
const sha256 = (data: Buffer) => createHash("sha256").update(data).digest();

function xor(left: Buffer, right: Buffer): Buffer {
  return Buffer.from(left.map((byte, at) => byte ^ (right[at] ?? 0)));
}
