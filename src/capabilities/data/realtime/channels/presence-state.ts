/**
 * Who is present where, on all servers: each server owns the presences of its own sockets and numbers
 * its changes; every other keeps a copy that is exactly what the owner had at some number. A change
 * that does not follow the copy's number means something was lost: the owner is asked for a snapshot.
 * So copies converge whatever the network reorders, repeats or loses. Pure: no time, no network.
 */

/** One `track()` of one channel. */
export interface Presence {
  /** `phx_ref`: unique among all servers. */
  readonly ref: string;
  readonly topic: string;
  readonly key: string;
  /** JSON text of the object that subscribers see, `phx_ref` in it. */
  readonly meta: string;
}

export type PresenceOp = { readonly add: Presence } | { readonly remove: string };

export interface PresenceDelta {
  /** The number that the owner's state has after it. */
  readonly seq: number;
  readonly ops: readonly PresenceOp[];
}

export interface PresenceSnapshot {
  readonly seq: number;
  readonly presences: readonly Presence[];
}

/** Called for each presence that comes or goes, own ones too. */
export type OnPresence = (change: "join" | "leave", presence: Presence) => void;

interface Copy {
  seq: number;
  readonly presences: Map<string, Presence>;
}

export class PresenceState {
  readonly #own: string;
  readonly #onChange: OnPresence;
  readonly #servers = new Map<string, Copy>();
  readonly #topics = new Map<string, Map<string, Presence>>();
  #pending: PresenceOp[] = [];

  /** @param own name of this server */
  constructor(own: string, onChange: OnPresence) {
    this.#own = own;
    this.#onChange = onChange;
  }

  add(presence: Presence): void {
    this.#insert(this.#copyOf(this.#own), presence);
    this.#pending.push({ add: presence });
  }

  remove(ref: string): void {
    if (this.#delete(this.#copyOf(this.#own), ref)) this.#pending.push({ remove: ref });
  }

  /** Own changes since the last call, numbered; null when there were none. */
  takeDelta(): PresenceDelta | null {
    if (this.#pending.length === 0) return null;
    const ops = this.#pending;
    this.#pending = [];
    const copy = this.#copyOf(this.#own);
    copy.seq += 1;
    return { seq: copy.seq, ops };
  }

  /** Own presences at the number of the last delta taken; take it first. */
  snapshot(): PresenceSnapshot {
    const { seq, presences } = this.#copyOf(this.#own);
    return { seq, presences: [...presences.values()] };
  }

  /** The number of the copy of `server`; 0 when nothing is known of it. */
  seqOf(server: string): number {
    return this.#servers.get(server)?.seq ?? 0;
  }

  /** False when a change before it is missing: ask for a snapshot. */
  applyDelta(server: string, { seq, ops }: PresenceDelta): boolean {
    const copy = this.#copyOf(server);
    if (seq <= copy.seq) return true;
    if (seq > copy.seq + 1) return false;
    copy.seq = seq;
    for (const op of ops) {
      if ("add" in op) this.#insert(copy, op.add);
      else this.#delete(copy, op.remove);
    }
    return true;
  }

  applySnapshot(server: string, { seq, presences }: PresenceSnapshot): void {
    const copy = this.#copyOf(server);
    if (seq <= copy.seq) return;
    copy.seq = seq;
    const kept = new Set(presences.map((presence) => presence.ref));
    for (const ref of [...copy.presences.keys()]) if (!kept.has(ref)) this.#delete(copy, ref);
    for (const presence of presences) this.#insert(copy, presence);
  }

  /** The server is gone, and with it everybody on it. */
  drop(server: string): void {
    const copy = this.#servers.get(server);
    if (!copy) return;
    for (const ref of [...copy.presences.keys()]) this.#delete(copy, ref);
    this.#servers.delete(server);
  }

  list(topic: string): readonly Presence[] {
    return [...(this.#topics.get(topic)?.values() ?? [])];
  }

  #copyOf(server: string): Copy {
    let copy = this.#servers.get(server);
    if (!copy) {
      copy = { seq: 0, presences: new Map() };
      this.#servers.set(server, copy);
    }
    return copy;
  }

  #insert(copy: Copy, presence: Presence): void {
    if (copy.presences.has(presence.ref)) return;
    copy.presences.set(presence.ref, presence);
    const present = this.#topics.get(presence.topic) ?? new Map<string, Presence>();
    this.#topics.set(presence.topic, present);
    present.set(presence.ref, presence);
    this.#onChange("join", presence);
  }

  #delete(copy: Copy, ref: string): boolean {
    const presence = copy.presences.get(ref);
    if (!presence) return false;
    copy.presences.delete(ref);
    const present = this.#topics.get(presence.topic);
    present?.delete(ref);
    if (present?.size === 0) this.#topics.delete(presence.topic);
    this.#onChange("leave", presence);
    return true;
  }
}
