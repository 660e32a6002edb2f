/** HTTP as bytes: what clients send that no library would, and what comes back unread. */
import { connect } from "node:net";

export interface RawAnswer {
  /** 0 when the connection was closed without an answer. */
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const DEADLINE_MS = 30_000;

/** Where to connect: a TCP port of this machine, or a Unix socket. */
export type Target = { readonly port: number; readonly host?: string } | { readonly path: string };

/** Sends bytes as they are and reads until the server closes; ask for `Connection: close`. */
export function sendRaw(target: Target, bytes: string): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", ...target });
    const chunks: Buffer[] = [];
    const late = setTimeout(() => {
      socket.destroy();
      reject(
        new Error(`not closed after: ${Buffer.concat(chunks).toString("latin1").slice(0, 200)}`),
      );
    }, DEADLINE_MS);
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(late);
      resolve(parse(Buffer.concat(chunks).toString("latin1")));
    });
    socket.write(Buffer.from(bytes, "latin1"));
  });
}

/** `GET target` with a good Host, asking the server to close. */
export function requestText(
  target: string,
  { method = "GET", headers = ["Host: a.test"] }: { method?: string; headers?: string[] } = {},
): string {
  return [`${method} ${target} HTTP/1.1`, ...headers, "Connection: close", "", ""].join("\r\n");
}

function parse(text: string): RawAnswer {
  const at = text.indexOf("\r\n\r\n");
  const [first = "", ...lines] = (at < 0 ? text : text.slice(0, at)).split("\r\n");
  const headers = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? 0),
    headers: Object.fromEntries(headers),
    body: at < 0 ? "" : text.slice(at + 4),
  };
}
