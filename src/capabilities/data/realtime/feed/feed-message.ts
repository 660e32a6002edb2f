/**
 * What the servers of one tenant tell each other about the feed. The holder of the lease sends what
 * it reads as a chain: each piece says behind which position it goes, so that a lost one is noticed
 * by whoever needs it and asked for again.
 */
import type { TupleValue } from "../../../../postgres/replication/pgoutput.ts";
import { formatPosition, type Position, parsePosition } from "./position.ts";
import type { RawChange, RowShape, RowValues } from "./raw-change.ts";

/** "I have subscribers", and perhaps "send me what comes after this". */
export interface HelloMessage {
  readonly kind: "hello";
  readonly from: string;
  /** Of the log of whoever asks: empty, and it wants all there is. */
  readonly incarnation: string;
  readonly want: Position | null;
}

/** All changes behind `prev`, up to and including `last`. */
export interface PieceMessage {
  readonly kind: "piece";
  readonly from: string;
  /** One server, or everybody. */
  readonly to: string | null;
  readonly incarnation: string;
  readonly prev: Position;
  readonly last: Position;
  /** The last piece of what was asked for. */
  readonly isEnd: boolean;
  readonly changes: readonly RawChange[];
}

/** To one server: what it asked for is gone. It begins anew behind `floor`; the rest follows. */
export interface RestartMessage {
  readonly kind: "restart";
  readonly from: string;
  readonly to: string;
  readonly incarnation: string;
  readonly floor: Position;
}

export type FeedMessage = HelloMessage | PieceMessage | RestartMessage;

/** JSON has no undefined: a value that is not told is a zero, which no value is. */
type WrittenValue = string | null | 0;

interface WrittenChange {
  readonly p: string;
  readonly x: number | null;
  readonly at: number;
  readonly t: RawChange["type"];
  readonly why: string;
  /** Index into the message's shapes. */
  readonly s: number;
  readonly row: readonly WrittenValue[] | null;
  readonly old: readonly WrittenValue[] | null;
  readonly size: number;
}

export function writeMessage(message: FeedMessage): string {
  switch (message.kind) {
    case "hello":
      return JSON.stringify({ ...message, want: message.want && formatPosition(message.want) });
    case "restart":
      return JSON.stringify({ ...message, floor: formatPosition(message.floor) });
    case "piece":
      return writePiece(message);
  }
}

function writePiece(message: PieceMessage): string {
  const shapes: RowShape[] = [];
  const changes = message.changes.map((change): WrittenChange => {
    let shape = shapes.indexOf(change.shape);
    if (shape < 0) shape = shapes.push(change.shape) - 1;
    return {
      p: formatPosition(change.position),
      x: change.xid,
      at: change.committedAtMs,
      t: change.type,
      why: change.reason,
      s: shape,
      row: change.row && writeValues(change.row),
      old: change.old && writeValues(change.old),
      size: change.sizeBytes,
    };
  });
  const { prev, last } = message;
  return JSON.stringify({
    ...message,
    ...{ prev: formatPosition(prev), last: formatPosition(last), shapes, changes },
  });
}

function writeValues(values: RowValues): WrittenValue[] {
  return values.map((value) => (value === undefined ? 0 : value));
}

/** Only for what a server of this installation wrote: its seal was checked. Throws for anything else. */
export function readMessage(text: string): FeedMessage {
  const written = JSON.parse(text) as Record<string, unknown> & { kind: FeedMessage["kind"] };
  switch (written.kind) {
    case "hello": {
      const want = written["want"] === null ? null : positionIn(written["want"]);
      return { ...written, want } as unknown as HelloMessage;
    }
    case "restart":
      return { ...written, floor: positionIn(written["floor"]) } as unknown as RestartMessage;
    case "piece": {
      const shapes = written["shapes"] as RowShape[];
      const changes = (written["changes"] as WrittenChange[]).map((one) => readChange(one, shapes));
      const ends = { prev: positionIn(written["prev"]), last: positionIn(written["last"]) };
      return { ...written, ...ends, changes } as unknown as PieceMessage;
    }
  }
}

function readChange(written: WrittenChange, shapes: readonly RowShape[]): RawChange {
  const shape = shapes[written.s];
  if (!shape) throw new Error("a change without its table");
  return {
    position: positionIn(written.p),
    xid: written.x,
    committedAtMs: written.at,
    type: written.t,
    reason: written.why,
    shape,
    row: written.row && readValues(written.row),
    old: written.old && readValues(written.old),
    sizeBytes: written.size,
  };
}

function readValues(values: readonly WrittenValue[]): TupleValue[] {
  return values.map((value) => (value === 0 ? undefined : value));
}

function positionIn(value: unknown): Position {
  const position = typeof value === "string" ? parsePosition(value) : null;
  if (!position) throw new Error("a message without its position");
  return position;
}
