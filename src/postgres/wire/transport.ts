/**
 * Opens the byte stream to a Postgres server: Unix socket, TCP, or TLS after SSLRequest (protocol
 * 3.0, "SSL Session Encryption"). Everything above sees a node:net socket and knows no difference.
 */
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { ReactorError } from "../../core/errors.ts";
import { type DatabaseAddress, tlsOptions } from "../url.ts";
import { wireErrors } from "./errors.ts";
import { sslRequest } from "./message-writer.ts";

const KEEP_ALIVE_MS = 30_000;
const SSL_ACCEPTED = 0x53;
const ERRNO = /^E[A-Z0-9]+$/;

/** Rejects with the socket's own error, a TLS verification error, or `tls_unavailable`. */
export async function openTransport(
  address: DatabaseAddress,
  signal: AbortSignal,
): Promise<Socket> {
  const socket = await openSocket(address, signal);
  if (address.socketPath !== null || address.sslMode === "disable" || address.sslMode === "allow") {
    return socket;
  }
  try {
    if (await offersTls(socket, signal)) return await startTls(socket, address, signal);
    if (address.sslMode !== "prefer") throw wireErrors.tls_unavailable(address.sslMode);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function openSocket(address: DatabaseAddress, signal: AbortSignal): Promise<Socket> {
  const socket =
    address.socketPath === null
      ? connect({ host: address.host, port: address.port })
      : connect({ path: address.socketPath });
  return settled(socket, signal, (done) => {
    socket.once("connect", () => {
      if (address.socketPath === null) {
        socket.setNoDelay(true);
        socket.setKeepAlive(true, KEEP_ALIVE_MS);
      }
      done(socket);
    });
  });
}

function offersTls(socket: Socket, signal: AbortSignal): Promise<boolean> {
  return settled(socket, signal, (done, fail) => {
    socket.once("data", (answer: Buffer) => {
      // More than the one byte before the handshake could be smuggled plaintext (CVE-2021-23222).
      if (answer.length !== 1) return fail(wireErrors.protocol_violation("data before TLS"));
      done(answer[0] === SSL_ACCEPTED);
    });
    socket.write(sslRequest());
  });
}

function startTls(socket: Socket, address: DatabaseAddress, signal: AbortSignal): Promise<Socket> {
  const options = tlsOptions(address);
  const secure = connectTls({ ...options, socket, host: address.host });
  return settled<Socket>(secure, signal, (done) => {
    secure.once("secureConnect", () => done(secure));
  }).catch((error: NodeJS.ErrnoException) => {
    // ECONNRESET and its like may pass; what TLS itself objects to will not.
    const isOurs = signal.aborted || error instanceof ReactorError;
    const isPassing = isOurs || ERRNO.test(error.code ?? "EUNKNOWN");
    throw isPassing ? error : wireErrors.tls_refused(address.sslMode, error);
  });
}

/** One outcome: `done`, `fail`, the socket's error or end, or the signal. Leaves no listener behind. */
function settled<T>(
  socket: Socket,
  signal: AbortSignal,
  start: (done: (value: T) => void, fail: (error: unknown) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const finish = () => {
      socket.removeListener("error", fail);
      socket.removeListener("close", onClose);
      signal.removeEventListener("abort", onAbort);
    };
    const fail = (error: unknown) => {
      finish();
      // What a socket says after it has failed has no one left to tell.
      socket.on("error", () => undefined);
      socket.destroy();
      reject(error);
    };
    const onClose = () => fail(wireErrors.connection_lost());
    const onAbort = () => fail(signal.reason);
    socket.once("error", fail);
    socket.once("close", onClose);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) return onAbort();
    start((value) => {
      finish();
      resolve(value);
    }, fail);
  });
}
