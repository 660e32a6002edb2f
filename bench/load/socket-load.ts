/** The child process of `http-load.ts`: requests on plain sockets, so that the load costs little. */
import { readFileSync } from "node:fs";
import type { LoadOptions, LoadResult } from "./http-load.ts";

const options = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as LoadOptions;
const { host, hostname, port } = new URL(options.origin);
const body = options.body ?? "";
const length = options.body === null ? "" : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
const lines = Object.entries(options.headers).map(([name, value]) => `${name}: ${value}\r\n`);
const head = ` HTTP/1.1\r\nHost: ${host}\r\n${length}${lines.join("")}`;
const tails = (options.authorizations ?? [null]).map((value) => {
  const own = value === null ? "" : `Authorization: ${value}\r\n`;
  return `${head}${own}\r\n${body}`;
});

const latencies: number[] = [];
let errors = 0;
const end = performance.now() + options.seconds * 1000;

interface Call {
  sentAt: number;
  /** Bytes of the answer that are still to come; -1 = its head is. */
  missing: number;
  buffered: string;
  unsent: Buffer;
}

function send(socket: Bun.Socket<Call>): void {
  const id = 1 + Math.floor(Math.random() * options.ids);
  socket.data.sentAt = performance.now();
  socket.data.missing = -1;
  socket.data.buffered = "";
  const target = options.target.replace("$id", String(id));
  socket.data.unsent = Buffer.from(`${options.method} ${target}${tails[id % tails.length]}`);
  flush(socket);
}

function flush(socket: Bun.Socket<Call>): void {
  const { unsent } = socket.data;
  if (unsent.length > 0) socket.data.unsent = unsent.subarray(socket.write(unsent));
}

/** Whether the answer is complete. Bodies are counted, not read. */
function take(call: Call, chunk: Buffer): boolean {
  if (call.missing >= 0) {
    call.missing -= chunk.byteLength;
    return call.missing <= 0;
  }
  call.buffered += chunk.toString("latin1");
  const bodyAt = call.buffered.indexOf("\r\n\r\n");
  if (bodyAt < 0) return false;
  if (!call.buffered.startsWith("HTTP/1.1 2")) errors += 1;
  const length = /\r\ncontent-length: *(\d+)/i.exec(call.buffered)?.[1];
  if (length === undefined && !/^HTTP\/1.1 20[14]/.test(call.buffered)) {
    throw new Error(`no Content-Length in ${call.buffered.slice(0, bodyAt)}`);
  }
  call.missing = Number(length ?? 0) - (call.buffered.length - bodyAt - 4);
  return call.missing <= 0;
}

const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
let open = options.connections;
const startedAt = performance.now();
for (let i = 0; i < options.connections; i++) {
  await Bun.connect<Call>({
    hostname,
    port: Number(port),
    data: { sentAt: 0, missing: -1, buffered: "", unsent: Buffer.alloc(0) },
    socket: {
      open: send,
      drain: flush,
      data(socket, chunk) {
        if (!take(socket.data, chunk)) return;
        const now = performance.now();
        latencies.push(now - socket.data.sentAt);
        if (now < end) return send(socket);
        socket.end();
        open -= 1;
        if (open === 0) finish();
      },
      error(_, error) {
        throw error;
      },
    },
  });
}
await finished;
const seconds = (performance.now() - startedAt) / 1000;
latencies.sort((a, b) => a - b);
const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? 0;
const result: LoadResult = {
  requests: latencies.length,
  perS: latencies.length / seconds,
  p50Ms: at(0.5),
  p99Ms: at(0.99),
  errors,
};
process.stdout.write(JSON.stringify(result));
process.exit(0);
