/**
 * An authenticator and the browser before it, in software: makes credentials and signs with them as
 * WebAuthn Level 3 tells them to, or, for the attacks, as it does not.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { encodeCbor } from "./encode-cbor.ts";

export type Algorithm = -7 | -8 | -257;

/** What a test makes wrong. */
export interface Deviation {
  readonly origin?: string;
  readonly rpId?: string;
  readonly challenge?: string;
  readonly type?: string;
  readonly crossOrigin?: unknown;
  readonly topOrigin?: string;
  /** The whole byte; default UP, UV, and AT for a new credential. */
  readonly flags?: number;
  readonly counter?: number;
  readonly userHandle?: string | null;
  readonly credentialId?: Buffer;
  /** Changes the bytes before they are signed. */
  readonly authData?: (bytes: Buffer) => Buffer;
  readonly clientData?: (json: string) => string;
  /** Changes the signature. */
  readonly signature?: (bytes: Buffer) => Buffer;
  /** Changes the attestation object. */
  readonly attestation?: (bytes: Buffer) => Buffer;
  readonly format?: string;
  readonly statement?: (signed: Buffer) => Map<string, unknown>;
  readonly transports?: unknown;
}

export const UP = 0x01;
export const UV = 0x04;
export const BE = 0x08;
export const BS = 0x10;
export const AT = 0x40;
export const ED = 0x80;

export interface SoftCredential {
  readonly id: Buffer;
  readonly privateKey: KeyObject;
  readonly algorithm: Algorithm;
  readonly userHandle: string;
  readonly cose: Buffer;
}

// biome-ignore lint/suspicious/noExplicitAny: WebAuthn's JSON
type Json = any;

const sha256 = (bytes: Buffer | string) => createHash("sha256").update(bytes).digest();
const b64 = (bytes: Buffer) => bytes.toString("base64url");

export class SoftAuthenticator {
  aaguid = Buffer.alloc(16);
  counter = 0;
  readonly origin: string;

  constructor(origin: string) {
    this.origin = origin;
  }

  makeKey(algorithm: Algorithm): { privateKey: KeyObject; cose: Buffer } {
    if (algorithm === -7) {
      const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const { x = "", y = "" } = publicKey.export({ format: "jwk" });
      const cose = [
        [1, 2],
        [3, -7],
        [-1, 1],
        [-2, fromB64(x)],
        [-3, fromB64(y)],
      ] as const;
      return { privateKey, cose: encodeCbor(new Map<unknown, unknown>(cose)) };
    }
    if (algorithm === -8) {
      const { privateKey, publicKey } = generateKeyPairSync("ed25519");
      const { x = "" } = publicKey.export({ format: "jwk" });
      const cose = [
        [1, 1],
        [3, -8],
        [-1, 6],
        [-2, fromB64(x)],
      ] as const;
      return { privateKey, cose: encodeCbor(new Map<unknown, unknown>(cose)) };
    }
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const { n = "", e = "" } = publicKey.export({ format: "jwk" });
    const cose = [
      [1, 3],
      [3, -257],
      [-1, fromB64(n)],
      [-2, fromB64(e)],
    ] as const;
    return { privateKey, cose: encodeCbor(new Map<unknown, unknown>(cose)) };
  }

  clientData(type: string, challenge: string, d: Deviation): Buffer {
    const json = JSON.stringify({
      type: d.type ?? type,
      challenge: d.challenge ?? challenge,
      origin: d.origin ?? this.origin,
      crossOrigin: "crossOrigin" in d ? d.crossOrigin : false,
      ...(d.topOrigin === undefined ? {} : { topOrigin: d.topOrigin }),
    });
    return Buffer.from(d.clientData ? d.clientData(json) : json);
  }

  authData(rpId: string, flags: number, d: Deviation, rest: Buffer = Buffer.alloc(0)): Buffer {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(d.counter ?? this.counter);
    const head = [sha256(d.rpId ?? rpId), Buffer.from([d.flags ?? flags]), counter, rest];
    const bytes = Buffer.concat(head);
    return d.authData ? d.authData(bytes) : bytes;
  }

  /** `navigator.credentials.create`. */
  create(
    options: Json,
    algorithm: Algorithm = -7,
    d: Deviation = {},
  ): { credential: SoftCredential; json: Json } {
    const { privateKey, cose } = this.makeKey(algorithm);
    const id = d.credentialId ?? randomBytes(32);
    const length = Buffer.from([id.length >> 8, id.length & 255]);
    const attested = Buffer.concat([this.aaguid, length, id, cose]);
    const authData = this.authData(options.rp.id, UP | UV | AT, d, attested);
    const clientData = this.clientData("webauthn.create", options.challenge, d);
    const signed = Buffer.concat([authData, sha256(clientData)]);
    const attStmt = d.statement ? d.statement(signed) : new Map();
    const object = encodeCbor(
      new Map<unknown, unknown>([
        ["fmt", d.format ?? "none"],
        ["attStmt", attStmt],
        ["authData", authData],
      ]),
    );
    const credential = { id, privateKey, algorithm, userHandle: options.user.id, cose };
    const json = {
      id: b64(id),
      rawId: b64(id),
      type: "public-key",
      clientExtensionResults: {},
      response: {
        clientDataJSON: b64(clientData),
        attestationObject: b64(d.attestation ? d.attestation(object) : object),
        transports: "transports" in d ? d.transports : ["internal"],
      },
    };
    return { credential, json };
  }

  /** `navigator.credentials.get`. */
  get(options: Json, credential: SoftCredential, d: Deviation = {}): Json {
    const authData = this.authData(options.rpId, UP | UV, d);
    const clientData = this.clientData("webauthn.get", options.challenge, d);
    const signed = Buffer.concat([authData, sha256(clientData)]);
    const signature = signWith(credential, signed);
    const handle = d.userHandle === undefined ? credential.userHandle : d.userHandle;
    const id = d.credentialId ?? credential.id;
    return {
      id: b64(id),
      rawId: b64(id),
      type: "public-key",
      clientExtensionResults: {},
      response: {
        clientDataJSON: b64(clientData),
        authenticatorData: b64(authData),
        signature: b64(d.signature ? d.signature(signature) : signature),
        ...(handle === null ? {} : { userHandle: handle }),
      },
    };
  }
}

export function signWith(
  { privateKey, algorithm }: Pick<SoftCredential, "privateKey" | "algorithm">,
  data: Buffer,
): Buffer {
  return sign(algorithm === -8 ? null : "sha256", data, privateKey);
}

function fromB64(text: string): Buffer {
  return Buffer.from(text, "base64url");
}
