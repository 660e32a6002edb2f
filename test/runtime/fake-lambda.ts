/**
 * AWS Lambda as its documentation describes it on the wire, for functions that the tests name. AWS is a
 * paid service. Every signature is computed again by aws4fetch.
 */
import { AwsV4Signer } from "aws4fetch";

export const CREDENTIALS = { AWS_ACCESS_KEY_ID: "AKIDTEST", AWS_SECRET_ACCESS_KEY: "s3cret/+" };

export interface Seen {
  readonly path: string;
  readonly query: string;
  readonly headers: Headers;
  readonly host: string;
  readonly body: string;
  /** Its signature is what aws4fetch computes. */
  readonly isSigned: boolean;
}

type Behaviour = (seen: Seen, count: number) => Response | Promise<Response>;

export interface FakeLambda {
  readonly endpoint: string;
  readonly seen: Seen[];
  /** How the next calls are answered. */
  answer(with_: Behaviour): void;
  stop(): Promise<void>;
}

export function startFakeLambda(): FakeLambda {
  const seen: Seen[] = [];
  let behaviour: Behaviour = () => Response.json({});
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const url = new URL(request.url);
      const body = await request.text();
      const host = request.headers.get("host") ?? "";
      const isSigned = await signatureHolds(request, host, body);
      const one = { path: url.pathname, query: url.search, headers: request.headers, host, body };
      seen.push({ ...one, isSigned });
      return await behaviour({ ...one, isSigned }, seen.length);
    },
  });
  return {
    endpoint: `http://127.0.0.1:${server.port}`,
    seen,
    answer(with_) {
      seen.length = 0;
      behaviour = with_;
    },
    stop: () => server.stop(true),
  };
}

async function signatureHolds(request: Request, host: string, body: string): Promise<boolean> {
  const given = request.headers.get("authorization") ?? "";
  const names = /SignedHeaders=([^,]+)/.exec(given)?.[1]?.split(";") ?? [];
  const region = /Credential=[^/]+\/\d+\/([^/]+)/.exec(given)?.[1] ?? "";
  const isUrl = host.endsWith(".on.aws");
  const { pathname, search } = new URL(request.url);
  const headers = names
    .filter((name) => name !== "host" && name !== "x-amz-date")
    .map((name): [string, string] => [name, request.headers.get(name) ?? ""]);
  const signer = new AwsV4Signer({
    method: request.method,
    url: `${isUrl ? "https" : "http"}://${host}${pathname}${search}`,
    headers,
    body,
    service: "lambda",
    region,
    accessKeyId: CREDENTIALS.AWS_ACCESS_KEY_ID,
    secretAccessKey: CREDENTIALS.AWS_SECRET_ACCESS_KEY,
    datetime: request.headers.get("x-amz-date") ?? "",
    allHeaders: true,
  });
  return (await signer.sign()).headers.get("authorization") === given;
}

/** One frame of `application/vnd.amazon.eventstream`. */
export function frame(headers: Record<string, string>, payload: string | Uint8Array): Uint8Array {
  const fields = Object.entries(headers).map(([name, value]) => {
    const text = Buffer.from(value);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(text.length);
    return Buffer.concat([
      Buffer.from([name.length]),
      Buffer.from(name),
      Buffer.from([7]),
      length,
      text,
    ]);
  });
  const head = Buffer.concat(fields);
  const body = Buffer.from(payload as string);
  const out = Buffer.alloc(16 + head.length + body.length);
  out.writeUInt32BE(out.length, 0);
  out.writeUInt32BE(head.length, 4);
  out.writeUInt32BE(Bun.hash.crc32(out.subarray(0, 8)), 8);
  head.copy(out, 12);
  body.copy(out, 12 + head.length);
  out.writeUInt32BE(Bun.hash.crc32(out.subarray(0, out.length - 4)), out.length - 4);
  return out;
}

export function chunk(payload: string | Uint8Array): Uint8Array {
  const headers = { ":message-type": "event", ":content-type": "application/octet-stream" };
  return frame({ ...headers, ":event-type": "PayloadChunk" }, payload);
}

export function complete(fields: object = {}): Uint8Array {
  const headers = { ":message-type": "event", ":content-type": "application/json" };
  return frame({ ...headers, ":event-type": "InvokeComplete" }, JSON.stringify(fields));
}
