/** X.509 certificates (RFC 5280) of authenticators' makers, good and bad: just enough DER for it. */
import { generateKeyPairSync, type KeyObject, sign, X509Certificate } from "node:crypto";

export interface Issued {
  readonly der: Buffer;
  readonly privateKey: KeyObject;
}

export interface CertificateRequest {
  /** Default "Authenticator Attestation". */
  readonly unit?: string;
  readonly isCa?: boolean;
  /** Written into the FIDO extension. */
  readonly aaguid?: Buffer;
  readonly issuer?: Issued;
  /** Default 2020 to 2049. */
  readonly validTo?: string;
}

const tlv = (tag: number, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  const { length } = body;
  const size =
    length < 128
      ? Buffer.from([length])
      : length < 256
        ? Buffer.from([0x81, length])
        : Buffer.from([0x82, length >> 8, length & 255]);
  return Buffer.concat([Buffer.from([tag]), size, body]);
};
const sequence = (...parts: readonly Buffer[]) => tlv(0x30, ...parts);
const oid = (hex: string) => tlv(0x06, Buffer.from(hex, "hex"));
const utf8 = (text: string) => tlv(0x0c, Buffer.from(text));
const time = (text: string) => tlv(0x17, Buffer.from(text));
const ECDSA_SHA256 = sequence(oid("2a8648ce3d040302"));

function nameOf(unit: string, serial: number): Buffer {
  const part = (type: string, value: string) => tlv(0x31, sequence(oid(type), utf8(value)));
  return sequence(
    part("550406", "SE"),
    part("55040a", "Acme"),
    part("55040b", unit),
    part("550403", `Acme ${serial}`),
  );
}

let serials = 0;

export function makeCertificate(request: CertificateRequest = {}): Issued {
  const { unit = "Authenticator Attestation", isCa = false, aaguid, issuer } = request;
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const serial = ++serials;
  const subject = nameOf(unit, serial);
  const issuerName = issuer ? subjectOf(issuer.der) : subject;
  const basic = sequence(...(isCa ? [tlv(0x01, Buffer.from([0xff]))] : []));
  const extensions = [
    sequence(oid("551d13"), tlv(0x01, Buffer.from([0xff])), tlv(0x04, basic)),
    ...(aaguid ? [sequence(oid("2b0601040182e51c010104"), tlv(0x04, tlv(0x04, aaguid)))] : []),
  ];
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, Buffer.from([serial])),
    ECDSA_SHA256,
    issuerName,
    sequence(time("200101000000Z"), time(request.validTo ?? "491231235959Z")),
    subject,
    publicKey.export({ format: "der", type: "spki" }),
    tlv(0xa3, sequence(...extensions)),
  );
  const signature = sign("sha256", body, issuer?.privateKey ?? privateKey);
  const der = sequence(body, ECDSA_SHA256, tlv(0x03, Buffer.from([0]), signature));
  return { der, privateKey };
}

/** The subject's DER, found by the issuer that a self-signed one repeats. */
function subjectOf(der: Buffer): Buffer {
  const body = der.subarray(headOf(der, 0));
  let at = headOf(body, 0);
  const parts: Buffer[] = [];
  while (parts.length < 6) {
    const end = headOf(body, at) + lengthOf(body, at);
    parts.push(body.subarray(at, end));
    at = end;
  }
  return parts[5] as Buffer;
}

function lengthOf(bytes: Buffer, at: number): number {
  const first = bytes[at + 1] ?? 0;
  if (first < 128) return first;
  return bytes.readUIntBE(at + 2, first & 0x7f);
}

function headOf(bytes: Buffer, at: number): number {
  const first = bytes[at + 1] ?? 0;
  return at + 2 + (first < 128 ? 0 : first & 0x7f);
}

export const pemOf = ({ der }: Issued) => new X509Certificate(der).toString();
