/**
 * One walsender connection to a database: SQL and replication commands by the simple protocol, then
 * the stream of a logical slot (PostgreSQL documentation, "Streaming Replication Protocol").
 *
 * The slot is confirmed only as far as `confirm` says, however far was read. Postgres waits in a fast
 * shutdown until everything is confirmed, so this end hangs up when it notices one.
 */
import type { Clock } from "../../core/ports/clock.ts";
import type { Rng } from "../../core/ports/rng.ts";
import type { DatabaseAddress } from "../url.ts";
import { wireErrors } from "../wire/errors.ts";
import { MessageWriter } from "../wire/message-writer.ts";
import { PgError, parseErrorFields } from "../wire/pg-error.ts";
import { readRow } from "../wire/result-messages.ts";
import { openSession, type Session, type SessionOwner } from "../wire/session.ts";
import { ByteCursor } from "./byte-cursor.ts";
import { formatLsn } from "./lsn.ts";
import { decodePgOutput, type PgOutputMessage } from "./pgoutput.ts";
import { standbyStatus } from "./standby-status.ts";

export interface ReplicationOptions {
  /** A role with REPLICATION, on a direct connection. */
  readonly address: DatabaseAddress;
  readonly clock: Clock;
  readonly rng: Rng;
  /** Ends the connection. */
  readonly signal: AbortSignal;
}

/** A message of the output plugin, or null where the server only tells how far it has come. */
export interface Received {
  readonly message: PgOutputMessage | null;
  /** Every transaction that committed before this position was sent. */
  readonly walEnd: bigint;
  readonly sizeBytes: number;
}

export interface StreamOptions {
  readonly slot: string;
  readonly publication: string;
  /** Also sends what `pg_logical_emit_message` writes. Default false. */
  readonly messages?: boolean;
}

/** The socket is paused while this much waits for the reader. */
const MAX_WAITING_BYTES = 1024 * 1024;
const STATUS_MS = 5_000;
/** A reader this slow makes the connection go: paused, it would not notice a shutdown. */
const PAUSED_MS_MAX = 30_000;
/** Asked for so many replies in a row, each right after the last: the server is shutting down. */
const PINGS_MAX = 4;
const PING_GAP_MS = 1_000;
/** "XLogData": its type, start, end and time. */
const WAL_HEAD_BYTES = 25;

type Row = (string | null)[];

export class ReplicationConnection implements SessionOwner {
  readonly #session: Session;
  readonly #clock: Clock;
  readonly #writer = new MessageWriter();
  readonly #onAbort: () => void;
  readonly #signal: AbortSignal;
  #rows: Row[] = [];
  #received: Received[] = [];
  #waitingBytes = 0;
  #pausedAtMs: number | null = null;
  #isStreaming = false;
  #isReady = true;
  #refusal: PgError | null = null;
  #failure: unknown = null;
  #wake: () => void = () => undefined;
  #readLsn = 0n;
  #confirmedLsn = 0n;
  #pings = 0;
  #pingedAtMs = Number.NEGATIVE_INFINITY;
  #stopStatus: () => void = () => undefined;

  /** Throws what `openSession` throws. */
  static async open(options: ReplicationOptions): Promise<ReplicationConnection> {
    const session = await openSession({ ...options, startParameters: { replication: "database" } });
    return new ReplicationConnection(session, options);
  }

  private constructor(session: Session, options: ReplicationOptions) {
    this.#session = session;
    this.#clock = options.clock;
    this.#signal = options.signal;
    session.owner = this;
    this.#onAbort = () => this.close();
    options.signal.addEventListener("abort", this.#onAbort, { once: true });
    if (options.signal.aborted) this.close();
  }

  /** Rows as text. One at a time, and not once the stream has begun. @throws PgError, connection_lost */
  async query(sql: string): Promise<readonly (readonly (string | null)[])[]> {
    this.#rows = [];
    this.#send(sql);
    await this.#until(() => this.#isReady);
    return this.#rows;
  }

  /** Resolves when the stream has begun. @throws PgError, connection_lost */
  async start(options: StreamOptions): Promise<void> {
    const [row] = await this.query(
      "select setting::int8 from pg_catalog.pg_settings where name = 'wal_sender_timeout'",
    );
    this.#send(startCommand(options));
    await this.#until(() => this.#isStreaming);
    // More often than the server asks for it, so that being asked means something.
    const timeoutMs = Number(row?.[0] ?? 0);
    const everyMs = timeoutMs > 0 ? Math.min(STATUS_MS, timeoutMs / 4) : STATUS_MS;
    this.#stopStatus = this.#clock.every(everyMs, () => this.#onTick());
  }

  /** What has come since the last call, at least one. @throws PgError, connection_lost */
  async receive(): Promise<readonly Received[]> {
    await this.#until(() => this.#received.length > 0);
    const received = this.#received;
    this.#received = [];
    this.#waitingBytes = 0;
    if (this.#pausedAtMs !== null) {
      this.#pausedAtMs = null;
      this.#session.resume();
    }
    return received;
  }

  /** The slot may forget transactions that committed before `lsn`; told with the next status. */
  confirm(lsn: bigint): void {
    if (lsn > this.#confirmedLsn) this.#confirmedLsn = lsn;
  }

  /** Tells the server now what was confirmed. */
  sendStatus(): void {
    if (!this.#isStreaming || this.#failure !== null) return;
    this.#session.write(
      standbyStatus(this.#readLsn, this.#confirmedLsn, Math.floor(this.#clock.now())),
    );
  }

  /** Idempotent. A slot stays as it was last confirmed. */
  close(): void {
    this.sendStatus();
    this.#end();
    this.#session.destroy(this.#signal.aborted ? this.#signal.reason : null);
  }

  readonly onMessage = (type: number, data: Buffer, start: number, end: number) => {
    switch (type) {
      case 0x64: // CopyData
        this.#onCopyData(data, start, end);
        break;
      case 0x44: // DataRow
        this.#rows.push(readRow(data, start).map((value) => value && decoder.decode(value)));
        break;
      case 0x57: // CopyBothResponse
        this.#isStreaming = true;
        break;
      case 0x45: // ErrorResponse
        this.#onError(new PgError(parseErrorFields(data, start, end)));
        break;
      case 0x63: // CopyDone: the server has shut the slot
        this.#session.destroy(wireErrors.connection_lost(new Error("the stream has ended")));
        break;
      case 0x5a: // ReadyForQuery
        this.#isReady = true;
        break;
      default: // RowDescription, CommandComplete, NoticeResponse, ParameterStatus
        return;
    }
    this.#wake();
  };

  readonly onClose = (cause: unknown) => {
    this.#failure ??= this.#refusal ?? wireErrors.connection_lost(cause);
    this.#end();
    this.#wake();
  };

  readonly onDrain = () => undefined;

  #send(sql: string): void {
    if (this.#failure !== null) return;
    this.#isReady = false;
    this.#refusal = null;
    this.#writer.simpleQuery(sql);
    this.#session.write(this.#writer.take());
  }

  async #until(isSo: () => boolean): Promise<void> {
    for (;;) {
      if (isSo() && this.#refusal === null) return;
      if (this.#failure !== null) throw this.#failure;
      // After a refusal the connection can be used again, once the server says so.
      if (this.#refusal !== null && this.#isReady) throw this.#refusal;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #onError(error: PgError): void {
    this.#refusal ??= error;
    if (error.severity !== "ERROR" || this.#isStreaming) this.#session.destroy(error);
  }

  #onCopyData(data: Buffer, start: number, end: number): void {
    const cursor = new ByteCursor(data, start, end);
    const kind = cursor.byte();
    if (kind === 0x6b) this.#onKeepAlive(cursor);
    else if (kind === 0x77) this.#onWalData(cursor, data, start, end);
    else throw wireErrors.protocol_violation(`replication data of kind ${kind}`);
  }

  #onWalData(cursor: ByteCursor, data: Buffer, start: number, end: number): void {
    cursor.uint64();
    const walEnd = cursor.uint64();
    cursor.int64();
    this.#keep(decodePgOutput(data, start + WAL_HEAD_BYTES, end), walEnd, end - start);
  }

  #onKeepAlive(cursor: ByteCursor): void {
    const walEnd = cursor.uint64();
    cursor.uint64();
    const isAsked = cursor.byte() === 1;
    this.#keep(null, walEnd, 0);
    if (!isAsked) return;
    const nowMs = this.#clock.monotonic();
    this.#pings = nowMs - this.#pingedAtMs < PING_GAP_MS ? this.#pings + 1 : 1;
    this.#pingedAtMs = nowMs;
    if (this.#pings < PINGS_MAX) this.sendStatus();
    else this.#letGo("the server is shutting down");
  }

  #keep(message: PgOutputMessage | null, walEnd: bigint, sizeBytes: number): void {
    if (walEnd > this.#readLsn) this.#readLsn = walEnd;
    // Only the last word about progress counts.
    if (message === null && this.#received.at(-1)?.message === null) this.#received.pop();
    this.#received.push({ message, walEnd, sizeBytes });
    this.#waitingBytes += sizeBytes;
    if (this.#pausedAtMs !== null || this.#waitingBytes < MAX_WAITING_BYTES) return;
    this.#pausedAtMs = this.#clock.monotonic();
    this.#session.pause();
  }

  #onTick(): void {
    const pausedMs = this.#pausedAtMs === null ? 0 : this.#clock.monotonic() - this.#pausedAtMs;
    if (pausedMs < PAUSED_MS_MAX) this.sendStatus();
    else this.#letGo("the reader was too slow");
  }

  #letGo(why: string): void {
    this.#session.destroy(wireErrors.connection_lost(new Error(why)));
  }

  #end(): void {
    this.#stopStatus();
    this.#signal.removeEventListener("abort", this.#onAbort);
  }
}

const decoder = new TextDecoder();

/** Both names are ours; quoting them is for the day they are not. */
function startCommand({ slot, publication, messages }: StreamOptions): string {
  const names = `"${publication.replaceAll('"', '""')}"`.replaceAll("'", "''");
  const options = ["proto_version '1'", `publication_names '${names}'`];
  if (messages === true) options.push("messages 'true'");
  return `START_REPLICATION SLOT "${slot}" LOGICAL ${formatLsn(0n)} (${options.join(", ")})`;
}
