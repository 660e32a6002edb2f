/** What servers tell one another on the Bus: a JSON head, and for broadcasts a body on the next line. */
import { type Broadcast, type BroadcastHead, packBroadcast, unpackBroadcast } from "./broadcast.ts";
import type { Presence, PresenceDelta, PresenceSnapshot } from "./presence-state.ts";

export type ClusterBody =
  | {
      /** `hello`: I have come (back), who is there? `here`: I am; also the heartbeat. */
      readonly kind: "hello" | "here";
      /** Number of the sender's presences. */
      readonly seq: number;
    }
  | { readonly kind: "bye" }
  | { readonly kind: "ask"; readonly of: string }
  | { readonly kind: "delta"; readonly delta: PresenceDelta }
  | SnapshotPart
  | { readonly kind: "cast"; readonly topic: string; readonly broadcast: Broadcast };

interface SnapshotPart {
  readonly kind: "snapshot";
  readonly part: number;
  readonly parts: number;
  readonly snapshot: PresenceSnapshot;
}

export type ClusterMessage = ClusterBody & { readonly from: string };

/** A quarter of what a Bus message may hold: text grows by its escapes, its UTF-8 and the seal. */
const SNAPSHOT_CHARS = 250_000;

/** The seal's key is also the change feed's: its messages are none of ours. */
const OURS = "channels ";

export function writeMessage(message: ClusterMessage): string {
  return OURS + textOf(message);
}

function textOf(message: ClusterMessage): string {
  if (message.kind !== "cast") return JSON.stringify(message);
  const { head, text } = packBroadcast(message.broadcast);
  const { kind, from, topic } = message;
  return `${JSON.stringify({ kind, from, topic, ...head })}\n${text}`;
}

/** Null for what is no message of ours. */
export function readMessage(text: string): ClusterMessage | null {
  if (!text.startsWith(OURS)) return null;
  const payload = text.slice(OURS.length);
  const end = payload.indexOf("\n");
  if (end < 0) return JSON.parse(payload) as ClusterMessage;
  const head = JSON.parse(payload.slice(0, end)) as BroadcastHead & { from: string; topic: string };
  const broadcast = unpackBroadcast(head, payload.slice(end + 1));
  return { kind: "cast", from: head.from, topic: head.topic, broadcast };
}

/** A snapshot in messages of bounded size. */
export function snapshotParts(snapshot: PresenceSnapshot): SnapshotPart[] {
  const groups: Presence[][] = [[]];
  let chars = 0;
  for (const presence of snapshot.presences) {
    const size = presence.meta.length + presence.topic.length + presence.key.length + 100;
    if (chars + size > SNAPSHOT_CHARS && chars > 0) {
      groups.push([]);
      chars = 0;
    }
    groups.at(-1)?.push(presence);
    chars += size;
  }
  return groups.map((presences, part) => ({
    kind: "snapshot",
    part,
    parts: groups.length,
    snapshot: { seq: snapshot.seq, presences },
  }));
}

/** Puts the parts of one server's snapshots together again, whatever order they come in. */
export class SnapshotCollector {
  #seq = -1;
  #parts = new Map<number, readonly Presence[]>();

  /** The whole once its last part is here. */
  add(part: number, parts: number, { seq, presences }: PresenceSnapshot): PresenceSnapshot | null {
    if (seq < this.#seq) return null;
    if (seq > this.#seq) {
      this.#seq = seq;
      this.#parts = new Map();
    }
    this.#parts.set(part, presences);
    if (this.#parts.size < parts) return null;
    const whole = [...this.#parts.values()].flat();
    this.#parts = new Map();
    return { seq, presences: whole };
  }
}
