/**
 * Signature Version 4 of AWS over one request, by its public description. The body is known whole;
 * S3's exceptions are not here.
 */
import { createHash, createHmac } from "node:crypto";

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary credentials. */
  readonly sessionToken: string | null;
}

export interface SigningRequest {
  readonly method: string;
  readonly url: URL;
  /** All of them are signed, and sent as they are. Names in lower case, without `host`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  readonly service: string;
  readonly region: string;
  readonly credentials: AwsCredentials;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const ALGORITHM = "AWS4-HMAC-SHA256";

/** The headers to send: those given, `x-amz-date`, the session token and `authorization`. */
export function signRequest(request: SigningRequest): Record<string, string> {
  const { credentials, service, region } = request;
  // 20260131T235959Z
  const time = new Date(request.now).toISOString().replace(/[:-]|\.\d{3}/g, "");
  const headers: Record<string, string> = { ...request.headers, "x-amz-date": time };
  if (credentials.sessionToken) headers["x-amz-security-token"] = credentials.sessionToken;
  const signed = Object.entries({ ...headers, host: request.url.host }).sort(byCode);
  const names = signed.map(([name]) => name).join(";");
  const canonical = canonicalRequest(request, signed, names);
  const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`;
  const text = [ALGORITHM, time, scope, sha256(canonical)].join("\n");
  const key = signingKey(credentials.secretAccessKey, scope);
  const signature = hmac(key, text).toString("hex");
  headers["authorization"] =
    `${ALGORITHM} Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return headers;
}

function canonicalRequest(
  { method, url, body }: SigningRequest,
  signed: readonly [string, string][],
  names: string,
): string {
  const lines = signed.map(([name, value]) => `${name}:${value.trim().replace(/\s+/g, " ")}\n`);
  return [
    method.toUpperCase(),
    canonicalPath(url.pathname),
    canonicalQuery(url.searchParams),
    lines.join(""),
    names,
    sha256(body),
  ].join("\n");
}

/** Every service but S3 wants the segments of the path as they are sent encoded once more. */
function canonicalPath(path: string): string {
  return path.replace(/\/+/g, "/").split("/").map(encodeStrict).join("/");
}

function canonicalQuery(params: URLSearchParams): string {
  return [...params]
    .map(([name, value]): [string, string] => [encodeStrict(name), encodeStrict(value)])
    .sort((a, b) => byCode(a, b) || (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

/** RFC 3986: only unreserved characters stay. */
export function encodeStrict(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function byCode([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function signingKey(secret: string, scope: string): Buffer {
  return scope
    .split("/")
    .reduce<Buffer>((key, part) => hmac(key, part), Buffer.from(`AWS4${secret}`));
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
