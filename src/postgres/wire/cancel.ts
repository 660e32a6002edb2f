/** Protocol 3.0, "Canceling Requests in Progress": a connection of its own that carries the key. */
import type { DatabaseAddress } from "../url.ts";
import { cancelRequest } from "./message-writer.ts";
import type { BackendKey } from "./session.ts";
import { openTransport } from "./transport.ts";

/**
 * Resolves when the server closed the cancel connection: by then the signal has been sent, so it
 * cannot hit a query that starts later. Rejects when the server cannot be reached.
 */
export async function requestCancel(
  address: DatabaseAddress,
  key: BackendKey,
  signal: AbortSignal,
): Promise<void> {
  const socket = await openTransport(address, signal);
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => {
      socket.destroy();
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    socket.on("error", reject);
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
    socket.resume();
    socket.write(cancelRequest(key.pid, key.secret));
  });
}
