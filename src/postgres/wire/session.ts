/**
 * One logged-in session: the start-up and authentication dialogue (protocol 3.0, "Start-up"), then
 * a stream of messages for whoever owns it (a pooled connection, a COPY reader).
 */
import type { Socket } from "node:net";
import type { Clock } from "../../core/ports/clock.ts";
import type { Rng } from "../../core/ports/rng.ts";
import type { DatabaseAddress } from "../url.ts";
import { authenticate, type LoginMessage } from "./authenticate.ts";
import { wireErrors } from "./errors.ts";
import { MessageReader, type OnMessage } from "./message-reader.ts";
import { startupMessage } from "./message-writer.ts";
import { PgError, parseErrorFields } from "./pg-error.ts";
import { openTransport } from "./transport.ts";

export interface SessionOptions {
  readonly address: DatabaseAddress;
  readonly clock: Clock;
  readonly rng: Rng;
  /** Further start parameters, e.g. `replication`. */
  readonly startParameters?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface SessionOwner {
  readonly onMessage: OnMessage;
  /** Exactly once, after which nothing more arrives. `cause` is null when the server just closed. */
  readonly onClose: (cause: unknown) => void;
  readonly onDrain: () => void;
}

export interface BackendKey {
  readonly pid: number;
  readonly secret: number;
}

export class Session {
  readonly #socket: Socket;
  #owner: SessionOwner;
  #failure: unknown = null;
  #closed = false;
  #isDoomed = false;
  /** Values reported by ParameterStatus: `server_version`, `TimeZone`, … */
  readonly parameters = new Map<string, string>();
  /** For CancelRequest; null when the server sent none. */
  key: BackendKey | null = null;

  constructor(socket: Socket, owner: SessionOwner) {
    this.#socket = socket;
    this.#owner = owner;
    const reader = new MessageReader((type, data, start, end) => {
      // The rest of a chunk counts no more once its first part decided that the session must go.
      if (this.#isDoomed) return;
      if (type === 0x53) this.#parameterStatus(data, start);
      else this.#owner.onMessage(type, data, start, end);
    });
    socket.on("data", (chunk: Buffer) => this.#guard(() => reader.push(chunk)));
    socket.on("drain", () => this.#owner.onDrain());
    socket.on("error", (error) => {
      this.#failure ??= error;
    });
    socket.on("close", () => this.#close());
    socket.on("end", () => socket.destroy());
  }

  set owner(owner: SessionOwner) {
    this.#owner = owner;
    if (this.#closed) owner.onClose(this.#failure);
  }

  /** False when the socket holds bytes back: write no more until `onDrain`. */
  write(bytes: Uint8Array): boolean {
    return this.#socket.write(bytes);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Sends the last bytes and closes. */
  end(lastBytes: Uint8Array): void {
    this.#socket.end(lastBytes);
  }

  /** Nothing is read or written from here on; `onClose` follows. */
  destroy(cause: unknown = null): void {
    this.#isDoomed = true;
    this.#failure ??= cause;
    this.#socket.destroy();
  }

  #guard(run: () => void): void {
    if (this.#isDoomed) return;
    try {
      run();
    } catch (error) {
      this.destroy(error);
    }
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#owner.onClose(this.#failure);
  }

  #parameterStatus(data: Buffer, start: number): void {
    const middle = data.indexOf(0, start);
    const stop = data.indexOf(0, middle + 1);
    this.parameters.set(
      data.toString("utf8", start, middle),
      data.toString("utf8", middle + 1, stop),
    );
  }
}

/**
 * Connects and logs in within `address.connectTimeoutMs`. Throws PgError for a refusal by Postgres,
 * `ReactorError`s of `wireErrors`, or the socket's own error. The owner is set right after.
 */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { address, clock } = options;
  const deadline = new AbortController();
  const cancelTimer = clock.after(address.connectTimeoutMs, () => {
    deadline.abort(wireErrors.database_unavailable(new Error("connecting took too long")));
  });
  const signal = options.signal
    ? AbortSignal.any([deadline.signal, options.signal])
    : deadline.signal;
  try {
    const socket = await openTransport(address, signal);
    return await logIn(socket, options, signal);
  } finally {
    cancelTimer();
  }
}

async function logIn(
  socket: Socket,
  options: SessionOptions,
  signal: AbortSignal,
): Promise<Session> {
  const inbox = new Inbox();
  const session = new Session(socket, inbox);
  const onAbort = () => session.destroy(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    session.write(startupMessage(startParameters(options)));
    await authenticate(options.address, options.rng, inbox, (bytes) => session.write(bytes));
    session.key = await readUntilReady(inbox);
    return session;
  } catch (error) {
    session.destroy(error);
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function startParameters({ address, startParameters }: SessionOptions): Record<string, string> {
  return {
    user: address.user,
    database: address.database,
    application_name: address.applicationName,
    client_encoding: "UTF8",
    DateStyle: "ISO",
    ...(address.options === null ? {} : { options: address.options }),
    ...startParameters,
  };
}

async function readUntilReady(inbox: Inbox): Promise<BackendKey | null> {
  let key: BackendKey | null = null;
  for (;;) {
    const { type, body } = await inbox.next();
    if (type === 0x4b) key = { pid: body.readInt32BE(0), secret: body.readInt32BE(4) };
    if (type === 0x5a) return key;
  }
}

/** Messages of the dialogue, one at a time; an ErrorResponse or the end rejects the wait. */
class Inbox implements SessionOwner {
  #messages: LoginMessage[] = [];
  #failure: unknown = null;
  #wake: () => void = () => undefined;

  readonly onMessage: OnMessage = (type, data, start, end) => {
    if (type === 0x4e) return;
    if (type === 0x45) this.#failure ??= new PgError(parseErrorFields(data, start, end));
    else this.#messages.push({ type, body: Buffer.from(data.subarray(start, end)) });
    this.#wake();
  };

  readonly onClose = (cause: unknown) => {
    this.#failure ??= cause ?? wireErrors.connection_lost();
    this.#wake();
  };

  readonly onDrain = () => undefined;

  async next(): Promise<LoginMessage> {
    for (;;) {
      const message = this.#messages.shift();
      if (message) return message;
      if (this.#failure !== null) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
