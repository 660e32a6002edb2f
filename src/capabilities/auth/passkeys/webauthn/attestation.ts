/**
 * Attestation statements (WebAuthn Level 3 §6.5, §8): what an authenticator says of its own make. Of
 * the formats, `none` and `packed` are read; browsers turn every other one into `none` unless they
 * are asked for attestation, which happens only where `auth.webauthn_attestation` says so.
 */
import { type KeyObject, X509Certificate } from "node:crypto";
import { type CborMap, type CborValue, WebAuthnFault } from "./cbor.ts";
import { type CoseAlgorithm, type CosePublicKey, verifySignature } from "./cose-key.ts";

/** `none`: nothing is said; `self`: signed with the new key itself; `basic`: by its maker's key. */
export type AttestationType = "none" | "self" | "basic";

export interface AttestationPolicy {
  /** The least that is accepted. `packed`: a certificate that one of `roots` issued. */
  readonly least: "none" | "self" | "packed";
  readonly roots: readonly X509Certificate[];
}

export interface Attested {
  readonly format: CborValue | undefined;
  readonly statement: CborMap;
  readonly aaguid: string;
  readonly publicKey: CosePublicKey;
  /** Authenticator data and the hash of the client data, one after the other. */
  readonly signed: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** `id-fido-gen-ce-aaguid` (1.3.6.1.4.1.45724.1.1.4) in DER. */
const AAGUID_EXTENSION = Buffer.from("060b2b0601040182e51c010104", "hex");
const CHAIN_MAX = 8;

/** @throws WebAuthnFault for a statement that does not hold, or is less than the policy asks for */
export function checkAttestation(attested: Attested, policy: AttestationPolicy): AttestationType {
  const type = typeOf(attested);
  if (policy.least === "none" || (policy.least === "self" && type !== "none")) return type;
  if (policy.least === "packed" && type === "basic") {
    checkChain(certificatesOf(attested.statement), policy.roots, attested.now);
    return type;
  }
  throw new WebAuthnFault("the authenticator does not attest what the policy asks for");
}

function typeOf(attested: Attested): AttestationType {
  const { format, statement, publicKey, signed } = attested;
  if (format === "none") {
    if (statement.size > 0) throw new WebAuthnFault("an empty attestation says something");
    return "none";
  }
  if (format !== "packed") throw new WebAuthnFault("the attestation format is not accepted");
  const signature = statement.get("sig");
  if (!(signature instanceof Uint8Array)) throw new WebAuthnFault("attestation has no signature");
  const algorithm = statement.get("alg");
  if (statement.has("x5c")) {
    checkBasic(attested, algorithm, signature);
    return "basic";
  }
  // §8.2, self attestation: the new key signs, by its own algorithm.
  if (algorithm !== publicKey.algorithm || !verifySignature(publicKey, signed, signature)) {
    throw new WebAuthnFault("the self attestation does not verify");
  }
  return "self";
}

function checkBasic(attested: Attested, algorithm: unknown, signature: Uint8Array): void {
  const [leaf] = certificatesOf(attested.statement);
  if (!leaf) throw new WebAuthnFault("attestation has no certificate");
  const key = { algorithm: algorithm as CoseAlgorithm, key: keyIn(leaf) };
  const fits = keyTypeOf(algorithm) === key.key.asymmetricKeyType;
  if (!fits || !verifySignature(key, attested.signed, signature)) {
    throw new WebAuthnFault("the attestation does not verify");
  }
  checkLeaf(leaf, attested.aaguid);
}

function keyIn(certificate: X509Certificate): KeyObject {
  try {
    return certificate.publicKey;
  } catch {
    throw new WebAuthnFault("a certificate holds no key that can be used");
  }
}

function keyTypeOf(algorithm: unknown): string | null {
  if (algorithm === -7) return "ec";
  if (algorithm === -8) return "ed25519";
  return algorithm === -257 ? "rsa" : null;
}

function certificatesOf(statement: CborMap): X509Certificate[] {
  const chain = statement.get("x5c");
  if (!Array.isArray(chain) || chain.length === 0 || chain.length > CHAIN_MAX) {
    throw new WebAuthnFault("attestation has no certificates");
  }
  return chain.map((der: CborValue) => {
    if (!(der instanceof Uint8Array)) throw new WebAuthnFault("a certificate is not bytes");
    try {
      return new X509Certificate(der);
    } catch {
      throw new WebAuthnFault("a certificate cannot be read");
    }
  });
}

/** WebAuthn Level 3 §8.2.1. */
function checkLeaf(leaf: X509Certificate, aaguid: string): void {
  const isAttestation = /(?:^|[\n,+])\s*OU=Authenticator Attestation(?:$|[\n,+])/.test(
    leaf.subject,
  );
  if (!isAttestation || leaf.ca) throw new WebAuthnFault("the certificate is not for attestation");
  const at = leaf.raw.indexOf(AAGUID_EXTENSION);
  if (at === -1) return;
  // OCTET STRING of an OCTET STRING of 16 bytes; a critical extension would have a BOOLEAN between.
  const value = leaf.raw.subarray(at + AAGUID_EXTENSION.length).subarray(0, 20);
  const expected = `04120410${aaguid.replaceAll("-", "")}`;
  if (value.toString("hex") !== expected) {
    throw new WebAuthnFault("the certificate is of another model of authenticator");
  }
}

/** Each certificate issued by the next, and the last by a root, all of them valid now. */
function checkChain(
  chain: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  now: number,
): void {
  const inTime = (c: X509Certificate) =>
    Date.parse(c.validFrom) <= now && now < Date.parse(c.validTo);
  const issued = (child: X509Certificate, parent: X509Certificate) =>
    parent.ca && child.checkIssued(parent) && child.verify(keyIn(parent));
  const linked = chain.every((c, n) => {
    const parent = chain[n + 1];
    return inTime(c) && (parent === undefined || issued(c, parent));
  });
  const last = chain.at(-1);
  const isRoot = (c: X509Certificate, root: X509Certificate) => c.raw.equals(root.raw);
  const anchored = roots.some(
    (root) => last && inTime(root) && (issued(last, root) || isRoot(last, root)),
  );
  if (!linked || !anchored) throw new WebAuthnFault("the attestation is of no trusted maker");
}
